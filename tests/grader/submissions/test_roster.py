"""A roster is read or refused with lines; who handed in, who did not and who is a stranger is told apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.submissions import roster as module
from grader.submissions.layout import Found
from grader.submissions.roster import Entry, Student, join, read_roster
from tests.grader.submissions.files import LAB, TWO

JOSE = "jos\u00e9"
JOSE_APART = unicodedata.normalize("NFD", JOSE)


def read(tmp_path, content: bytes | str) -> tuple[Student, ...]:
    path = tmp_path / "roster.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_roster(path)


def refusal(tmp_path, content: bytes | str) -> str:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, content)
    assert caught.value.where.endswith("roster.csv")
    assert caught.value.hint
    return caught.value.message


# Reading


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("student_id,name,email\nal,Al Doe,al@x\n", id="with commas"),
        pytest.param("student_id;name;email\nal;Al Doe;al@x\n", id="with semicolons"),
        pytest.param("\ufeffstudent_id,name,email\r\nal,Al Doe,al@x\r\n", id="from Excel"),
        pytest.param("sep=;\r\nstudent_id;name;email\r\nal;Al Doe;al@x\r\n", id="with Excel's first line"),
        pytest.param(
            "email,group,Student_ID ,name\nal@x,7,al,Al Doe", id="with other columns in another order"
        ),
        pytest.param(
            '"student_id","name","email"\n" al ","Al Doe",al@x\n\n,,\n', id="with quotes and blank lines"
        ),
    ],
)
def test_a_roster_is_read(tmp_path, text):
    (student,) = read(tmp_path, text)
    assert (student.id, student.name, student.email) == ("al", "Al Doe", "al@x")


def test_one_column_is_enough_and_lines_are_those_of_the_file(tmp_path):
    assert read(tmp_path, "student_id\nb\n\na\n") == (Student("b", line=2), Student("a", line=4))


def test_names_may_hold_anything(tmp_path):
    text = 'student_id,name\n1,"O\'Brien, Jr"\n2,"a\nb"\n3,=1+1\n"4""",\x1b[31m\n=5,名前\n'
    assert read(tmp_path, text) == (
        Student("1", "O'Brien, Jr", line=2),
        Student("2", "a\nb", line=3),
        Student("3", "=1+1", line=5),
        Student('4"', "\x1b[31m", line=6),
        Student("=5", "名前", line=7),
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", "the roster is empty", id="nothing"),
        pytest.param("\n \n", "the roster is empty", id="blank lines"),
        pytest.param(
            "group,name\n1,a\n",
            "needs one column that names students, such as student_id; it has: group, name",
            id="no column",
        ),
        pytest.param(
            "student_id,student_id\n", "needs one column that names students", id="the column twice"
        ),
        pytest.param("student_id\na\nb\na\n", "line 4: a is already in line 2", id="an id twice"),
        pytest.param(
            f"student_id\n{JOSE}\n{JOSE_APART} \n", f"line 3: {JOSE} is already in line 2", id="one name"
        ),
        pytest.param("student_id,name\n,Al\n", "line 2: no student_id", id="no id"),
        pytest.param("name,student_id\nAl\n", "line 2: no student_id", id="a short row"),
        pytest.param("student_id,name\n1,Doe, Jr\n", "line 2: 3 cells under 2 columns", id="a bare comma"),
        pytest.param(
            'student_id\n"a\n',
            "line 2: a quotation mark is never closed; line 2 was not used",
            id="a quote that is never closed",
        ),
        pytest.param(b"student_id\nok\ncaf\xe9\n", "line 3 of the roster has a byte", id="Latin-1"),
        pytest.param("student_id\n".encode("utf-16"), "saved as UTF-16", id="UTF-16"),
        pytest.param(b"PK\x03\x04xl", "a spreadsheet's own file", id="a spreadsheet"),
        pytest.param("student_id\n" + "x" * 200_000, "field larger than field limit", id="an endless cell"),
    ],
)
def test_a_roster_is_refused_with_the_line(tmp_path, content, words):
    assert words in refusal(tmp_path, content)


def test_all_problems_are_told_at_once_up_to_a_number(tmp_path):
    message = refusal(tmp_path, "student_id,name\n" + ",x\n" * 7)
    assert message.splitlines()[1:] == [*(f"  line {n}: no student_id" for n in range(2, 7)), "  and 2 more"]


def test_what_a_refusal_quotes_is_safe_to_show(tmp_path):
    text = "student_id\n\x1b[31m=a\u202e\n\x1b[31m=a\u202e\n"
    assert "=a<U+202E> is already in line 2" in refusal(tmp_path, text)
    assert "\x1b" not in refusal(tmp_path, "\x1b]0;x\x07,b\n1,2\n")


def test_a_roster_that_is_not_there_or_too_large_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_roster(tmp_path / "gone.csv")
    monkeypatch.setattr(module, "MOST", 10)
    assert "the roster has more than" in refusal(tmp_path, "student_id\naaa\n")


