"""The marking room over HTTP: what it shows, what it saves, whom it refuses."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from grader.errors import UsageError
from grader.results import adjustments, store
from grader.results.adjustments import Adjustment
from grader.results.decisions import Decision, decide
from grader.review.guard import HEADERS
from grader.review.room import Room, Settings
from grader.review.server import MOST, ReviewServer
from tests.grader.results.made import HOSTILE, LAB, hostile, not_graded, result
from tests.grader.review.rooms import HELPER, SAID, settings

BOB = ("bob", LAB, "1.2")


class Desk:
    """A room that is open, and browsers in it."""

    def __init__(self, told: Settings) -> None:
        self.out = told.out
        self.addresses: list[str] = []
        self.views = 0
        self.room = Room(told)
        self.server = ReviewServer(self.room, self.addresses.append, self.write).start()
        self.clients: list[httpx.Client] = []

    def write(self) -> int:
        self.views += 1
        return 0

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.server.close()

    def browser(self) -> httpx.Client:
        """A browser that was let in."""
        client = httpx.Client(base_url=self.server.address, follow_redirects=True, timeout=30)
        self.clients.append(client)
        assert client.get(self.addresses[-1]).status_code == 200
        return client

    def at(self, *about: str) -> str:
        return next(f"/look/{item.key}" for item in self.room.state().course.items if item.about == about)

    @property
    def given(self) -> tuple[Adjustment, ...]:
        return adjustments.read(self.out, store.read_all(self.out).results).given


class Page(HTMLParser):
    """What a browser would see: every tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def fields(self) -> dict[str, str]:
        facts = [facts for tag, facts in self.tags if tag == "input" and facts.get("name")]
        return {str(one["name"]): one.get("value") or "" for one in facts}


def harmless(html: str) -> Page:
    page = Page(html)
    for tag, facts in page.tags:
        assert tag not in ("iframe", "object", "embed", "img", "svg", "style", "base", "link") or (
            facts == {"rel": "stylesheet", "href": "/static/review.css"}
        ), (tag, facts)
        assert tag != "script" or facts == {"src": "/static/review.js", "defer": None}
        assert not [name for name in facts if name.startswith("on") or name == "style"], facts
        target = facts.get("href") or facts.get("action")
        assert target is None or target.startswith("/"), target
    assert not {"\x1b", "\u202e", "\x07"} & set(html)
    return page


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(settings(tmp_path))
    yield opened
    opened.close()


def save(client: httpx.Client, path: str, do: str = "save", **typed: Any) -> httpx.Response:
    """Fill the form of a look and send it, as a browser would."""
    fields = Page(client.get(path).text).fields()
    return send(client, path, fields | {"comment": ""} | typed | {"do": do})


def send(client: httpx.Client, path: str, fields: dict[str, Any], **headers: str) -> httpx.Response:
    origin = {"Origin": str(client.base_url).rstrip("/")}
    return client.post(path, data=fields, headers=origin | headers)


# What it shows


def test_the_queue_names_who_is_to_be_looked_at_and_why(desk: Desk) -> None:
    page = harmless(desk.browser().get("/").text)
    assert "Bob Miles (bob) 01_persistence 1.2 near the edge 50 % open" in page.text
    assert "eve 01_persistence whole lab flagged patches-library 100 % open" in page.text
    assert "mia" not in page.text
    assert f"2 of 4 1.2 check b: {SAID}" in page.text


def test_a_look_has_the_cell_beside_what_was_asked_and_what_others_did(desk: Desk) -> None:
    page = harmless(desk.browser().get(desk.at(*BOB)).text)
    assert "def ask(agent, thread_id, text): return '<script>alert(1)</script><U+202E>'" in page.text
    for words in (
        "agent.invoke({'messages': []}, thread 'trip')",
        "what the student's code gave",
        "line 3 in ask: a traceback",
        "All other code cells: 2",
        "(this student, too)",
        "Now 1 of 2 , as the checks gave",
        "--exercise 1.2 --show",
    ):
        assert words in page.text


def test_a_flag_is_shown_with_the_cells_it_is_about(desk: Desk) -> None:
    page = harmless(desk.browser().get(desk.at("eve", LAB, "*")).text)
    assert "patches-library (cell 2): It patches a library. x = <b>" in page.text
    assert "cell-error (cell 1): This cell ended with an error. NameError: <i>" in page.text
    assert HELPER.split("\n")[0] in page.text


