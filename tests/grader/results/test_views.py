"""From results and people's decisions to the files that people open."""

import pytest

from grader.errors import GraderError
from grader.results import store
from grader.results.result import Flag
from grader.results.views import write_views
from grader.submissions.layout import Stray
from tests.grader.results.made import HOSTILE, LAB, hostile, not_graded, partly, result
from tests.grader.results.pages import harmless

HEAD = "student_id,lab,exercise,points,author,reason\n"


def tree(out) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_all_views_are_written_and_the_same_results_give_the_same_bytes(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    results = [partly("bob"), result("ada"), not_graded("missing", "Mia")]
    views = write_views(one, results)
    write_views(other, list(reversed(results)))
    assert tree(one) == tree(other)
    assert sorted(tree(one)) == [
        "adjustments.csv",
        f"feedback/%4dia/{LAB}.html",
        f"feedback/ada/{LAB}.html",
        f"feedback/bob/{LAB}.html",
        "gradebook.csv",
        "report.html",
    ]
    assert [row[0].student for row in views.rows] == ["Mia", "ada", "bob"]
    assert views.problems == views.notes == ()


def test_links_of_the_report_lead_to_pages(tmp_path):
    from urllib.parse import unquote

    write_views(tmp_path, [result("Ada L/x"), partly("100%"), result("\udcff")])
    page = harmless((tmp_path / "report.html").read_text())
    links = [link for link in page.links if link.startswith("feedback/")]
    assert len(links) == 3
    assert all((tmp_path / unquote(link)).is_file() for link in links)


def test_decisions_are_in_every_view_and_their_file_is_left_alone(tmp_path):
    text = f"{HEAD}bob,{LAB},1.2,2,R. Miller,the cell was right\nbab,{LAB},1.2,2,R. Miller,why\n"
    (tmp_path / "adjustments.csv").write_text(text)
    views = write_views(
        tmp_path, [partly("bob")], problems=["x.json is broken"], strays=[Stray("a.txt", "is no lab")]
    )
    assert views.problems == (
        "x.json is broken",
        "adjustments.csv, line 3: there is no result of a student bab",
    )
    for name in ("gradebook.csv", f"feedback/bob/{LAB}.html", "report.html"):
        assert "the cell was right" in (tmp_path / name).read_text()
    report = (tmp_path / "report.html").read_text()
    assert all(words in report for words in ("x.json is broken", "student bab", "is no lab"))
    assert (tmp_path / "adjustments.csv").read_text() == text


def test_decisions_that_cannot_be_read_stop_everything_before_a_file_is_written(tmp_path):
    (tmp_path / "adjustments.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(GraderError, match="UTF-16"):
        write_views(tmp_path, [partly("bob")])
    assert list(tree(tmp_path)) == ["adjustments.csv"]


def test_pages_of_those_who_are_gone_are_left_and_named(tmp_path):
    write_views(tmp_path, [result("ada"), result("bob")])
    (tmp_path / "feedback" / "notes.txt").write_text("mine")
    views = write_views(tmp_path, [result("ada")])
    assert views.notes == (f"feedback/bob/{LAB}.html belongs to no result; delete it if it is old",)
    assert f"feedback/bob/{LAB}.html" in tree(tmp_path)


def test_nothing_is_written_behind_a_link(tmp_path):
    out, away = tmp_path / "out", tmp_path / "away"
    away.mkdir()
    out.mkdir()
    (out / "feedback").symlink_to(away, target_is_directory=True)
    with pytest.raises(GraderError):
        write_views(out, [result("ada")])
    assert list(away.iterdir()) == []


def test_views_are_the_same_from_results_that_were_stored(tmp_path):
    everyone = [
        partly("bob", flags=(Flag("a", "b"),)),
        *(hostile(text, f"h{at}") for at, text in enumerate(HOSTILE[:10])),
    ]
    for one in everyone:
        store.write(tmp_path / "stored", one)
    found = store.read_all(tmp_path / "stored")
    assert found.problems == ()
    write_views(tmp_path / "stored", found.results)
    write_views(tmp_path / "direct", everyone)
    stored = {
        name: data for name, data in tree(tmp_path / "stored").items() if not name.startswith("results/")
    }
    assert stored == tree(tmp_path / "direct")
