"""The page on how the kit is built tells the truth: its drawing, its paths, its rooms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from make import rooms

PAGE = rooms.PAGE.read_text("utf-8")
FOLDERS = "utils|grader|make|docs|labs|solutions|tests|samples"
ROWS = dict(re.findall(r"^\| `((?:utils|grader)\.\w+)` \| (.+) \|$", PAGE, re.MULTILINE))


def paths() -> list[str]:
    """Every path that the page names, from the root; what stands for a lab's name is a star."""
    named = re.findall(rf"`((?:{FOLDERS})/[^`\s]+|[\w.]+\.(?:md|toml|example))`", PAGE)
    return sorted({re.sub(r"<slug>|NN_slug", "*", path) for path in named})


def test_every_path_on_the_page_exists() -> None:
    assert len(paths()) > 50
    assert [path for path in paths() if not list(rooms.ROOT.glob(path.rstrip("/")))] == []


def test_every_room_has_its_sentence() -> None:
    assert sorted(ROWS) == list(rooms.packages())


def test_the_drawing_is_that_of_the_code() -> None:
    assert rooms.drawn(PAGE, rooms.drawing()) == PAGE, "the imports have changed: run make rooms"


# How the drawing is made


def house(root: Path, **modules: str) -> Path:
    """A repository with these modules: `utils__views__card` is utils/views/card.py."""
    for name, source in modules.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(source)
    return root


def test_the_arrows_are_seen_whichever_way_an_import_is_written(tmp_path: Path) -> None:
    path = tmp_path / "cards.py"
    path.write_text(
        "import a.b\nfrom c import d\ndef f():\n    from ..replay import server\nfrom . import x\n"
    )
    assert sorted(rooms.imports("utils.views.cards", path)) == [
        (1, "a.b"),
        (2, "c.d"),
        (4, "utils.replay.server"),
        (5, "utils.views.x"),
    ]


def test_what_is_imported_for_annotations_only_is_no_arrow(tmp_path: Path) -> None:
    path = tmp_path / "cards.py"
    path.write_text("if TYPE_CHECKING:\n    import a\nimport b\n")
    assert list(rooms.imports("cards", path, types=False)) == [(3, "b")]
    assert [name for _, name in rooms.imports("cards", path)] == ["b", "a"]


def test_a_circle_is_seen() -> None:
    assert set(rooms.circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert rooms.circle({"a": {"b"}, "b": set()}) == []


def test_an_arrow_that_follows_from_two_others_is_left_out() -> None:
    arrows = {"top": {"middle", "bottom"}, "middle": {"stone"}, "stone": {"bottom"}, "bottom": set[str]()}
    found = rooms.rests_on(arrows, ["top", "middle", "bottom"])
    assert found == {"top": {"middle"}, "middle": {"bottom"}, "bottom": set()}


def test_a_house_is_drawn_from_its_imports(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        utils__errors="",
        utils__views__card="from utils.errors import KitError\n",
        grader__results__page="from utils.views import card\n",
    )
    assert rooms.drawing(root).splitlines() == [
        "```mermaid",
        "graph TD",
        "    accTitle: Rooms, and which of them each rests on",
        "    subgraph grader",
        '        grader_results["grader.results"]',
        "    end",
        "    subgraph utils",
        '        utils_views["utils.views"]',
        "    end",
        "    grader_results --> utils_views",
        "```",
    ]


def test_a_drawing_goes_between_its_marks_and_changes_nothing_else() -> None:
    page = f"before\n{rooms.BEGIN}\nold\n{rooms.END}\nafter\n"
    once = rooms.drawn(page, "new")
    assert once == f"before\n{rooms.BEGIN}\n\nnew\n\n{rooms.END}\nafter\n"
    assert rooms.drawn(once, "new") == once


@pytest.mark.parametrize("page", ["", rooms.BEGIN, rooms.END], ids=["none", "the first", "the last"])
def test_a_page_without_both_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="needs two marks"):
        rooms.drawn(page, "new")


def test_the_command_says_what_is_wrong_and_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{rooms.BEGIN}\n{rooms.END}\n", "utf-8")
    monkeypatch.setattr(rooms, "PAGE", page)
    monkeypatch.setattr(rooms, "ROOT", tmp_path)
    assert rooms.main(["--check"]) == 1
    assert "run make rooms" in capsys.readouterr().err
    assert rooms.main([]) == 0
    assert rooms.main(["--check"]) == 0
    assert rooms.drawing() in page.read_text("utf-8")
