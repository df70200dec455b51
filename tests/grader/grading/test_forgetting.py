"""Nothing of somebody who is forgotten stays, nothing of anybody else goes, and all of it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader import cli
from grader.results import store, strays
from grader.submissions.layout import OLDER, Stray
from tests.grader.results.made import LAB, partly, result
from tests.grader.submissions.files import hand_in

ADA = "Ada Okafor"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two people's results, and what they handed in."""
    hand_in(
        tmp_path / "in", f"{ADA}/{LAB}.ipynb", f"{ADA}/{LAB}-1.ipynb", f"{ADA}/notes.txt", f"bob/{LAB}.ipynb"
    )
    folder = tmp_path / "grades"
    store.write(folder, result("4711", name=ADA, path=f"{ADA}/{LAB}-1.ipynb"))
    store.write(folder, result("4711", name=ADA, path=f"{ADA}/{LAB}.ipynb", attempt=1))
    store.write(folder, partly("bob", path=f"bob/{LAB}.ipynb"))
    strays.write(folder, [Stray(f"{ADA}/notes.txt", "is no lab", ADA), Stray("x", OLDER, "bob")])
    assert typed("report", folder).exit_code == 0
    return folder


def typed(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_file_of_the_person_goes_and_is_named(out: Path) -> None:
    before = files(out.parent)
    done = typed("forget", out, "4711", "--submissions", out.parent / "in", "--yes")
    assert done.exit_code == 0, done.output
    gone = before - files(out.parent)
    assert gone == {
        f"in/{ADA}/{LAB}.ipynb", f"in/{ADA}/{LAB}-1.ipynb", f"in/{ADA}/notes.txt",
        f"grades/results/4711/{LAB}.json", f"grades/results/4711/{LAB}.attempt-1.json",
        f"grades/feedback/4711/{LAB}.html",
    }  # fmt: skip
    assert {line.removeprefix("removed: ") for line in done.stdout.splitlines()} == {
        str(out.parent / path) for path in gone
    }
    for path in out.parent.rglob("*"):
        assert "4711" not in path.name
        assert path.is_dir() or (b"4711" not in path.read_bytes() and ADA.encode() not in path.read_bytes())
    assert (out / "gradebook.csv").read_text().count("\nbob,") == 1


def test_without_yes_nothing_goes(out: Path) -> None:
    before = {path: (out.parent / path).read_bytes() for path in files(out.parent)}
    done = typed("forget", out, "4711", "--submissions", out.parent / "in")
    assert done.exit_code == 0
    assert done.stdout.count("would go: ") == 6
    assert "--yes removes these files" in done.stderr
    assert {path: (out.parent / path).read_bytes() for path in files(out.parent)} == before


def test_without_the_folder_of_submissions_it_says_what_is_still_there(out: Path) -> None:
    done = typed("forget", out, "4711", "--yes")
    assert f"still there: {ADA}/{LAB}-1.ipynb, {ADA}/{LAB}.ipynb; add --submissions DIR" in done.stderr
    assert (out.parent / "in" / ADA / f"{LAB}.ipynb").exists()


def test_lines_that_people_wrote_are_told_and_left_to_them(out: Path) -> None:
    line = f"4711,{LAB},*,4,M. Meyer,read\n"
    with (out / "adjustments.csv").open("a") as file:
        file.write(line)
    (out / "course.toml").write_text('timezone = "UTC"\n[[extension]]\nstudent = "4711"\ndays = 1\n')
    done = typed("forget", out, "4711", "--yes")
    assert done.exit_code == 1
    assert "note: adjustments.csv, line 2 may name this person" in done.stderr
    assert "note: course.toml, line 3 may name this person" in done.stderr
    assert (out / "adjustments.csv").read_text().endswith(line)


def test_what_a_group_handed_in_stays_for_the_others(out: Path) -> None:
    store.write(out, result("eve", path=f"bob/{LAB}.ipynb"))
    done = typed("forget", out, "eve", "--submissions", out.parent / "in", "--yes")
    assert f"bob/{LAB}.ipynb stays, because somebody else handed it in, too" in done.stderr
    assert (out.parent / "in" / "bob" / f"{LAB}.ipynb").exists()
    assert "eve" not in (out / "gradebook.csv").read_text()


def test_a_name_that_nobody_has_is_refused(out: Path) -> None:
    done = typed("forget", out, "471", "--yes")
    assert done.exit_code == 2
    assert "nothing is known of '471'" in done.stderr


def test_an_empty_name_is_nobodys(out: Path) -> None:
    before = files(out.parent)
    done = typed("forget", out, "", "--submissions", out.parent / "in", "--yes")
    assert done.exit_code == 2
    assert "an empty name" in done.output
    assert files(out.parent) == before


def test_a_partner_s_other_work_stays(out: Path) -> None:
    """What two have handed in together does not make the second one's own files the first one's."""
    shared = f"team/{LAB}.ipynb"
    hand_in(out.parent / "in", shared, "bob/notes.txt")
    store.write(out, result("4711", name=ADA, path=shared))
    store.write(out, partly("bob", path=shared))
    done = typed("forget", out, "4711", "--submissions", out.parent / "in", "--yes")
    assert done.exit_code == 0, done.output
    assert {"in/bob/notes.txt", f"in/{shared}"} <= files(out.parent)


def test_nothing_is_removed_behind_a_link(out: Path) -> None:
    away = out.parent / "away"
    away.mkdir()
    (away / "kept.json").write_text("{}")
    (out / "results" / "zoe").symlink_to(away, target_is_directory=True)
    done = typed("forget", out, "zoe", "--yes")
    assert done.exit_code == 1
    assert (away / "kept.json").exists()
