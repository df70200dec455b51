"""What was handed in is found, however it was collected; what is not graded is named."""

import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.submissions import walk
from grader.submissions.layout import (
    DOUBTFUL,
    NO_GRADES,
    NO_LAB,
    NO_OWNER,
    NOTE_DOUBTFUL,
    NOTE_ONLY,
    NOTE_TWIN,
    OLDER,
    TIE,
    TIED,
    TYPED,
    WHICH,
    WORSE,
    Found,
    Handed,
    find_submissions,
)
from tests.grader.submissions.files import LAB, TWO, hand_in

MOODLE = "Jane Doe_777_assignsubmission_file_"


def found(handed: Handed) -> dict[tuple[str, str], str]:
    assert all(one.problem is None for one in handed.found)
    return {(one.student, one.lab): one.path for one in handed.found}


def strays(handed: Handed) -> dict[str, str]:
    return {stray.path: stray.why for stray in handed.strays}


def test_the_start_page_is_not_a_lab_and_progress_is_nobody_s_hand_in(tmp_path):
    hand_in(tmp_path, f"alice/{LAB}.ipynb", "alice/.kit-progress.json", f"bob/{LAB}.ipynb")
    start = Path(__file__).resolve().parents[3] / "labs" / "00_start.ipynb"
    for name in ("alice", "bob"):
        shutil.copy(start, tmp_path / name)
    for labs in ([LAB], TWO):
        handed = find_submissions(tmp_path, labs)
        assert found(handed) == {(name, LAB): f"{name}/{LAB}.ipynb" for name in ("alice", "bob")}
        assert strays(handed) == {f"{name}/00_start.ipynb": NO_GRADES for name in ("alice", "bob")}


# Each way of collecting


def test_one_folder_for_each_person(tmp_path):
    hand_in(tmp_path, f"bob/{LAB}.ipynb", f"alice/{LAB}.ipynb", "alice/02_streaming.ipynb")
    handed = find_submissions(tmp_path, TWO)
    assert handed == Handed(
        (
            Found("alice", LAB, f"alice/{LAB}.ipynb"),
            Found("alice", "02_streaming", "alice/02_streaming.ipynb"),
            Found("bob", LAB, f"bob/{LAB}.ipynb"),
        ),
        (),
    )


@pytest.mark.parametrize("inside", ["", "submitted/"])
def test_nbgraders_folders_named_from_the_course_or_from_inside(tmp_path, inside):
    hand_in(tmp_path, f"{inside}alice/{LAB}/{LAB}.ipynb", f"{inside}bob/{LAB}/problem1.ipynb")
    hand_in(tmp_path, f"{inside}alice/{LAB}/timestamp.txt")
    if inside:
        hand_in(tmp_path, f"source/{LAB}/{LAB}.ipynb", f"release/{LAB}/{LAB}.ipynb", "gradebook.db")
    handed = find_submissions(tmp_path, TWO)
    assert found(handed) == {
        ("alice", LAB): f"{inside}alice/{LAB}/{LAB}.ipynb",
        ("bob", LAB): f"{inside}bob/{LAB}/problem1.ipynb",
    }
    assert [one.notes for one in handed.found] == [(), (NOTE_ONLY,)]
    assert handed.strays == ()


OWN = (f"s1/{LAB}.ipynb", f"s2/{LAB}.ipynb")
PLATFORMS = {
    "moodle": (
        f"Ida Holm_5101_assignsubmission_file_/{LAB}.ipynb",
        "Bo Berg_5102_assignsubmission_file_/x.ipynb",
    ),
    "moodle, flat": (
        f"Ida Holm_5101_assignsubmission_file_{LAB}.ipynb",
        f"Bo_5102_assignsubmission_file_{LAB}.ipynb",
    ),
    "canvas": (f"holmida_5101_9101_{LAB}.ipynb", f"bergbo_5102_9102_{LAB}.ipynb"),
    "own folders": OWN,
    "folders of nbgrader's": (f"submitted/s1/{LAB}/{LAB}.ipynb", f"submitted/s2/{LAB}/{LAB}.ipynb"),
    "folders in folders": (f"s1/work/{LAB}.ipynb", f"s2/handed in/{LAB}.ipynb"),
}


