"""Every sentence of a task is accounted for, and the table that does it is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.release.requirements import (
    NAME,
    Requirement,
    Requirements,
    read_requirements,
    sentences,
    unaccounted,
    unquoted,
)

TASK = """\
### Exercise 9.1: ask (2 points)

`ask(text: str) -> str` asks **once** and returns
the text. Ask for it kindly!

- Errors go through, **also when the block raises**. Nothing is swallowed.
- The order is kept
  in every case.

| decision | what comes of it |
| --- | --- |
| `{"type": "edit"}` | it runs otherwise |

```python
>>> ask("Hello.")
'Hello. You.'
```

<details><summary>Hint 1: the idea</summary>

It is the cell above.
</details>
"""
SENTENCES = [
    "`ask(text: str) -> str` asks **once** and returns the text.",
    "Ask for it kindly!",
    "Errors go through, **also when the block raises**.",
    "Nothing is swallowed.",
    "The order is kept in every case.",
    "| decision | what comes of it |",
    '| `{"type": "edit"}` | it runs otherwise |',
    "It is the cell above.",
]


def asked(*quotes: str, told: tuple[str, ...] = ()) -> Requirements:
    rows = {quote: Requirement(says=quote, check="asks", wrong="never asks") for quote in quotes}
    return Requirements(asked=rows, told=told)


def test_a_task_has_sentences_and_neither_its_heading_nor_its_code_is_one() -> None:
    assert list(sentences(TASK)) == SENTENCES


def test_a_sentence_is_accounted_for_by_a_part_of_it_or_by_more_than_it() -> None:
    table = asked(
        "asks **once**", "returns\nthe text", "swallowed. The order", told=("Ask for", "| decision")
    )
    assert unaccounted(TASK, table) == [SENTENCES[2], SENTENCES[3], SENTENCES[4], *SENTENCES[6:]]
    assert unaccounted(TASK, asked(*SENTENCES)) == []
    assert unaccounted(TASK, Requirements()) == SENTENCES


def test_only_what_the_task_says_can_be_quoted() -> None:
    table = asked("The order is kept in every case", "asks twice", told=("It is the cell", "Never mind"))
    assert unquoted(TASK, table) == ["asks twice", "Never mind"]


def test_a_table_is_read_by_the_numbers_of_exercises(tmp_path: Path) -> None:
    assert read_requirements(tmp_path) == {}
    (tmp_path / NAME).write_text('"9.1":\n  asked:\n    order: {says: a, check: b, wrong: c}\n  told: [d]\n')
    row = Requirement(says="a", check="b", wrong="c")
    assert read_requirements(tmp_path) == {"9.1": Requirements(asked={"order": row}, told=["d"])}
    (tmp_path / NAME).write_text("")
    assert read_requirements(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"9.1": {asked: {order: {says: a, check: b}}}', "9.1, asked, order, wrong: Field required"),
        ('"9.1": {asks: {}}', "9.1, asks: Extra inputs"),
        ('"9.1": {told: [""]}', "9.1, told, 0: "),
        ("9.1: {}", "Input should be a valid string"),
        ("{", "cannot be read"),
    ],
)
def test_what_a_table_cannot_hold_is_said_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(UsageError, match=NAME) as caught:
        read_requirements(tmp_path)
    assert told in str(caught.value)
