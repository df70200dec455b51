"""What differs between two runs of the same code is taken out; what says something stays."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.results.result import Flag, Loss
from grader.results.scrub import scrub, scrubbed
from tests.grader.results.made import HOSTILE, RESULTS, TEXT, check, exercise, result

UUID = "1ef4f797-8335-6428-8001-8a1503f9b875"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<Agent object at 0x7f3b2c1d5e80>", "<Agent object at 0x…>"),
        ("'put' failed: KeyError: 140663404924752", "'put' failed: KeyError: …"),
        ("KeyError: 12345", "KeyError: 12345"),
        ("<x at 0xB7>", "<x at 0x…>"),
        ("0x00007f3b2c1d5e80", "0x…"),
        (f"id='run--{UUID}-0'", "id='run--…-0'"),
        (f"lc_run--{UUID}", "lc_run--…"),
        (UUID.upper(), "…"),
        (f"[{UUID}, {UUID}]", "[…, …]"),
        (UUID.replace("-", ""), "…"),
        ("checkpoint 1ef4f797-8335-64…", "checkpoint …"),
        ("/tmp/tmpab12_xyz/agent.db", "/tmp/…/agent.db"),
        ("File /tmp/ipykernel_4711/33.py", "File /tmp/…/33.py"),
        ("'/tmp/01_persistence-q8k1zz2_/a/b.db'", "'/tmp/…/a/b.db'"),
        ("/var/folders/zz/abc_1/T/hand-in-x/b.db", "/tmp/…/b.db"),
        ("/private/var/folders/zz/abc_1/T/x/b.db", "/tmp/…/b.db"),
        ("/tmp/tmpab12_xyz", "/tmp/…"),
        ("http://127.0.0.1:43817/dGhpc2lzYXRva2VuMTIzNA/v1", "http://127.0.0.1:…/…/v1"),
        ("localhost:8080 [::1]:9", "localhost:… [::1]:9"),
        ("('127.0.0.1', 41234)", "('127.0.0.1', …)"),
        ("took 0.123s", "took …s"),
        ("12.5 ms, 3µs, 2e-05 ms", "… ms, …µs, … ms"),
        ("1.234 seconds", "… seconds"),
        ("ts=2026-11-20T10:18:47.123456+00:00", "ts=…"),
        ("2026-11-20 10:18:47Z", "…"),
        ("datetime.datetime(2026, 11, 20, 10, 18, 47, 5)", "datetime.datetime(…)"),
        ("time 1763633927.512", "time …"),
        ("pid 4711, pid=12", "pid …, pid=…"),
        ("in thread id 140095965760384 and this", "in thread id … and this"),
        ("<Thread(Thread-1, started daemon 140234567890)>", "<Thread(Thread-1, started daemon …)>"),
    ],
)
def test_is_taken_out(text, left):
    assert scrub(text) == left
    assert scrub(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "It is 20.5 degrees in Oslo, 15.1 in Rome.",
        "stopped after 15 s",
        "2 s CPU, 15.5 s",
        "3 messages, 12 calls, 100 %",
        "line 7 in ask: return 1/0",
        "2026-11-20",
        "10:30",
        "thread 'trip-42'",
        "thread id 42",
        "0xff, 0x1234",
        "12345678-1234",
        "step 1763633927",
        "version 1.2.345",
        "agent.db /work/agent.db tmp/x/y /data/tmp/x/y",
        "/tmp/notes.db",
        "process 3 items",
        "5 msgs, 7 nodes, 4 users",
        "call_1 tool-2",
        "127.0.0.1",
        "",
    ],
)
def test_stays(text):
    assert scrub(text) == text


PIECES = st.sampled_from(
    [
        *(
            "0x7f3b2c1d5e80",
            UUID,
            "/tmp/abc/",
            "127.0.0.1:4321",
            "0.123s",
            "2026-11-20T10:18:47",
            " at ",
            "…",
        ),
        *("1ef4f797-1-", " ", "/", "-", "12 ms", "pid 4", "a", "(", "1763633927.5", "http://localhost:80/"),
    ]
)


@given(st.lists(PIECES | TEXT, max_size=12).map("".join))
def test_a_second_time_changes_nothing(text):
    assert scrub(scrub(text)) == scrub(text)


@given(RESULTS)
def test_scrubbing_a_result_twice_changes_nothing(one):
    assert scrubbed(scrubbed(one)) == scrubbed(one)


def test_what_came_out_of_the_jail_is_scrubbed_and_authors_words_stay():
    one = check(
        "a",
        "failed",
        **dict.fromkeys(("title", "message", "called", "returned", "expected", "why", "detail"), UUID),
    )
    before = result(
        UUID,
        exercises=(exercise("1.1", one),),
        reason=UUID,
        losses=(Loss("crashed", UUID, UUID, shown=UUID),),
        flags=(Flag("kind", UUID, shown=UUID),),
    )
    after = scrubbed(before)
    clean = replace(one, called="…", returned="…", detail="…")
    assert after == replace(
        before,
        exercises=(exercise("1.1", clean),),
        losses=(Loss("crashed", UUID, UUID, shown="…"),),
        flags=(Flag("kind", UUID, shown="…"),),
    )


@given(st.lists(PIECES | TEXT, max_size=12).map("".join))
def test_no_text_becomes_longer(text):
    assert len(scrub(text)) <= len(text)


@pytest.mark.parametrize(
    "piece", [*HOSTILE[10:], "0x7f3b2c1d5e80 ", "1" * 9, "/tmp/a/", "0" * 8 + "-", " at 0x"]
)
def test_a_million_letters_are_scrubbed_in_a_few_passes(piece):
    """That each of them takes linear time is for `tests.test_regular_expressions`."""
    text = piece * (1_000_000 // len(piece))
    assert len(scrub(text)) <= len(text)