@pytest.mark.parametrize("files", PLATFORMS.values(), ids=PLATFORMS)
@pytest.mark.parametrize(
    "outer", ["", "Lab 1-77/", "download/Lab 1/", "a/b/c/", "__MACOSX/x/../../hand-ins/"]
)
def test_a_class_is_found_however_deep_it_was_unpacked(tmp_path, outer, files):
    hand_in(tmp_path, *files)
    near = find_submissions(tmp_path, [LAB])
    deep = tmp_path.parent / f"{tmp_path.name} deeper"
    hand_in(deep, *(f"{outer}{file}" for file in files))
    far = find_submissions(deep, [LAB])
    assert [one.student for one in far.found] == [one.student for one in near.found]
    assert len(far.found) == 2
    assert far.strays == ()


@pytest.mark.parametrize(
    "files",
    [
        pytest.param((f"ada/{LAB}.ipynb",), id="a notebook"),
        pytest.param((f"ada/{LAB}/{LAB}.ipynb",), id="nbgrader's folder"),
        pytest.param((f"ada/work/{LAB}.ipynb",), id="one folder"),
        pytest.param((f"ada/{LAB}.ipynb", "ada/data/x.csv", "ada/more/y.csv"), id="a notebook and folders"),
        pytest.param(("ada/homework.ipynb", "ada/data/x.csv"), id="a notebook of another name"),
    ],
)
def test_a_class_of_one_person_is_that_person(tmp_path, files):
    hand_in(tmp_path, *files)
    assert [one.student for one in find_submissions(tmp_path, [LAB]).found] == ["ada"]


def test_what_lies_beside_nbgraders_folder_is_named(tmp_path):
    hand_in(
        tmp_path, f"submitted/s1/{LAB}/{LAB}.ipynb", f"s2/{LAB}.ipynb", f"source/{LAB}.ipynb", "notes.txt"
    )
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {("s1", LAB): f"submitted/s1/{LAB}/{LAB}.ipynb"}
    assert strays(handed) == {"s2": walk.BESIDE, "notes.txt": walk.BESIDE}


def test_somebody_may_be_called_submitted(tmp_path):
    hand_in(tmp_path, f"submitted/{LAB}.ipynb", f"alice/{LAB}.ipynb")
    assert set(found(find_submissions(tmp_path, TWO))) == {("alice", LAB), ("submitted", LAB)}


def test_canvas(tmp_path):
    hand_in(tmp_path, f"doejane_111_900_{LAB}.ipynb", f"roejo_LATE_222_901_{LAB}-1.ipynb")
    handed = find_submissions(tmp_path, TWO)
    assert handed.found == (
        Found("111", LAB, f"doejane_111_900_{LAB}.ipynb", name="doejane"),
        Found("222", LAB, f"roejo_LATE_222_901_{LAB}-1.ipynb", name="roejo", late=True),
    )


@pytest.mark.parametrize(
    "path", [f"{MOODLE}/{LAB}.ipynb", f"{MOODLE}/my files/{LAB}.ipynb", f"{MOODLE}{LAB}.ipynb"]
)
def test_moodle(tmp_path, path):
    hand_in(tmp_path, path)
    assert find_submissions(tmp_path, TWO).found == (Found("777", LAB, path, name="Jane Doe"),)


def test_what_was_typed_into_moodles_form_is_named(tmp_path):
    hand_in(tmp_path, "Jane Doe_777_assignsubmission_onlinetext_/onlinetext.html", f"{MOODLE}/{LAB}.ipynb")
    handed = find_submissions(tmp_path, [LAB])
    assert set(found(handed)) == {("777", LAB)}
    assert [(stray.student, stray.why) for stray in handed.strays] == [("777", TYPED)]


def test_flat_files_where_one_lab_is_asked(tmp_path):
    hand_in(tmp_path, "alice.ipynb", f"bob_{LAB}.ipynb", f"{LAB}.ipynb", "notes.txt")
    one, two = find_submissions(tmp_path, [LAB]), find_submissions(tmp_path, TWO)
    assert found(one) == {("alice", LAB): "alice.ipynb", ("bob", LAB): f"bob_{LAB}.ipynb"}
    assert strays(one) == {f"{LAB}.ipynb": NO_OWNER, "notes.txt": NO_OWNER}
    assert found(two) == {("bob", LAB): f"bob_{LAB}.ipynb"}
    assert strays(two) == strays(one) | {"alice.ipynb": NO_OWNER}


