"""Canvas's own gradebook comes back with its ids and titles, and with points in the labs' columns only."""

from __future__ import annotations

import pytest

from grader.errors import UsageError
from grader.exports.canvas import export
from tests.grader.exports.made import LAB, asked, only, table

HEAD = "Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (9911),Essay (9912),Current Score (read only)"
POSSIBLE = '"    Points Possible",,,,,4,10,(read only)'
BOOK = "\n".join(
    [
        HEAD,
        POSSIBLE,
        '"Holm, Ida",4411,u77,iholm,"S1, evening",,7,70',
        '"van den Akker, =Bo",4412,,,S1,2,,',
        '"Yıldız, Cem",4413,,,S1,3,,',
        '"Student, Test",4420,,,S1,,,',
        '"Nobody, Yet",4421,,,S1,,,',
    ]
)


def test_the_lab_s_column_is_filled_and_nothing_else_is_sent() -> None:
    exported = export(asked(BOOK))
    rows = {row["ID"]: row for row in table(only(exported))}
    assert list(rows["4411"]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1 (9911)"]
    assert {name: row["Lab 1 (9911)"] for name, row in rows.items()} == {
        "": "4",
        "4411": "3",
        "4412": "3.5",
        "4413": "3",
        "4420": "",
        "4421": "",
    }
    assert (rows["4411"]["Student"], rows["4411"]["Section"]) == ("Holm, Ida", "S1, evening")
    assert rows[""]["Student"] == "    Points Possible"


def test_who_is_on_one_side_only_and_who_has_no_points_is_named() -> None:
    notes = "\n".join(export(asked(BOOK)).notes)
    assert "not in Canvas's gradebook, so nobody's points were written for: Somebody Else" in notes
    assert "no points yet, so the cell stayed as it was: Yıldız, Cem" in notes
    assert "points were not scaled" not in notes


def test_another_number_of_possible_points_is_told_and_nothing_is_scaled() -> None:
    exported = export(asked(BOOK.replace(POSSIBLE, '"    Points Possible",,,,,100,10,')))
    assert f"{LAB} has 4 points here and 100 in Canvas; points were not scaled" in exported.notes
    assert [row["Lab 1 (9911)"] for row in table(only(exported)) if row["ID"] == "4411"] == ["3"]


@pytest.mark.parametrize(
    "title",
    ["Lab 1 (5)", "01_persistence (5)", "Persistence (5)", "Keep the conversation (5)",
     "Lab 1: Keep the conversation (5)", "LAB 1 – persistence (5)", " lab 1 (5) "],
)  # fmt: skip
def test_a_column_is_known_by_the_lab_s_names(title: str) -> None:
    exported = export(asked(BOOK.replace("Lab 1 (9911)", title)))
    assert [row[title] for row in table(only(exported)) if row["ID"] == "4411"] == ["3"]


def test_a_column_of_another_name_is_named_by_hand() -> None:
    book = BOOK.replace("Lab 1 (9911)", "Week 3 (9911)")
    with pytest.raises(UsageError, match=r"no column that can be told to be 01_persistence") as caught:
        export(asked(book))
    assert "it has: Week 3 (9911), Essay (9912)" in caught.value.hint
    exported = export(asked(book, columns={LAB: "week 3 (9911)"}))
    assert [row["Week 3 (9911)"] for row in table(only(exported)) if row["ID"] == "4411"] == ["3"]
    with pytest.raises(UsageError, match="has no column 'Week 4'"):
        export(asked(book, columns={LAB: "Week 4"}))


def test_two_columns_that_could_be_the_lab_are_not_guessed_at() -> None:
    with pytest.raises(UsageError, match="several columns"):
        export(asked(BOOK.replace("Essay (9912)", "Persistence (9912)")))


def test_semicolons_stay_semicolons() -> None:
    text = BOOK.replace('"', "").replace(", ", "~").replace(",", ";").replace("~", ", ")
    rows = {row["ID"]: row for row in table(only(export(asked(text))), ";")}
    assert rows["4411"]["Lab 1 (9911)"] == "3"


def test_without_the_file_or_with_another_one_it_says_what_to_download() -> None:
    with pytest.raises(UsageError, match="a file of Canvas's is needed") as caught:
        export(asked())
    assert "--fill" in caught.value.hint
    with pytest.raises(UsageError, match="no column of Canvas's that names students"):
        export(asked("a,b\n1,2\n"))
    with pytest.raises(UsageError, match="line 2: a quotation mark is never closed"):
        export(asked(HEAD + '\n"a\n'))
