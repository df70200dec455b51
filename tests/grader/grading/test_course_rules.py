"""``grader rules``, and the rules in what report and export write, as an instructor types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader import cli
from grader.results import store, strays
from grader.results.feedback import path_of
from grader.submissions.layout import Stray
from tests.grader.results.made import LAB, not_graded
from tests.grader.rules.made import HEAD, came

RULES = f"""{HEAD}
[labs.{LAB}]
due = 2026-11-03T23:59:00
last = 2026-11-20T23:59:00
grace = "15 min"
late = {{ off = 10, most = 50 }}
missing = "zero"
[drop]
lowest = 1
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "grades"
    store.write(folder, came("2026-11-05T14:12:00", "ada", 3, name="Ada Okafor", path="ada/x.ipynb"))
    store.write(folder, came("2026-11-03T09:00:00", "ada", 1, name="Ada Okafor", attempt=1))
    store.write(folder, came("", "=bob", 4, name="Bob, Jr."))
    store.write(folder, not_graded("missing", "cem"))
    strays.write(folder, [Stray("x.txt", "is no lab")])
    (folder / "course.toml").write_text(RULES)
    return folder


def typed(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [*map(str, words)])


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_rules_tells_what_everybody_gets_and_which_rule_did_what(out: Path) -> None:
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = typed("rules", out)
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert f"{LAB}: due 2026-11-03 23:59:00, grace 0:15:00, 10 % off for each day begun, at most 50 %" in text
    assert (
        f"Ada Okafor {LAB} 2.4 of 4, of 3 of 4 for the work Attempt 2 of 2 counts: the last. 2 days" in text
    )
    assert "Ada Okafor whole course 60 %" in text
    assert "When it came is not known, so no rule on time was applied." in text
    assert f"cem {LAB} 0 of 4, of – of 4 for the work Nothing was handed in: it counts 0." in text
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_other_rules_are_tried_without_being_written(out: Path) -> None:
    other = out.parent / "next.toml"
    other.write_text(RULES.replace("[drop]", "[labs.02_streaming]\n[drop]").replace("off = 10", "off = 30"))
    done = typed("rules", out, "--check", other)
    assert done.exit_code == 0
    assert "1.5 of 4, of 3 of 4 for the work" in done.stdout
    assert "no results yet of 02_streaming" in done.stderr
    assert (out / "course.toml").read_text() == RULES


def test_a_file_to_begin_with_is_written_once(tmp_path: Path) -> None:
    assert typed("rules", tmp_path / "new", "--new").exit_code == 0
    done = typed("rules", tmp_path / "new")
    every = "every lab: no due date, last counts, weight 1, missing stays empty (UTC)\n"
    assert (done.exit_code, done.stdout) == (0, every)
    assert "so only the file was read" in done.stderr
    again = typed("rules", tmp_path / "new", "--new")
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_without_rules_it_says_how_to_begin(tmp_path: Path) -> None:
    done = typed("rules", tmp_path)
    assert done.exit_code == 2
    assert "--new writes one to begin with" in done.stderr


@pytest.mark.parametrize("command", ["report", "rules"])
def test_a_mistake_in_the_rules_is_told_and_nothing_is_written(out: Path, command: str) -> None:
    (out / "course.toml").write_text(RULES.replace("2026-11-03T23:59:00", "2026-11-03"))
    done = typed(command, out)
    assert done.exit_code == 2
    assert f"labs.{LAB}.due: 2026-11-03 is a day without a time; write a day and a time" in done.stderr
    assert not (out / "gradebook.csv").exists()


def test_report_and_exports_have_what_counts_beside_the_work(out: Path) -> None:
    assert typed("report", out).exit_code == 0
    book = rows(out / "gradebook.csv")
    assert {name: (row["score"], row["work"]) for name, row in book.items()} == {
        "ada": ("2.4", "3"), "'=bob": ("4", "4"), "cem": ("0", "")}  # fmt: skip
    assert rows(out / "totals.csv")["ada"]["total_percent"] == "60"
    page = (out / path_of("ada", LAB)).read_text()
    assert "The work earned 3 of 4." in page
    assert "20 % off" in page
    to = out.parent / "to.csv"
    assert typed("export", out, "--format", "csv", "--to", to).exit_code == 0
    assert (rows(to)["ada"][LAB], rows(to)["ada"]["total_percent"]) == ("2.4", "60")
    assert typed("export", out, "--format", "nbgrader", "--to", to).exit_code == 0
    ada = rows(to)["ada"]
    assert (ada["raw_score"], ada["late_submission_penalty"], ada["score"]) == ("3", "0.6", "2.4")
    assert (ada["duedate"], ada["timestamp"]) == ("2026-11-03 23:59", "2026-11-05 14:12")
    assert typed("export", out, "--format", "gradescope", "--to", out.parent / "gs").exit_code == 0
    document = json.loads((out.parent / "gs" / "ada" / LAB / "results.json").read_text())
    assert document["score"] == 2.4
    assert "2 days late" in document["output"]


def test_other_rules_need_no_other_grading(out: Path) -> None:
    best = RULES.replace("last = ", 'counts = "best"\nlast = ').replace("off = 10", "off = 40")
    (out / "course.toml").write_text(best)
    typed("report", out)
    assert rows(out / "gradebook.csv")["ada"]["score"] == "1.5"
    assert (out / "totals.csv").exists()
    (out / "course.toml").unlink()
    typed("report", out)
    assert not (out / "totals.csv").exists()
    row = rows(out / "gradebook.csv")["ada"]
    assert (row["score"], row["work"], row["rules"]) == ("3", "3", "")
