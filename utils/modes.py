"""The settings that decide who answers, and the surroundings in which nobody but the recorded model does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Mode = Literal["replay", "live", "record"]

MODE = "LLM_MODE"
PARENT = "KIT_RECORDED_MODEL"
"""address of the recorded model of the process that started this one"""
WORK_FOLDER = "KIT_WORK_FOLDER"
"""work folder of the process that started this one"""
RECORD_TO = "KIT_RECORD_TO"
"""file that a recording is written to, instead of the lab's fixture"""
GRADING = "KIT_GRADING"
"""set in the grader's jail: nothing is started, checked or handed in there, and no .env is read"""
RUNNING = "KIT_HANDING_IN"
"""set in the fresh run of a hand-in: a hand_in() in the notebook must not start another one"""
TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING")
"""names under which LangSmith's tracing is switched on"""

RECORDED: Mapping[str, str] = {MODE: "replay", "REPLAY_PACE": "off", **dict.fromkeys(TRACING, "false")}
"""environment of a run that must be the same everywhere: set, so that no .env changes it"""