def test_a_score_that_waits_for_a_person_is_not_said_to_stand(tmp_path: Path) -> None:
    out = tmp_path / "out"
    store.write(out, not_graded("tampered", "eve"))
    opened = Desk(Settings(out, author="RM"))
    try:
        client = opened.browser()
        page = Page(client.get(opened.at("eve", LAB, "*")).text)
        assert "Now – of 4 until a person gives points" in page.text
        assert "(empty: it stays without points)" in page.text
        save(client, opened.at("eve", LAB, "*"), points="3", reason="harmless")
        assert "Now 3 of 4 , given by RM" in Page(client.get(opened.at("eve", LAB, "*")).text).text
    finally:
        opened.close()


def test_next_goes_through_what_was_asked_for_and_passes_what_is_decided(desk: Desk) -> None:
    client = desk.browser()
    first, second = (
        f"/look/{item.key}" for item in desk.room.state().course.items if item.kinds == ("edge",)
    )
    page = client.get(f"{first}?kind=edge")
    assert f'href="{second}?kind=edge" data-key="n"' in page.text
    assert "1 of 2" in page.text
    done = save(client, f"{second}?kind=edge", reason="looked at")
    assert done.url.path == second
    assert 'data-key="n"' not in client.get(f"{first}?kind=edge").text
    assert 'data-key="n"' in client.get(f"{first}?kind=edge&state=all").text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_texts_are_only_text(tmp_path: Path, text: str) -> None:
    out = tmp_path / "out"
    for made in (hostile(text), replace(hostile(text), student="eve", sandbox="none"), result("ada")):
        store.write(out, made)
    told = Settings(out, seed=text[:50].encode("utf-8", "replace").decode(), author=text[:30])
    opened = Desk(told)
    try:
        client = opened.browser()
        harmless(client.get("/?kind=every&state=all").text)
        for item in opened.room.state().course.items:
            harmless(client.get(f"/look/{item.key}").text)
    finally:
        opened.close()


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\"><img src=x onerror='1'>", "{{ 7*7 }}"])
def test_names_reasons_and_comments_are_only_text(desk: Desk, text: str) -> None:
    client = desk.browser()
    path = desk.at(*BOB)
    save(client, path, points="2", reason=text, comment=text, author=text)
    page = harmless(client.get(path).text)
    assert " ".join(text.split()) in page.text
    assert desk.given[0].comment == text
    harmless(save(client, path, points="<b>", reason=text, comment=text, author=text).text)
    harmless(client.get("/", params={"find": text, "kind": text, "lab": text, "mistake": text}).text)


def test_anonymous_students_have_no_name_and_no_id_on_any_page(tmp_path: Path) -> None:
    told = settings(tmp_path, anonymous=True)
    (told.out / "adjustments.csv").write_text(
        "student_id,lab,exercise,points,author,reason\nbobby,x,1,1,RM,why\n"
    )
    opened = Desk(told)
    try:
        client = opened.browser()
        items = opened.room.state().course.items
        for path in ["/?kind=every&state=all", "/?find=x", *(f"/look/{item.key}" for item in items)]:
            page = client.get(path)
            assert not re.search(r"\b(ada|bob|bobby|cem|eve|okafor|miles)\b", page.text, re.IGNORECASE)
        assert "1 problem: grader report tells which" in page.text
    finally:
        opened.close()


def test_results_without_a_jail_are_named_as_that_on_every_page(tmp_path: Path) -> None:
    out = tmp_path / "out"
    store.write(out, result("ada", sandbox="none"))
    opened = Desk(Settings(out))
    try:
        client = opened.browser()
        assert "ran with the grader's own rights" in client.get("/").text
        assert "ran with the grader's own rights" in client.get(opened.at("ada", LAB, "1.1")).text
    finally:
        opened.close()


def test_what_is_graded_again_meanwhile_is_seen(desk: Desk) -> None:
    client = desk.browser()
    save(client, desk.at(*BOB), points="2", reason="was right")
    store.write(desk.out, result("bob", name="Bob Miles"))
    page = client.get(desk.at(*BOB)).text
    assert "given by <bdi>R. Miller</bdi>; the checks gave 2" in page


# What it saves


def test_points_and_a_comment_are_saved_at_once(desk: Desk) -> None:
    client = desk.browser()
    done = save(client, desk.at(*BOB), points="1,5", reason="half of it", comment="Close\r\nthe file.")
    assert done.status_code == 200
    assert "Saved." in done.text
    (one,) = desk.given
    assert (one.points, one.author, one.reason) == (1.5, "R. Miller", "half of it")
    assert one.comment == "Close\nthe file."
    assert one.when
    page = client.get(desk.at(*BOB)).text
    assert 'value="1.5"' in page
    assert "Comments given here before" in page


def test_save_then_next_goes_on(desk: Desk) -> None:
    client = desk.browser()
    item = next(item for item in desk.room.state().course.items if item.kinds == ("edge",))
    done = save(client, f"/look/{item.key}?kind=edge", "next", reason="looked at")
    assert done.url.path.startswith("/look/")
    assert done.url.path != f"/look/{item.key}"
    assert save(client, f"{done.url.path}?kind=edge", "next").url.path == "/"


