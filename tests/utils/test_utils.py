"""The helpers that the course notes' notebooks call by these names."""

from __future__ import annotations

import logging
import re

import pytest

from utils.errors import SetupError
from utils.utils import get_tavily_api, set_logger, set_pretty_printer


def test_the_logger_writes_once_and_in_the_notes_format(capsys: pytest.CaptureFixture[str]) -> None:
    logger = set_logger("course-test")
    assert set_logger("course-test") is logger
    logger.info("hello")
    for handler in logger.handlers:
        handler.flush()
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d [\d:,]+\] p\d+ \{test_utils\.py:\d+\} INFO - hello\n", said), said


def test_the_logger_s_level_can_be_chosen() -> None:
    assert set_logger("course-level", logging.WARNING).level == logging.WARNING


def test_the_pretty_printer_is_wide(capsys: pytest.CaptureFixture[str]) -> None:
    set_pretty_printer().pprint({"a": "x" * 40, "b": "y" * 40})
    assert capsys.readouterr().out.count("\n") == 1


def test_the_search_key_is_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", "one")
    monkeypatch.setenv("OTHER_KEY", "two")
    assert get_tavily_api() == "one"
    assert get_tavily_api("OTHER_KEY", "eu-west-1") == "two"


def test_without_a_search_key_a_sentence_says_what_to_do() -> None:
    with pytest.raises(SetupError, match=r"TAVILY_API_KEY is not set\n  What to do: run setup"):
        get_tavily_api()
