"""No bytes make the reader raise, and what it gives back keeps its promises."""

import json
import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.submissions.reader import LIMITS, parse_notebook
from grader.submissions.submission import Submission, Unreadable
from tests.grader.submissions.files import cell, data, notebook

VALID = data(
    cell("# Title", "markdown"),
    cell(
        ["x = 'é'\n", "print(x)"], metadata={"tags": ["exercise:1.2"]}, outputs=[{"text": ["1\n"], "n": 1.5}]
    ),
    cell("y = 2", id="b"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["cell_type", "source", "id", "metadata", "outputs", "tags"])


def holds(content: bytes) -> None:
    got = parse_notebook(content)
    if isinstance(got, Unreadable):
        assert got.reason.isprintable()
        return
    assert isinstance(got, Submission)
    assert got == parse_notebook(content)
    assert len(got.cells) <= LIMITS.cells
    for one in got.cells:
        one.source.encode("utf-8")
        assert "\r" not in one.source
        assert one.id is None or one.id.isascii()
        assert all(isinstance(tag, str) for tag in one.tags)


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b'{"cells": [{}]}')
def test_any_bytes(content):
    holds(content)


@given(st.text(alphabet='{}[]":,\\\n 0123456789.eE+-truefalsnN"<#', max_size=200))
def test_text_that_is_nearly_json(text):
    holds(text.encode())


@given(st.dictionaries(st.sampled_from(["nbformat", "cells", "worksheets", "metadata"]), JSON), JSON)
def test_json_of_any_shape(content, other):
    holds(json.dumps(content).encode())
    holds(json.dumps(other).encode())


@given(st.lists(st.dictionaries(KEYS, JSON | st.sampled_from(["code", "markdown"])), max_size=4))
def test_cells_of_any_shape(cells):
    holds(json.dumps(notebook(*cells)).encode())
    holds(json.dumps(notebook(*[{"cell_type": "code"} | one for one in cells])).encode())


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_a_notebook_that_was_damaged_on_its_way(rng: random.Random):
    content = bytearray(VALID)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content) or 1)
        match rng.randrange(5):
            case 0:
                content[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del content[at : at + rng.randint(1, 40)]
            case 2:
                content[at:at] = content[: rng.randint(1, 80)]
            case 3:
                del content[at:]
            case _:
                content[at:at] = rng.choice(
                    [b'"', b"\\", b"[", b"}", b"\n", b"\0", b"\xff", b"NaN", b"9" * 5000]
                )
    holds(bytes(content))