def test_an_empty_form_says_that_the_checks_points_stand(desk: Desk) -> None:
    save(desk.browser(), desk.at("eve", LAB, "*"))
    (one,) = desk.given
    assert (one.exercise, one.points) == ("*", None)


def test_a_decision_is_taken_back(desk: Desk) -> None:
    client = desk.browser()
    save(client, desk.at(*BOB), points="2", reason="was right", comment="Well done.")
    page = save(client, desk.at(*BOB), "back")
    assert "taken back" in page.text
    assert desk.given == ()
    assert 'name="do" value="back"' not in page.text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"points": "x", "reason": "y"}, "these points are not a number"),
        ({"points": "-1", "reason": "y"}, "these points are not a number"),
        ({"points": "1e1", "reason": "y"}, "these points are not a number"),
        ({"points": "٢", "reason": "y"}, "these points are not a number"),
        ({"points": ".", "reason": "y"}, "these points are not a number"),
        ({"points": "2.5", "reason": "y"}, "2.5 points are more than the 2 of exercise 1.2"),
        ({"points": "2"}, "points need a reason"),
        ({"points": "", "author": ""}, "a decision needs its author"),
        ({"comment": "x" * 2_001}, "the comment has 2,001 letters"),
    ],
    ids=str,
)
def test_what_cannot_be_saved_is_told_and_what_was_typed_stays(desk: Desk, typed: dict, words: str) -> None:
    page = save(desk.browser(), desk.at(*BOB), **({"comment": "a long text"} | typed))
    assert page.status_code == 422
    assert words in Page(page.text).text
    assert typed.get("comment", "a long text") in page.text
    assert desk.given == ()


def test_of_two_browsers_the_second_is_shown_the_first_ones_decision(desk: Desk) -> None:
    one, other = desk.browser(), desk.browser()
    path = desk.at(*BOB)
    stale = Page(other.get(path).text).fields()
    save(one, path, points="2", reason="was right", author="Ann")
    typed = {"points": "0", "reason": "was wrong", "comment": "Sorry", "author": "Ben", "do": "save"}
    conflict = send(other, path, stale | typed)
    assert conflict.status_code == 409
    text = Page(conflict.text).text
    assert "Ann has decided about this exercise meanwhile" in text
    assert "2 points, was right" in text
    assert [one.author for one in desk.given] == ["Ann"]
    fields = Page(conflict.text).fields()
    assert (fields["points"], fields["reason"], fields["author"]) == ("0", "was wrong", "Ben")
    assert ">\nSorry</textarea>" in conflict.text
    assert send(other, path, fields | typed).status_code == 200
    assert [one.author for one in desk.given] == ["Ben"]


def test_a_line_written_by_hand_meanwhile_is_a_conflict_too(desk: Desk) -> None:
    client = desk.browser()
    stale = Page(client.get(desk.at(*BOB)).text).fields()
    decide(desk.out, store.read_all(desk.out).results, Decision(*BOB, "Excel", 0, "by hand"), "")
    assert (
        send(client, desk.at(*BOB), stale | {"points": "2", "reason": "x", "do": "save"}).status_code == 409
    )


def test_many_who_save_at_once_lose_nothing(desk: Desk) -> None:
    client = desk.browser()
    abouts = [item.about for item in desk.room.state().course.items if item.about[2] != "*"]
    forms = [(desk.at(*about), Page(client.get(desk.at(*about)).text).fields()) for about in abouts]

    def press(form: tuple[str, dict[str, str]]) -> int:
        return send(client, form[0], form[1] | {"points": "0", "reason": "x", "do": "save"}).status_code

    with ThreadPoolExecutor(8) as people:
        assert set(people.map(press, forms)) == {200}
    assert {(one.student, one.lab, one.exercise) for one in desk.given} == set(abouts)


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_said_to_be_saved(desk: Desk) -> None:
    client = desk.browser()
    (desk.out / "adjustments.csv").write_text("a,b\n")
    assert "needs one column student_id" in client.get("/").text
    (desk.out / "adjustments.csv").unlink()
    path = desk.at(*BOB)
    fields = Page(client.get(path).text).fields()
    (desk.out / "adjustments.csv").mkdir()
    done = send(client, path, fields | {"comment": "x", "do": "save"})
    assert done.status_code == 500
    assert "Go back: what you wrote is still there." in done.text
    assert "Saved" not in done.text