# Several files


def test_canvass_newest_upload_counts_and_the_others_are_named(tmp_path):
    old, new = f"doejane_111_900_{LAB}-2.ipynb", f"doejane_LATE_111_1001_{LAB}-1.ipynb"
    hand_in(tmp_path, old, new)
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {("111", LAB): new}
    assert strays(handed) == {old: OLDER}
    assert handed.found[0].late


@pytest.mark.parametrize(
    ("best", "other", "why"),
    [
        (f"{LAB}-1.ipynb", f"{LAB}.ipynb", OLDER),
        (f"{LAB} (2).ipynb", f"{LAB} (1).ipynb", OLDER),
        (f"{LAB}-10.ipynb", f"{LAB}-9.ipynb", OLDER),
        (f"{LAB}.ipynb", f"{LAB}-Copy1.ipynb", WORSE),
        (f"{LAB}.ipynb", f"{LAB}-checkpoint.ipynb", WORSE),
        (f"{LAB}.ipynb", f"{LAB}.html", WORSE),
        (f"{LAB}.ipynb", f"old/{LAB}.ipynb", WORSE),
        (f"{LAB}.ipynb", "01_Persistence.ipynb", WORSE),
        (f"{LAB}_final.ipynb", f"{LAB}.ipynb.txt", WORSE),
    ],
)
def test_of_two_files_in_a_folder_one_counts_and_the_other_is_named(tmp_path, best, other, why):
    hand_in(tmp_path, f"alice/{best}", f"alice/{other}")
    handed = find_submissions(tmp_path, TWO)
    assert found(handed) == {("alice", LAB): f"alice/{best}"}
    assert [(stray.path, stray.why, stray.student, stray.lab) for stray in handed.strays] == [
        (f"alice/{other}", why, "alice", LAB)
    ]


def test_where_nothing_says_which_file_counts_nobody_guesses(tmp_path):
    hand_in(tmp_path, f"alice/a/{LAB}.ipynb", f"alice/b/{LAB}.ipynb", f"bob/{LAB}.ipynb")
    handed = find_submissions(tmp_path, [LAB])
    assert handed.found[0] == Found("alice", LAB, f"alice/a/{LAB}.ipynb", TIE)
    assert strays(handed) == {f"alice/b/{LAB}.ipynb": TIED}


def test_nobody_takes_anothers_place_by_a_name_that_canvas_makes_ambiguous(tmp_path):
    # user 111 calls herself x_5, and her later upload looks like one of user 5
    hand_in(tmp_path, f"smithjo_5_90_{LAB}.ipynb", f"x_5_111_222_{LAB}.ipynb")
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {("5", LAB): f"smithjo_5_90_{LAB}.ipynb"}
    assert strays(handed) == {f"x_5_111_222_{LAB}.ipynb": DOUBTFUL}


def test_nobody_takes_anothers_place_by_naming_a_file_in_the_way_of_another_platform(tmp_path):
    path = f"doejane_111_900_Jo Roe_5_assignsubmission_file_{LAB}.ipynb"
    hand_in(
        tmp_path, path, f"{MOODLE}/Jo Roe_5_assignsubmission_file_{LAB}.ipynb", f"{MOODLE}roe_5_6_{LAB}.ipynb"
    )
    assert {one.student for one in find_submissions(tmp_path, [LAB]).found} == {"111", "777"}


def test_what_was_skipped_is_put_down_to_the_person(tmp_path):
    hand_in(tmp_path, f"{MOODLE}/{LAB}.ipynb")
    (tmp_path / MOODLE / "link").symlink_to("/")
    assert [stray.student for stray in find_submissions(tmp_path, [LAB]).strays] == ["777"]


def test_a_file_whose_own_name_begins_with_a_number_is_graded_with_a_note(tmp_path):
    hand_in(tmp_path, f"doejane_111_900_2_{LAB}.ipynb", f"doejane_111_800_{LAB}.ipynb")
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {("111", LAB): f"doejane_111_900_2_{LAB}.ipynb"}
    assert handed.found[0].notes == (NOTE_DOUBTFUL,)
    assert strays(handed) == {f"doejane_111_800_{LAB}.ipynb": OLDER}


