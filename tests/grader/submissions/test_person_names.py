"""People are found by their names, however a platform or a folder writes them."""

from __future__ import annotations

import pytest

from grader.submissions.layout import Found
from grader.submissions.person_names import in_any_order, turned, without_accents
from grader.submissions.roster import Entry, Student, join

LAB = "01_persistence"
WRITTEN = [
    # of the roster, by a platform
    ("Lucía Inés Prado Vidal", "pradovidallucíainés"),
    ("Sem van den Akker", "vandenakkersem"),
    ("van den Akker, Sem", "vandenakkersem"),
    ("van den Akker, Sem", "Sem van den Akker"),
    ("Robert Hale Jr.", "halejrrobert"),
    ("Anna De Luca", "delucaanna"),
    ("Min-Jun Bae", "baeminjun"),
    ("José Álvarez", "alvarezjose"),
    ("Jürgen Groß", "grossjuergen"),
    ("Jürgen Groß", "grossjurgen"),
    ("Søren Ærø", "aeroesoeren"),
    ("Łukasz Nowak", "nowaklukasz"),
    ("Nguyễn Thị Lan", "Lan Nguyễn Thị"),
    ("Nguyễn Thị Lan", "nguyenthilan"),
    ("Holm, Ida Maria", "Ida Holm Maria"),
    ("O'Brien, Jack", "obrienjack"),
    ("王小明", "王小明"),
    ("Ada", "ada"),
]


def entry(students: list[Student], name: str) -> Entry:
    found = Found("4711", LAB, "x.ipynb", name=name)
    return next(one for one in join(students, [found], [LAB]) if one.found is not None)


@pytest.mark.parametrize(("name", "written"), WRITTEN)
def test_a_name_is_found_as_platforms_write_it(name: str, written: str) -> None:
    others = [Student("other", "Somebody Else"), Student("third", "Ana De Luna")]
    got = entry([Student("s1", name), *others], written)
    assert (got.student, got.status, got.known_by) == ("s1", "handed in", "name")


@pytest.mark.parametrize(
    ("names", "written"),
    [
        pytest.param(("Jan De Vries", "Vries Jan De"), "devriesjan", id="two orders of the same words"),
        pytest.param(("José Ruiz", "Jose Ruiz "), "ruizjosè", id="two that differ by an accent"),
        pytest.param(("Ida Holm", "Ida Holm"), "holmida", id="the same name"),
        pytest.param(("Ida Holm", "Bo Berg"), "bergida", id="a name of nobody"),
    ],
)
def test_who_could_be_two_people_is_nobody(names: tuple[str, ...], written: str) -> None:
    students = [Student(f"s{number}", name) for number, name in enumerate(names)]
    assert entry(students, written).status == "stranger"


def test_a_folder_may_be_called_by_a_name_a_login_or_another_id() -> None:
    students = [
        Student("u1", "Ida Holm", "iholm@uni.example"),
        Student("u2", "Bo Berg", "bo@uni.example", known_as=("4711", "BBERG")),
        Student("u3", "Cem Yıldız", "cem@uni.example"),
    ]
    for folder, student, way in [
        ("iholm", "u1", "email"),
        ("IHOLM@uni.example", "u1", "email"),
        ("4711", "u2", "id"),
        ("bberg", "u2", "id"),
        ("Cem Yildiz", "u3", "name"),
        ("Holm Ida", "u1", "name"),
    ]:
        found = Found(folder, LAB, f"{folder}/x.ipynb")
        (got,) = [one for one in join(students, [found], [LAB]) if one.found]
        assert (got.student, got.known_by) == (student, way), folder


def test_an_id_is_surer_than_a_name() -> None:
    students = [Student("ida holm", "Bo Berg"), Student("u2", "Ida Holm")]
    found = Found("ida holm", LAB, "x.ipynb")
    (got,) = [one for one in join(students, [found], [LAB]) if one.found]
    assert got.student == "ida holm"


def test_names_of_nothing_are_nobody_s() -> None:
    assert turned("  , ") == in_any_order("Ada") == without_accents(turned)("") == set()


def test_a_name_of_many_words_takes_no_more_than_its_first() -> None:
    assert len(turned("a b " * 5_000)) <= 12