def test_views_are_written_when_somebody_wants_them(desk: Desk) -> None:
    client = desk.browser()
    save(client, desk.at(*BOB), points="2", reason="was right")
    page = client.get("/").text
    assert "(1 new)" in page
    done = send(client, "/write", {"csrf": Page(page).fields()["csrf"]})
    assert "Feedback, gradebook and report are written." in done.text
    assert (desk.views, desk.room.unwritten) == (1, 0)


# Whom it refuses


def test_without_the_cookie_nothing_is_shown(desk: Desk) -> None:
    client = httpx.Client(base_url=desk.server.address)
    desk.clients.append(client)
    for path in ("/", desk.at(*BOB), "/static/review.css", "/nothing", "/start/wrong"):
        refused = client.get(path)
        assert refused.status_code == 403
        assert "Bob" not in refused.text
    cookie = {"Cookie": f"marking-{desk.server.port}=wrong"}
    assert client.get("/", headers=cookie).status_code == 403


def test_the_start_address_becomes_a_cookie_that_no_script_and_no_other_site_has(desk: Desk) -> None:
    client = httpx.Client()
    desk.clients.append(client)
    address = desk.addresses[0]
    away = client.get(address)
    assert (away.status_code, away.headers["Location"]) == (303, "/")
    cookie = away.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert address.rpartition("/")[2] not in cookie
    again = client.get(address)
    assert again.status_code == 403
    assert "used before" in again.text
    assert len(desk.addresses) == 2


def test_every_answer_has_the_headers_that_make_slipped_in_markup_harmless(desk: Desk) -> None:
    client = desk.browser()
    for path in ("/", desk.at(*BOB), "/nothing", "/look/nothing", "/static/review.js", "/start/x"):
        answer = client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
    ids=str,
)
def test_no_other_page_changes_or_reads_anything(desk: Desk, headers: dict[str, str]) -> None:
    client = desk.browser()
    fields = Page(client.get(desk.at(*BOB)).text).fields() | {"points": "2", "reason": "x", "do": "save"}
    assert send(client, desk.at(*BOB), fields, **headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 403
    assert desk.given == ()


@pytest.mark.parametrize("csrf", ["", "x", "\ud800"])
def test_a_form_without_the_pages_secret_changes_nothing(desk: Desk, csrf: str) -> None:
    client, other = desk.browser(), desk.browser()
    fields = Page(client.get(desk.at(*BOB)).text).fields() | {"points": "2", "reason": "x", "do": "save"}
    theirs = Page(other.get("/").text).fields()["csrf"]
    for secret in (csrf.encode("utf-8", "replace").decode(), theirs):
        assert send(client, desk.at(*BOB), fields | {"csrf": secret}).status_code == 403
        assert send(client, "/write", {"csrf": secret}).status_code == 403
    assert (desk.given, desk.views) == ((), 0)


def test_what_is_no_form_is_refused(desk: Desk) -> None:
    client = desk.browser()
    path, origin = desk.at(*BOB), {"Origin": desk.server.address}
    assert client.post(path, json={"csrf": "x"}, headers=origin).status_code == 403
    assert client.post(path, data={"csrf": "x"}, files={"a": b"x"}, headers=origin).status_code == 403
    assert send(client, path, {f"f{number}": "x" for number in range(99)}).status_code == 403
    assert send(client, path, {"comment": "x" * MOST}).status_code == 413
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, path, headers=origin).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../cli.py",
        "/static/..%2f..%2fcli.py",
        "/static/%2e%2e/%2e%2e/cli.py",
        "/static/server.py",
        "/static//etc/passwd",
        "/static/review.css%00.py",
        "/look/..%2f..%2fadjustments.csv",
        "/look/bob",
        "/adjustments.csv",
    ],
)
def test_no_address_leads_to_a_file(desk: Desk, path: str) -> None:
    desk.browser()
    client = desk.clients[0]
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    with socket.create_connection(("127.0.0.1", desk.server.port)) as raw:
        host = f"127.0.0.1:{desk.server.port}"
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.split(b" ")[1] in (b"404", b"403"), answer[:200]
    assert b"import" not in answer


def test_a_port_that_is_taken_is_a_sentence(desk: Desk) -> None:
    for port in (desk.server.port, 70_000, -1):
        with pytest.raises(UsageError, match="cannot listen on 127"):
            ReviewServer(desk.room, print, desk.write, port).start()


def test_it_listens_on_this_machine_only(desk: Desk) -> None:
    assert desk.server.address.startswith("http://127.0.0.1:")


def test_who_is_logged_in_as_author_may_say_another_name_and_is_remembered(desk: Desk) -> None:
    client = desk.browser()
    save(client, desk.at(*BOB), author="Ann", comment="x")
    assert Page(client.get(desk.at("ada", LAB, "1.1")).text).fields()["author"] == "Ann"