# Other names


@pytest.mark.parametrize("path", ["alice/homework.ipynb", "alice/deep/er/Untitled.ipynb"])
def test_the_only_notebook_counts_where_one_lab_is_asked(tmp_path, path):
    hand_in(tmp_path, path, "alice/data.csv")
    handed = find_submissions(tmp_path, [LAB])
    assert handed.found == (Found("alice", LAB, path, notes=(NOTE_ONLY,)),)
    assert strays(handed) == {"alice/data.csv": NO_LAB}
    assert find_submissions(tmp_path, TWO).found == ()


def test_two_notebooks_of_other_names_are_not_guessed_at(tmp_path):
    hand_in(tmp_path, f"{MOODLE}/a.ipynb", f"{MOODLE}/b.ipynb")
    handed = find_submissions(tmp_path, [LAB])
    assert handed.found == (Found("777", LAB, f"{MOODLE}/a.ipynb", WHICH, "Jane Doe"),)
    assert strays(handed) == {f"{MOODLE}/b.ipynb": TIED}


def test_the_only_notebook_counts_more_than_an_export_with_the_labs_name(tmp_path):
    hand_in(tmp_path, "alice/mine.ipynb", f"alice/{LAB}.html")
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {("alice", LAB): "alice/mine.ipynb"}
    assert strays(handed) == {f"alice/{LAB}.html": WORSE}


@pytest.mark.parametrize("ending", ["py", "html", "zip", "pdf", "ipynb.zip", "json", "ipynb.txt"])
def test_a_file_of_the_wrong_kind_is_not_missing_but_found(tmp_path, ending):
    hand_in(tmp_path, f"alice/{LAB}.{ending}")
    assert found(find_submissions(tmp_path, TWO)) == {("alice", LAB): f"alice/{LAB}.{ending}"}


def test_what_nobody_hands_in_on_purpose_is_left_out(tmp_path):
    hand_in(
        tmp_path,
        f"alice/{LAB}.ipynb",
        f"alice/.ipynb_checkpoints/{LAB}-checkpoint.ipynb",
        f"alice/checkpoints/{LAB}.ipynb",
        f"alice/._{LAB}.ipynb",
        "alice/.git/config",
        "alice/__pycache__/x.pyc",
        "alice/checkpoints.db",
        "alice/checkpoints.db-wal",
        f"__MACOSX/alice/{LAB}.ipynb",
        ".DS_Store",
        "Thumbs.db",
    )
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {("alice", LAB): f"alice/{LAB}.ipynb"}
    assert handed.strays == ()


def test_a_person_may_be_called_almost_anything(tmp_path):
    names = [
        "a,b",
        "O'Brien, Jr",
        '"',
        "a\nb",
        "=1+1",
        "\x1b[31m",
        "\u202exyz",
        "...",
        "..x",
        " ",
        "%41",
        "a" * 255,
    ]
    names += [os.fsdecode(b"\xff\xfe"), "Zoë", "checkpoints", "-rf", "C:", "名前", "x.ipynb"]
    hand_in(tmp_path, *(f"{name}/{LAB}.ipynb" for name in names))
    handed = find_submissions(tmp_path, [LAB])
    assert found(handed) == {(name, LAB): f"{name}/{LAB}.ipynb" for name in sorted(names)}
    assert handed.strays == ()
    assert [one.student for one in handed.found] == sorted(names)


def test_names_that_could_be_taken_for_one_are_kept_apart_and_noted(tmp_path):
    nfc = "jos\u00e9"
    nfd = unicodedata.normalize("NFD", nfc)
    hand_in(tmp_path, *(f"{name}/{LAB}.ipynb" for name in (nfc, nfd, "bob", "Bob", "eve")))
    handed = find_submissions(tmp_path, [LAB])
    assert {one.student for one in handed.found if NOTE_TWIN in one.notes} == {nfc, nfd, "bob", "Bob"}
    assert len(handed.found) == 5


# Links and bounds


