"""``grader export``, as an instructor types it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader import cli
from grader.results import store
from tests.grader.exports.made import BO, CEM, GONE, IDA
from tests.grader.exports.test_canvas import BOOK


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "grades"
    for one in (IDA, BO, CEM, GONE):
        store.write(folder, one)
    (folder / "adjustments.csv").write_text(
        "student_id,lab,exercise,points,author,reason\n4411,01_persistence,*,4,R. Miller,read by hand\n"
    )
    (tmp_path / "book.csv").write_text(BOOK, "utf-8")
    return folder


def typed(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["export", *map(str, words)])


def test_canvas_s_file_is_filled_with_people_s_decisions(out: Path) -> None:
    to = out.parent / "back" / "canvas.csv"
    done = typed(out, "--format", "canvas", "--fill", out.parent / "book.csv", "--to", to)
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    assert '"Holm, Ida",4411,u77,iholm,"S1, evening",4' in to.read_text("utf-8")
    assert "note: no points yet" in done.stderr
    assert "4 grades as canvas takes them" in done.stderr


def test_pages_go_into_one_archive(out: Path) -> None:
    to = out.parent / "pages.zip"
    done = typed(out, "--format", "canvas", "--feedback", "--to", to)
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(to) as packed:
        assert len(packed.namelist()) == 2
        assert b"<!doctype html>" in packed.read(packed.namelist()[0]).lower()


def test_several_files_go_into_a_folder(out: Path) -> None:
    done = typed(out, "--format", "gradescope", "--to", out.parent / "gs")
    assert done.exit_code == 0, done.output
    assert (out.parent / "gs" / "4411" / "01_persistence" / "results.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "excel"], "there is no format 'excel'"),
        (["--format", "csv", "--feedback"], "pages are exported for: canvas, moodle"),
        (["--format", "csv", "--lab", "09_none"], "there are no results of these labs"),
        (["--format", "canvas"], "a file of Canvas's is needed"),
        (["--format", "canvas", "--fill", "nowhere.csv"], "the file to fill cannot be read"),
        (["--format", "csv", "--column", "x"], "--column 'x' names no column"),
        (["--format", "csv", "--roster", "nowhere.csv"], "the roster cannot be read"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_writes_nothing(out: Path, words: list[str], said: str) -> None:
    to = out.parent / "x"
    done = typed(out, *words, "--to", to)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert not to.exists()


def test_a_folder_without_results_is_a_sentence(tmp_path: Path) -> None:
    done = typed(tmp_path, "--format", "csv", "--to", tmp_path / "x")
    assert done.exit_code == 2
    assert "there are no results" in done.stderr


def test_a_line_of_decisions_that_cannot_be_used_is_told_and_the_rest_is_written(out: Path) -> None:
    with (out / "adjustments.csv").open("a") as file:
        file.write("4412,01_persistence,1.1,99,R. Miller,typo\n")
    done = typed(out, "--format", "csv", "--to", out.parent / "all.csv")
    assert done.exit_code == 1
    assert "line 3" in done.stderr
    assert (out.parent / "all.csv").is_file()
