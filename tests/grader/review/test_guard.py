"""Who may come in."""

from __future__ import annotations

import pytest

from grader.review.guard import SESSIONS, Guard, Refused, Session

PORT = 4711
HERE = {"Host": f"127.0.0.1:{PORT}"}
OURS = HERE | {"Origin": f"http://127.0.0.1:{PORT}", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def guard(told: list[str]) -> Guard:
    guard = Guard("RM", told.append)
    guard.renew()
    return guard


def test_a_start_secret_lets_in_once_and_another_is_made(guard: Guard, told: list[str]) -> None:
    cookie = guard.start(told[0])
    assert guard.session(cookie).author == "RM"
    assert len(told) == 2
    with pytest.raises(Refused, match="used before"):
        guard.start(told[0])
    assert guard.start(told[1]) != cookie


@pytest.mark.parametrize("token", ["", "x", "é\udcff", "x" * 9_000])
def test_no_other_secret_lets_in(guard: Guard, token: str) -> None:
    with pytest.raises(Refused):
        guard.start(token)
    with pytest.raises(Refused):
        guard.session(token)
    with pytest.raises(Refused):
        Guard("RM", print).start("")


def test_sessions_have_a_bound_and_the_oldest_goes(guard: Guard, told: list[str]) -> None:
    cookies = [guard.start(told[-1]) for _ in range(SESSIONS + 1)]
    with pytest.raises(Refused):
        guard.session(cookies[0])
    assert guard.session(cookies[1])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "evil.example"},
        {"Host": f"evil.example:{PORT}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:80"},
        {"Host": f"127.0.0.1:{PORT}.evil.example"},
        {"Host": f"LOCALHOST.evil:{PORT}"},
        {"Host": f"[::1]:{PORT}"},
        {"Host": f"0.0.0.0:{PORT}"},
    ],
    ids=str,
)
def test_another_host_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused, match="another host"):
        Guard.check(headers, PORT, changes=False, starts=False)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://127.0.0.1:{PORT}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": f"http://localhost:{PORT}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("changes", [False, True])
def test_another_sites_page_is_refused(headers: dict[str, str], changes: bool) -> None:
    with pytest.raises(Refused, match="another site"):
        Guard.check(
            OURS | headers if "Origin" not in headers else HERE | headers, PORT, changes=changes, starts=False
        )


def test_our_own_pages_and_people_who_type_are_let_in() -> None:
    Guard.check(HERE, PORT, changes=False, starts=False)
    Guard.check(HERE | {"Sec-Fetch-Site": "none"}, PORT, changes=False, starts=False)
    Guard.check(OURS, PORT, changes=True, starts=False)
    local = {"Host": f"localhost:{PORT}", "Origin": f"http://localhost:{PORT}"}
    Guard.check(local, PORT, changes=True, starts=False)
    Guard.check(HERE | {"Sec-Fetch-Site": "cross-site"}, PORT, changes=False, starts=True)


def test_a_change_without_an_origin_is_refused() -> None:
    with pytest.raises(Refused):
        Guard.check(HERE, PORT, changes=True, starts=False)


def test_a_form_of_another_session_changes_nothing() -> None:
    one, other = Session("a"), Session("b")
    Guard.check_change(one, one.csrf)
    for csrf in ("", "x", other.csrf, "\udcff"):
        with pytest.raises(Refused):
            Guard.check_change(one, csrf)
