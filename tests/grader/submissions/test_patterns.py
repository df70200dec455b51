"""Names of files say who and which lab, in the ways of the programs that write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.submissions.patterns import (
    NOTEBOOK,
    OTHER,
    RENAMED,
    LabMatch,
    Sender,
    canvas,
    is_lab,
    moodle,
    which_lab,
)

LABS = ("01_persistence", "02_stream", "02_stream_async")


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        (
            "doejane_12345_67890_01_persistence-1.ipynb",
            Sender("12345", "doejane", "01_persistence-1.ipynb", 67890),
        ),
        ("doejane_LATE_12345_67890_x.ipynb", Sender("12345", "doejane", "x.ipynb", 67890, late=True)),
        ("doejane_late_12345_67890_x.ipynb", Sender("12345", "doejane", "x.ipynb", 67890, late=True)),
        ("anon_x1Y2z_67890_x.ipynb", Sender("anon_x1Y2z", "", "x.ipynb", 67890)),
        ("LATE_anon_x1Y2z_67890_x.ipynb", Sender("anon_x1Y2z", "", "x.ipynb", 67890, late=True)),
        ("müllerjosé_5_6_x.ipynb", Sender("5", "müllerjosé", "x.ipynb", 6)),
        ("a\nb_5_6_x\ny.ipynb", Sender("5", "a\nb", "x\ny.ipynb", 6)),
        ("777_5_6_x.ipynb", Sender("5", "777", "x.ipynb", 6)),
    ],
)
def test_canvas_writes_name_user_and_upload(name, sender):
    if sender.name or sender.attempt:
        assert canvas(name) == sender
    else:  # a person who is called by a number
        assert canvas(name) == Sender("5", "777", "x.ipynb", 6)


@pytest.mark.parametrize(
    "name",
    ["01_persistence.ipynb", "alice.ipynb", "alice_2024_01_persistence.ipynb", "_1_2_x", "a_1_2_", "a_١_٢_x"],
)
def test_what_is_not_from_canvas(name):
    assert canvas(name) is None


def test_a_name_that_canvas_makes_readable_in_two_ways_is_marked():
    # the user x_5 with number 111, or the user x with number 5?
    assert canvas("x_5_111_222_01_persistence.ipynb") == Sender(
        "5", "x", "222_01_persistence.ipynb", 111, doubtful=True
    )


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ("Jane Doe_12345_assignsubmission_file_", Sender("12345", "Jane Doe", "")),
        ("Jane Doe_12345_assignsubmission_file", Sender("12345", "Jane Doe", "")),
        ("Jane Doe_12345_assignsubmission_file_x.ipynb", Sender("12345", "Jane Doe", "x.ipynb")),
        ("Participant_7_assignsubmission_file_", Sender("7", "Participant", "")),
        ("Jane Doe_7_assignsubmission_onlinetext", Sender("7", "Jane Doe", "", text_only=True)),
        (
            "A_1_assignsubmission_file_B_2_assignsubmission_file_",
            Sender("1", "A", "B_2_assignsubmission_file_"),
        ),
    ],
)
def test_moodle_writes_name_and_participant(name, sender):
    assert moodle(name) == sender


@pytest.mark.parametrize(
    "name",
    ["Jane Doe_12345", "assignsubmission_file_", "x_assignsubmission_file_", "a_b_1_assignsubmission_file_"],
)
def test_what_is_not_from_moodle(name):
    assert moodle(name) is None


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("01_persistence.ipynb", LabMatch(NOTEBOOK, 2, 0, True)),
        ("01_persistence-2.ipynb", LabMatch(NOTEBOOK, 2, 2, True)),
        ("01_persistence (1).ipynb", LabMatch(NOTEBOOK, 2, 1, True)),
        ("01_persistence(1)-3.ipynb", LabMatch(NOTEBOOK, 2, 3, True)),
        ("01_Persistence.IPYNB", LabMatch(NOTEBOOK, 2, 0, False)),
        ("01-persistence.ipynb", LabMatch(NOTEBOOK, 2, 0, False)),
        ("01 persistence.ipynb", LabMatch(NOTEBOOK, 2, 0, False)),
        ("01_persistence-Copy1.ipynb", LabMatch(NOTEBOOK, 1, 0, True)),
        ("01_persistence copy 2.ipynb", LabMatch(NOTEBOOK, 1, 0, True)),
        ("01_persistence-checkpoint.ipynb", LabMatch(NOTEBOOK, 1, 0, True)),
        ("01_persistence_final.ipynb", LabMatch(NOTEBOOK, 0, 0, True)),
        ("HW 01_persistence.ipynb", LabMatch(NOTEBOOK, 0, 0, False)),
        ("01_persistence.ipynb.txt", LabMatch(RENAMED, 2, 0, True)),
        ("01_persistence.ipynb.json", LabMatch(RENAMED, 2, 0, True)),
        ("01_persistence.json", LabMatch(RENAMED, 2, 0, True)),
        ("01_persistence.py", LabMatch(OTHER, 2, 0, True)),
        ("01_persistence.ipynb.zip", LabMatch(OTHER, 0, 0, True)),
    ],
)
def test_a_files_name_fits_a_lab(name, match):
    found = which_lab(name, LABS)
    assert found
    assert (found.lab, found.match) == ("01_persistence", match)


@pytest.mark.parametrize(
    "name",
    ["x.ipynb", "101_persistence.ipynb", "01_persistences.ipynb", "01_persistence", ".ipynb", "1.ipynb"],
)
def test_a_files_name_fits_no_lab(name):
    assert which_lab(name, LABS) is None


def test_the_longer_of_two_labs_is_meant_and_two_at_once_are_none():
    both = which_lab("02_stream_async.ipynb", LABS)
    assert both
    assert both.lab == "02_stream_async"
    assert which_lab("01_aa 02_bb.ipynb", ("01_aa", "02_bb")) is None


def test_better_names_are_greater():
    names = [
        "01_persistence.py",
        "01_persistence.json",
        "x 01_persistence.ipynb",
        "01_persistence-Copy1.ipynb",
    ]
    names += [
        "01_Persistence.ipynb",
        "01_persistence.ipynb",
        "01_persistence-1.ipynb",
        "01_persistence (2).ipynb",
    ]
    found = [name.match for name in (which_lab(one, LABS) for one in names) if name]
    assert found == sorted(found)
    assert len(found) == len(names)


def test_a_folder_is_named_after_a_lab():
    assert is_lab("01 Persistence", LABS) == "01_persistence"
    assert is_lab("02_stream", LABS) == "02_stream"
    assert is_lab("alice", LABS) is None


@given(st.text(alphabet="a_0123()-. copyLATEnb", max_size=60))
def test_no_name_is_too_odd(name):
    for known in (canvas(name), moodle(name)):
        assert known is None or known.student
    which_lab(name, LABS)
    which_lab(f"01_persistence{name}.ipynb", LABS)