def test_links_are_refused_and_named(tmp_path):
    root = tmp_path / "in"
    hand_in(tmp_path, f"secret/{LAB}.ipynb")
    hand_in(root, f"alice/{LAB}.ipynb", "bob/notes.txt")
    (root / "eve").symlink_to(tmp_path / "secret")
    (root / "bob" / "lab").symlink_to("/")
    (root / "bob" / f"{LAB}.ipynb").symlink_to(tmp_path / "secret" / f"{LAB}.ipynb")
    handed = find_submissions(root, [LAB])
    # the reader refuses the file that is a link, so bob has handed in and gets a reason
    assert set(found(handed)) == {("alice", LAB), ("bob", LAB)}
    assert strays(handed) == {"eve": walk.LINKED, "bob/lab": walk.LINKED, "bob/notes.txt": NO_LAB}
    assert {stray.student for stray in handed.strays} == {"eve", "bob"}


def test_the_folder_itself_may_be_a_link(tmp_path):
    hand_in(tmp_path / "real", f"alice/{LAB}.ipynb")
    (tmp_path / "link").symlink_to("real")
    assert set(found(find_submissions(tmp_path / "link", [LAB]))) == {("alice", LAB)}


def test_a_folder_called_like_the_notebook_is_left_to_the_reader(tmp_path):
    hand_in(tmp_path, f"alice/{LAB}.ipynb/{LAB}.ipynb")
    assert found(find_submissions(tmp_path, [LAB])) == {("alice", LAB): f"alice/{LAB}.ipynb"}


def test_folders_are_looked_into_four_levels_deep(tmp_path):
    hand_in(tmp_path, f"alice/a/b/{LAB}.ipynb", f"bob/a/b/c/{LAB}.ipynb")
    handed = find_submissions(tmp_path, [LAB])
    assert set(found(handed)) == {("alice", LAB)}
    assert strays(handed) == {"bob/a/b/c": walk.TOO_DEEP}


@pytest.mark.parametrize("where", ["", "more/"])
def test_a_person_with_very_many_files_does_not_hold_up_the_others(tmp_path, monkeypatch, where):
    monkeypatch.setattr(walk, "PER_PERSON", 5)
    hand_in(tmp_path, *(f"eve/{where}{number}.txt" for number in range(6)))
    hand_in(tmp_path, f"eve/{LAB}.ipynb", f"alice/{LAB}.ipynb")
    handed = find_submissions(tmp_path, TWO)
    assert set(found(handed)) == {("alice", LAB), ("eve", LAB)}
    assert [(stray.path, stray.student) for stray in handed.strays] == [("eve", "eve")]
    assert "holds more than" in handed.strays[0].why


def test_too_many_people_are_wrong_use(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "PEOPLE", 2)
    hand_in(tmp_path, "a.ipynb", "b.ipynb", "c.ipynb")
    with pytest.raises(UsageError, match="more than 2 files and folders"):
        find_submissions(tmp_path, [LAB])


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    hand_in(tmp_path, f"alice/{LAB}.ipynb", f"bob/{LAB}.ipynb", f"alice/private/{LAB}.ipynb")
    real = os.open

    def refusing(path, *args, **more):
        if path in ("bob", "private"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **more)

    monkeypatch.setattr(os, "open", refusing)
    handed = find_submissions(tmp_path, [LAB])
    assert set(found(handed)) == {("alice", LAB)}
    assert strays(handed) == dict.fromkeys(["bob", "alice/private"], "cannot be opened: Permission denied")


def test_an_empty_folder_is_no_error_and_a_missing_one_is(tmp_path):
    assert find_submissions(tmp_path, [LAB]) == Handed((), ())
    with pytest.raises(UsageError, match="No such file"):
        find_submissions(tmp_path / "gone", [LAB])
    with pytest.raises(UsageError, match="no lab"):
        find_submissions(tmp_path, [])


@given(
    st.lists(
        st.sampled_from(["a", "B", LAB, f"{LAB}.ipynb", "x.ipynb", MOODLE, f"doe_1_2_{LAB}.ipynb"]),
        max_size=5,
    )
)
def test_every_file_is_found_or_named_exactly_once(tmp_path_factory, steps):
    root = tmp_path_factory.mktemp("any")
    if steps:
        hand_in(root, "/".join(steps))
    handed = find_submissions(root, [LAB])
    named = [one.path for one in handed.found] + [stray.path for stray in handed.strays]
    assert len(named) == (1 if steps else 0)
    assert handed == find_submissions(root, [LAB])