@given(st.binary(max_size=200), st.text(alphabet='student_id,;"\n\r\0é', max_size=60))
def test_no_roster_raises_anything_else(tmp_path_factory, content, text):
    path = tmp_path_factory.mktemp("any") / "roster.csv"
    for data in (content, b"student_id,name\n" + text.encode()):
        path.write_bytes(data)
        try:
            ids = [student.id for student in read_roster(path)]
        except UsageError:
            continue
        assert len(set(ids)) == len(ids)
        assert all(ids)


# Matching


def handed_in(*students: str, lab: str = LAB, **more: str) -> list[Found]:
    return [Found(student, lab, f"{student}/{lab}.ipynb", **more) for student in students]


def known(entries: tuple[Entry, ...]) -> list[tuple[str, str, str]]:
    return [(one.student, one.status, one.found.student if one.found else "") for one in entries]


def test_everyone_on_the_roster_has_an_entry_for_every_lab_and_strangers_follow():
    roster = (Student("bob", "Bob"), Student("al", "Al", "al@x"))
    found = handed_in("al", "zoe")
    assert join(roster, found, TWO) == (
        Entry("bob", LAB, "missing", "Bob"),
        Entry("bob", "02_streaming", "missing", "Bob"),
        Entry("al", LAB, "handed in", "Al", "al@x", found[0], "id"),
        Entry("al", "02_streaming", "missing", "Al", "al@x"),
        Entry("zoe", LAB, "stranger", found=found[1]),
    )


@pytest.mark.parametrize(
    ("student", "one", "way"),
    [
        (Student("al"), Found("al", LAB, "x"), "id"),
        (Student(JOSE), Found(JOSE_APART, LAB, "x"), "id"),
        (Student("al"), Found(" AL", LAB, "x"), "id"),
        (Student("1", email="Al@X"), Found("al@x", LAB, "x"), "email"),
        (Student("1", "Doe, Jane"), Found("777", LAB, "x", name="doejane"), "name"),
        (Student("1", "Jane Doe"), Found("777", LAB, "x", name="doejane"), "name"),
        (Student("1", "Jane O'Doe-Roe"), Found("777", LAB, "x", name="odoeroejane"), "name"),
        (Student("1", "Jane Doe"), Found("777", LAB, "x", name="Jane Doe"), "name"),
        (Student("1", "Doe, Jane"), Found("777", LAB, "x", name="Jane Doe"), "name"),
        (Student("1", JOSE), Found("777", LAB, "x", name=JOSE_APART), "name"),
    ],
)
def test_a_person_is_known_by(student, one, way):
    (entry,) = join([student], [one], [LAB])
    assert (entry.status, entry.found, entry.known_by) == ("handed in", one, way)


def test_the_exact_name_goes_before_one_that_only_looks_alike():
    roster = [Student(JOSE), Student("bob")]
    assert known(join(roster, handed_in(JOSE_APART, JOSE, "Bob", "bob"), [LAB])) == [
        (JOSE, "handed in", JOSE),
        ("bob", "handed in", "bob"),
        (JOSE_APART, "stranger", JOSE_APART),
        ("Bob", "stranger", "Bob"),
    ]


@pytest.mark.parametrize(
    ("roster", "found"),
    [
        pytest.param([Student("bob"), Student("Bob")], handed_in("BOB"), id="two on the roster"),
        pytest.param([Student("bob")], handed_in("Bob", "BOB"), id="two who handed in"),
        pytest.param(
            [Student("1", "Jane Doe"), Student("2", "Doe, Jane")],
            handed_in("7", name="doejane"),
            id="two names",
        ),
        pytest.param(
            [Student("1", "Jane Doe")], handed_in("7", "8", name="doejane"), id="two people of one name"
        ),
        pytest.param([Student("1", ""), Student("2", "-")], handed_in("7", name=""), id="no name at all"),
    ],
)
def test_where_two_could_be_meant_nobody_is(roster, found):
    entries = join(roster, found, [LAB])
    assert [one.status for one in entries] == ["missing"] * len(roster) + ["stranger"] * len(found)


def test_moodle_numbers_a_person_anew_for_each_lab_and_the_name_brings_them_together():
    roster = [Student("jd1", "Jane Doe")]
    found = handed_in("111", name="Jane Doe") + handed_in("222", lab="02_streaming", name="Jane Doe")
    assert known(join(roster, found, TWO)) == [("jd1", "handed in", "111"), ("jd1", "handed in", "222")]


@given(st.lists(st.sampled_from(["a", "A", "b", JOSE, JOSE_APART]), unique=True), st.data())
def test_nothing_that_was_handed_in_is_lost_or_counted_twice(names, more):
    ids = more.draw(st.lists(st.sampled_from(["a", "b", "c", JOSE]), unique=True))
    found = handed_in(*names)
    entries = join([Student(one) for one in ids], found, [LAB])
    assert sorted(one.found.student for one in entries if one.found) == sorted(names)
    assert [one.student for one in entries if one.status != "stranger"] == ids
