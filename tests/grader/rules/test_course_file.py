"""A course's rules are read as they are written, and every mistake in them says what to write."""

import re
from importlib import resources

import pytest

from grader.errors import UsageError
from grader.rules.course_file import NAME, CourseRules, LabRules, parse, read
from tests.grader.grading.running import ROOT
from tests.grader.results.made import LAB
from tests.grader.rules.made import DUE, HEAD, rules


def test_a_lab_has_its_own_rules_and_for_the_rest_those_of_every_lab() -> None:
    both = parse(f'{HEAD}[every_lab]\nweight = 2\ncounts = "best"\n[labs.{LAB}]\nweight = 3\n')
    assert (both.lab(LAB).weight, both.lab(LAB).counts) == (3, "best")
    assert (both.lab("02_streaming").weight, both.lab("02_streaming").counts) == (2, "best")


def test_the_file_to_begin_with_can_be_used_as_it_is_and_with_every_example() -> None:
    text = resources.files("grader.rules").joinpath("course.toml").read_text("utf-8")
    assert parse(text).labs == {}
    whole = parse(re.sub(r"(?m)^# (?=[\[a-z].*[=\]])", "", text))
    assert whole.lab(LAB).late is not None
    assert (len(whole.group), len(whole.extension), whole.drop.lowest) == (1, 1, 1)


def test_without_a_file_there_are_no_rules(tmp_path) -> None:
    assert read(tmp_path) is None
    (tmp_path / NAME).write_text(HEAD)
    assert read(tmp_path) == parse(HEAD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "timezone is missing; write the name of a zone"),
        ('timezone = "Berlin"', "timezone: 'Berlin' cannot be used; write the name of a zone"),
        ('timezone = "/etc/passwd"', "timezone: '/etc/passwd' cannot be used"),
        (f"{HEAD}[labs.{LAB}]\ndue = 2026-11-03", f"labs.{LAB}.due: 2026-11-03 is a day without a time"),
        (f'{HEAD}[labs.{LAB}]\ndue = "soon"', f"labs.{LAB}.due: 'soon' cannot be used; write a day"),
        (f"{HEAD}[labs.{LAB}]\ndew = 1", f"labs.{LAB}.dew: there is no such key; write due"),
        (f"{HEAD}[labs.{LAB}]\nxyz = 1", "there is no such key; the keys here are due, grace, last"),
        (f"{HEAD}dropp = 1", "dropp: there is no such key; write drop"),
        (f'{HEAD}[every_lab]\ngrace = "a while"', 'every_lab.grace: \'a while\' cannot be used; write'),
        (f'{HEAD}[every_lab]\ncounts = "middle"', 'every_lab.counts: \'middle\' cannot be used; write'),
        (f"{HEAD}[every_lab]\nweight = -1", "every_lab.weight: -1 cannot be used; write a number"),
        (f'{HEAD}[every_lab]\nweight = "2"', "every_lab.weight: '2' cannot be used"),
        (f"{HEAD}[every_lab]\nlate = {{ off = 200 }}", "every_lab.late.off: 200 cannot be used; write"),
        (f"{HEAD}[every_lab]\nlate = {{ of = 20 }}", "every_lab.late.of: there is no such key; write off"),
        (f'{HEAD}[[group]]\nname = "A"', "group[1].members is missing; write ids"),
        (f'{HEAD}[[group]]\nname = "A"\nmembers = "ada"', "group[1].members: 'ada' cannot be used; write"),
        (f'{HEAD}[labs.lab1]\ndue = {DUE}', "labs.lab1: this is not the name of a lab; write one such as"),
        (f'{HEAD}[labs.{LAB}]\ncounts = "last before due"', f"labs.{LAB}.counts: it needs a due date"),
        (f"{HEAD}[labs.{LAB}]\ndue = {DUE}\nlast = 2026-11-01T10:00:00", f"labs.{LAB}.last: it is before"),
        (f'{HEAD}[[extension]]\ndays = 2', "extension[1]: it is for one person or one group; write"),
        (f'{HEAD}[[extension]]\nstudent = "ada"', "extension[1]: it has one end; write until or days"),
        (f'{HEAD}[[extension]]\ngroup = "Tame"\ndays = 1\n[[group]]\nname = "Team"\nmembers = ["ada"]',
         "extension[1].group: there is no group Tame; write Team"),
        (f'{HEAD}[[group]]\nname = "A"\nmembers = ["ada", "Ada"]', "group[1].members: ada stands there"),
        (f'{HEAD}[[group]]\nname = "A"\nmembers = ["x"]\n[[group]]\nname = "A"\nmembers = ["y"]',
         "group[2].name: A is taken"),
        (f'{HEAD}[[group]]\nname = "A"\nmembers = ["x"]\n[[group]]\nname = "B"\nmembers = ["x"]',
         "group[2].members: x is in A already"),
        ("timezone = ", "the rules are not TOML: invalid value (at end of document)"),
    ],
)  # fmt: skip
def test_a_mistake_says_where_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in str(caught.value)


def test_of_many_mistakes_some_are_told_and_the_rest_is_counted() -> None:
    with pytest.raises(UsageError, match="and 2 more"):
        parse(HEAD + "".join(f"key{number} = 1\n" for number in range(12)))


def test_groups_may_differ_from_lab_to_lab() -> None:
    more = "\n".join(
        f'[[group]]\nname = "{name}"\nmembers = ["ada", "{other}"]\nlabs = ["{lab}"]'
        for name, other, lab in (("A", "bob", LAB), ("B", "cem", "02_streaming"))
    )
    both = rules(more=more)
    assert [one.name for lab in (LAB, "02_streaming") if (one := both.group_of("ada", lab))] == ["A", "B"]
    assert both.group_of("cem", LAB) is None


def test_the_example_of_the_documents_can_be_used_and_every_key_is_explained() -> None:
    text = (ROOT / "docs" / "grading.md").read_text("utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert parse(example).lab("02_streaming").weight == 2
    section = text.partition("## The rules of the course")[2].partition("\n## ")[0]
    for key in (*LabRules.model_fields, *CourseRules.model_fields):
        assert f"`{key}`" in section or f"{key} = " in section or f"[{key}" in section, key
