"""setup(): what it starts and sets, and what it says in bad surroundings."""

from __future__ import annotations

import itertools
import operator
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from langchain_core.exceptions import ModelConnectionError
from langgraph.checkpoint.memory import InMemorySaver

import utils
from utils.agent import Agent
from utils.errors import CallError, ExerciseError, FixtureError, KitError, SetupError
from utils.modes import GRADING, TRACING
from utils.notebook import kit as kits
from utils.notebook.kit import NO_KEY, Kit, current_kit
from utils.providers import PROVIDERS
from utils.replay.fixtures import fixture_of
from utils.replay.server import ReplayServer

SETTINGS = (
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "TAVILY_API_KEY",
    "KIT_RECORDED_MODEL",
    "NO_PROXY",
    "no_proxy",
)
WARMER = "Which one is warmer?"
UNCLEAR = "I need a little more to go on: which two places would you like me to compare?"
Setup = Callable[..., Kit]


def servers() -> int:
    return sum(thread.name == "recorded-model" for thread in threading.enumerate())


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every request that reaches a recorded model, with its headers and its body."""
    seen: list[Any] = []
    read = web.BaseRequest.read

    async def spy(self: web.BaseRequest) -> bytes:
        body = await read(self)
        seen.append((dict(self.headers), body))
        return body

    monkeypatch.setattr(web.BaseRequest, "read", spy)
    return seen


# What it gives


def test_it_says_one_line_and_points_at_a_recorded_model(
    setup_here: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = setup_here()
    assert capsys.readouterr().out == (
        "01_persistence: recorded answers (openai), no key and no network needed; "
        "kit.may_ask() says what you may ask.\n"
    )
    assert os.environ["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
    assert kit.model().invoke(WARMER).text == UNCLEAR
    assert "20.5°C" in str(kit.search().invoke("current weather in San Francisco"))
    assert [len(kit.requests(kind)) for kind in ("model", "search")] == [1, 1]
    assert current_kit() is kit
    assert list(kit.workdir.iterdir()) == []


def test_the_notes_own_lines_work_as_well(setup_here: Setup) -> None:
    setup_here()
    from langchain_community.tools.tavily_search import TavilySearchResults
    from langchain_openai import ChatOpenAI

    assert ChatOpenAI(model="gpt-4o").invoke(WARMER).text == UNCLEAR
    assert len(TavilySearchResults(max_results=1).invoke("current weather in Los Angeles")) == 1


def test_without_setup_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kits._Current, "kit", None)
    with pytest.raises(SetupError, match=r"not been set up\n  What to do: run the setup cell first"):
        current_kit()


def test_the_package_offers_what_notebooks_import() -> None:
    assert {"Kit", "check", "setup"} <= set(utils.__all__) == set(dir(utils))
    assert [getattr(utils, name) is not None for name in utils.__all__] == [True] * len(utils.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = utils.nothing


def test_closing_puts_the_environment_back(setup_here: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://mine.example/v1")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    before, running = dict(os.environ), servers()
    kit = setup_here()
    # Not before: the kit keeps quiet about the end of this package, which a test would take for an error.
    kit.search()
    from langchain_community.utilities import tavily_search

    assert os.environ["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"
    kit.close()
    kit.close()
    assert dict(os.environ) == before
    assert tavily_search.TAVILY_API_URL == "https://api.tavily.com"
    assert servers() == running
    assert not kit.workdir.exists()


# Names and fixtures


@pytest.mark.parametrize("lab", ["", "persistence", "lab one", "01_Persistence", None, 1])
def test_an_odd_name_gets_a_sentence(setup_here: Setup, lab: Any) -> None:
    with pytest.raises(ExerciseError, match=r"is not the name of a lab\n  What to do: .*01_persistence"):
        setup_here(lab)


def test_an_unknown_lab_gets_a_sentence(setup_here: Setup) -> None:
    with pytest.raises(SetupError, match=r"no lab '09_nothing'\n  What to do: .*persistence"):
        setup_here("09_nothing")


def test_a_broken_fixture_is_named_with_its_line(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fixture_of("persistence", tmp_path).parent.mkdir()
    fixture_of("persistence", tmp_path).write_text(
        "conversations:\n  - name: one\n    origin: {kind: authored}\n    turns:\n      - usr: hello\n"
    )
    monkeypatch.setattr(kits, "LABS", tmp_path)
    with pytest.raises(FixtureError, match=r"persistence/conversations\.yaml(:|, line )5\b"):
        setup_here()


# .env


def test_no_env_file_is_needed_and_one_is_found_in_a_folder_above(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("../.env").write_text("LLM_MODE=live\n")
    with pytest.raises(SetupError, match=r"live answers need a key, and OPENAI_API_KEY is not set"):
        setup_here()
    monkeypatch.delenv("LLM_MODE")
    Path("../.env").unlink()
    assert setup_here().mode == "replay"


def test_a_real_key_is_neither_sent_nor_shown(
    setup_here: Setup,
    traffic: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("OPENAI_API_KEY", "TAVILY_API_KEY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    Path(".env").write_text("OPENAI_API_KEY=sk-secret-model\nTAVILY_API_KEY=tvly-secret-search\n")
    kit = setup_here()
    kit.model().invoke(WARMER)
    kit.search().invoke("current weather in Oslo")
    told = str(traffic)
    assert len(traffic) == 2
    assert NO_KEY in told
    told += f"{kit!r}{kit.requests()}{kit.requests('search')}{capsys.readouterr()}"
    assert "secret" not in told
    kit.close()
    assert os.environ["OPENAI_API_KEY"] == "sk-secret-model", "the person's own key is there again"


@pytest.mark.parametrize(
    "content",
    [b"KEY=\xff\xfe\n", "KEY=ä\n".encode("utf-16"), b"KEY=a\x00b\n"],
    ids=["latin", "utf-16", "nul"],
)
def test_an_env_file_that_is_no_text_gets_a_sentence(setup_here: Setup, content: bytes) -> None:
    Path(".env").write_bytes(content)
    with pytest.raises(SetupError, match=r"\.env cannot be read: .*\n  What to do: save it as UTF-8"):
        setup_here()


def test_an_env_file_that_may_not_be_read_gets_a_sentence(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    Path(".env").write_text("A=1\n")
    monkeypatch.setattr(kits, "dotenv_values", refuse)
    with pytest.raises(SetupError, match=r"\.env cannot be read: .*Permission denied"):
        setup_here()


def test_a_folder_called_env_is_passed_over(setup_here: Setup) -> None:
    Path(".env").mkdir()
    assert setup_here().mode == "replay"


# Settings


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "LLM_MODE",
            r"LLM_MODE='nonsense' is not a mode\n  What to do: set LLM_MODE to one of: replay, live, record",
        ),
        ("LLM_PROVIDER", r"no provider 'nonsense'\n  What to do: set LLM_PROVIDER to one of: openai"),
        ("REPLAY_PACE", r"REPLAY_PACE='nonsense' is not a pace\n  What to do: set REPLAY_PACE to on, off"),
    ],
)
def test_a_setting_without_meaning_gets_a_sentence(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv(name, "nonsense")
    with pytest.raises(SetupError, match=said):
        setup_here()


@pytest.mark.parametrize("value", [" Replay ", "REPLAY", ""])
def test_a_mode_may_be_written_in_any_case(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("LLM_MODE", value)
    assert setup_here().mode == "replay"


@pytest.mark.parametrize("mode", ["live", "record"])
def test_without_a_key_nobody_goes_live(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    with pytest.raises(
        SetupError, match=r"need a key, and OPENAI_API_KEY is not set\n  What to do: put OPENAI"
    ):
        setup_here(mode=mode)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    with pytest.raises(SetupError, match="TAVILY_API_KEY is not set"):
        setup_here(mode=mode)


def test_after_recordings_live_means_live(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-mine")
    # The first import is the kit's, which keeps quiet about the end of this package.
    setup_here().search()
    from langchain_community.utilities import tavily_search

    capsys.readouterr()
    kit = setup_here(mode="live")
    said = capsys.readouterr().out
    assert said == (
        "01_persistence: live answers from OpenAI. They cost money, and differ from the text. "
        "check() grades on recorded answers, as ever.\n"
    )
    assert kit.session is not None
    assert os.environ["OPENAI_API_KEY"] == kit.session.token, "the kit's server holds the key"
    assert kit.requests() == ()
    kit.close()
    assert os.environ["OPENAI_API_KEY"] == "sk-mine"
    assert "OPENAI_BASE_URL" not in os.environ
    assert tavily_search.TAVILY_API_URL == "https://api.tavily.com"


# Once more


def test_a_second_setup_gives_a_fresh_folder_and_log_and_old_models_work_on(setup_here: Setup) -> None:
    first = setup_here()
    (first.workdir / "trip.db").write_text("x")
    model, search, running = first.model(), first.search(), servers()
    model.invoke(WARMER)
    first.results["1.1"] = "kept"  # type: ignore[assignment]
    second = setup_here()
    assert second.requests() == ()
    assert model.invoke(WARMER).text == UNCLEAR
    assert "Oslo" in str(search.invoke("current weather in Oslo"))
    assert len(second.requests()) == 1
    assert second.workdir != first.workdir
    assert not first.workdir.exists()
    assert list(second.workdir.iterdir()) == []
    assert second.results == {"1.1": "kept"}
    assert servers() == running


@pytest.fixture
def two_labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fixtures"
    folder.mkdir()
    for name in ("persistence", "other"):
        fixture_of(name, folder).parent.mkdir()
        shutil.copy(fixture_of("persistence"), fixture_of(name, folder))
    monkeypatch.setattr(kits, "LABS", folder)


@pytest.mark.usefixtures("two_labs")
def test_another_lab_afterwards_has_a_recorded_model_of_its_own(setup_here: Setup) -> None:
    running = servers()
    first = setup_here()
    address = os.environ["OPENAI_BASE_URL"]
    second = setup_here("02_other")
    assert os.environ["OPENAI_BASE_URL"] != address
    assert first.session is None
    assert second.model().invoke(WARMER).text == UNCLEAR
    assert servers() == running + 1
    second.close()
    assert "OPENAI_BASE_URL" not in os.environ


def test_another_provider_afterwards_leaves_nothing_of_the_first(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(PROVIDERS["openai"], name="other", address="OTHER_URL", keys=("OTHER_KEY",))
    monkeypatch.setitem(PROVIDERS, "other", other)  # type: ignore[arg-type]
    setup_here()
    kit = setup_here(provider="other")
    assert "OPENAI_BASE_URL" not in os.environ
    assert os.environ["OTHER_KEY"] == NO_KEY
    kit.close()
    assert not {"OTHER_URL", "OTHER_KEY"} & set(os.environ)


# Surroundings


def test_a_working_directory_that_is_gone_is_no_problem(
    setup_here: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "a folder with spaces"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert setup_here().model().invoke(WARMER).text == UNCLEAR
    shutil.rmtree(gone)
    assert setup_here().model().invoke(WARMER).text == UNCLEAR


def test_a_folder_for_files_that_cannot_be_written_gets_a_sentence(
    setup_here: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(SetupError, match=r"no work folder can be made: .*\n  What to do: set TMPDIR"):
        setup_here()


def test_what_may_be_asked_is_printed(
    setup_here: Callable[..., Kit], capsys: pytest.CaptureFixture[str]
) -> None:
    kit = setup_here()
    capsys.readouterr()
    kit.may_ask()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Recorded, some of them only after others:"
    assert "  What is the weather in sf?" in lines
    assert "Made up by rule, for any place (not true, and the same each time):" in lines
    assert "  What should I pack for Kyoto?" in lines


def test_a_free_question_of_a_notebook_is_answered_by_rule(setup_here: Callable[..., Kit]) -> None:
    kit = setup_here()
    agent = Agent(kit.model(), [kit.search(max_results=2)], InMemorySaver()).graph
    config = {"configurable": {"thread_id": "free"}}
    for question in ("What is the weather in Berlin?", "and in Rome?", "which one is warmer"):
        state = agent.invoke({"messages": [("user", question)]}, config)
    assert state["messages"][-1].text.startswith("It is warmer in ")
    assert [request.invented for request in kit.requests("search")] == [True] * 4
    assert kit.requests()[-1].invented


def test_tracing_is_switched_off_and_said_even_where_it_has_been_looked_up_before(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from langsmith import utils as langsmith

    for name in TRACING:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    langsmith.get_env_var.cache_clear()
    assert langsmith.tracing_is_enabled() is True
    kit = setup_here()
    assert capsys.readouterr().out.endswith(" LangSmith tracing is switched off meanwhile.\n")
    assert langsmith.tracing_is_enabled() is False
    kit.model().invoke(WARMER)
    kit.close()
    assert os.environ["LANGSMITH_TRACING"] == "true"
    assert langsmith.tracing_is_enabled() is True
    monkeypatch.undo()
    langsmith.get_env_var.cache_clear()


def test_a_dead_proxy_is_not_asked(setup_here: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, dead)
    kit = setup_here()
    assert kit.model().invoke(WARMER).text == UNCLEAR
    assert "Oslo" in str(kit.search().invoke("current weather in Oslo"))


def test_a_process_started_by_the_notebook_uses_its_recorded_model(setup_here: Setup) -> None:
    kit = setup_here()
    program = (
        "from utils import setup\n"
        'kit = setup("01_persistence")\n'
        "print(kit.server)\n"
        f"print(kit.model().invoke({WARMER!r}).text)\n"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert child.stderr == ""
    assert child.stdout.splitlines() == [
        "01_persistence: recorded answers from the process that started this one.",
        "None",
        UNCLEAR,
    ]
    assert len(kit.requests()) == 1


def test_a_process_that_is_killed_leaves_no_folder_behind(setup_here: Setup) -> None:
    kit = setup_here()
    program = (
        "import os\nfrom utils import setup\n"
        'print(setup("01_persistence").workdir, flush=True)\n'
        "os.kill(os.getpid(), 9)\n"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    folder = Path(child.stdout.splitlines()[-1])
    assert (child.returncode, folder.parent) == (-signal.SIGKILL, kit.workdir)
    assert folder.is_dir()
    kit.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    "stale",
    ["http://127.0.0.1:{dead}/token", "http://127.0.0.1:{alive}/wrong", "http://127.0.0.1:port/x", "nonsense",
     "https://example.com/x"],
    ids=["nobody there", "another one there", "no port", "no address", "far away"],
)  # fmt: skip
def test_a_stale_address_of_a_parent_is_passed_over(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, recorded_server: ReplayServer, stale: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = free.getsockname()[1]
    monkeypatch.setenv("KIT_RECORDED_MODEL", stale.format(dead=dead, alive=recorded_server.port))
    kit = setup_here()
    assert kit.server is not None
    assert kit.model().invoke(WARMER).text == UNCLEAR


def test_what_does_not_speak_http_is_no_parent(setup_here: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.sendall(b"220 mail.example ready\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk, args=(listener,))
        thread.start()
        monkeypatch.setenv("KIT_RECORDED_MODEL", f"http://127.0.0.1:{listener.getsockname()[1]}/x")
        assert setup_here().server is not None
        thread.join()


def test_under_the_grader_nothing_is_started_printed_or_read(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIT_GRADING", "1")
    Path(".env").write_text("LLM_MODE=live\nSOMETHING=read\n")
    before, running = dict(os.environ), servers()
    kit = setup_here()
    assert (kit.server, kit.session, kit.mode) == (None, None, "replay")
    assert kit.requests() == ()
    assert capsys.readouterr() == ("", "")
    assert dict(os.environ) == before
    assert servers() == running
    assert current_kit() is kit


def test_every_sentence_about_bad_surroundings_says_what_to_do(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LLM_MODE", "x"), ("LLM_PROVIDER", "x"), ("REPLAY_PACE", "-1")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(KitError) as caught:
                setup_here()
        assert caught.value.hint


def test_a_socks_proxy_does_not_keep_recorded_answers_from_starting(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "socks5h://127.0.0.1:9")
    kit = setup_here()
    assert kit.model().invoke(WARMER).text == UNCLEAR
    kit.close()
    assert os.environ["ALL_PROXY"] == "socks5://127.0.0.1:9"


@pytest.mark.parametrize(
    ("options", "variable", "value"),
    [({"mode": "live"}, "A", "1"), ({}, "REPLAY_PACE", "never"), ({}, "LLM_MODE", "often")],
    ids=["live without a key", "no pace", "no mode"],
)
def test_a_setup_that_fails_leaves_the_one_that_works_alone(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, options: Any, variable: str, value: str
) -> None:
    kit = setup_here()
    model = kit.model()
    monkeypatch.setenv(variable, value)
    with pytest.raises(SetupError):
        setup_here(**options)
    assert current_kit() is kit
    assert kit.workdir.is_dir()
    assert model.invoke(WARMER).text == UNCLEAR


def test_keys_put_into_env_after_setup_are_found_by_the_next_one(setup_here: Setup) -> None:
    setup_here()
    Path(".env").write_text("OPENAI_API_KEY=sk-later\nTAVILY_API_KEY=tvly-later\n")
    again = setup_here()
    assert os.environ["OPENAI_API_KEY"] == NO_KEY, "recorded answers need none"
    assert again.model().invoke(WARMER).text == UNCLEAR
    live = setup_here(mode="live")
    assert live.mode == "live"
    live.close()
    assert os.environ["OPENAI_API_KEY"] == "sk-later"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_its_parents_kit_alone(setup_here: Setup) -> None:
    kit = setup_here()
    child = os.fork()
    if child == 0:
        kit.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert kit.workdir.is_dir()
    assert kit.model().invoke(WARMER).text == UNCLEAR


def test_a_broken_fixture_keeps_nobody_from_a_real_model(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fixture_of("persistence", tmp_path).parent.mkdir()
    fixture_of("persistence", tmp_path).write_text("conversations: [")
    monkeypatch.setattr(kits, "LABS", tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-mine")
    assert setup_here(mode="live").mode == "live"
    with pytest.raises(FixtureError, match=r"persistence/conversations\.yaml, line 1"):
        setup_here()


SF = "What is the weather in sf?"


def test_a_model_breaks_off_once_where_it_is_told_to(setup_here: Setup) -> None:
    kit = setup_here("02_streaming")
    model = kit.model()
    fog = "What should I pack for fog?"
    whole = model.invoke(fog).text
    kit.break_next(after=3)
    stream = model.stream(fog)
    assert "".join(next(stream).text for _ in range(4)) == "A warm layer", "first a piece without text"
    with pytest.raises(ModelConnectionError):
        next(stream)
    assert "".join(chunk.text for chunk in model.stream(fog)) == whole


def test_a_clean_break_is_no_error_and_a_call_waits_for_a_call(setup_here: Setup) -> None:
    kit = setup_here("02_streaming")
    kit.break_next("call", after=1, clean=True)
    assert kit.model().invoke("What should I pack for fog?").text, "an answer is no call"
    (*_, last) = itertools.accumulate(kit.model().bind_tools([kit.search()]).stream(SF), operator.add)
    assert last.tool_calls[0]["args"] == {}
    assert "finish_reason" not in last.response_metadata


def test_setting_up_again_forgets_a_break_that_was_ordered(setup_here: Setup) -> None:
    setup_here("02_streaming").break_next(after=1)
    kit = setup_here("02_streaming")
    assert kit.model().invoke("What should I pack for fog?").text.startswith("A warm")


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (lambda kit: kit.requests("searches"), r"kind 'searches'\n.*one of these: model, search, tool"),
        (lambda kit: kit.break_next("message"), r"no turn 'message' .*\n.*break_next\(\"answer\"\)"),
        (lambda kit: kit.break_next(after=-1), r"got -1\n.*a whole number, 0 or more"),
        (lambda kit: kit.break_next(after="12"), "got '12'"),
    ],
    ids=["an unknown kind", "an unknown turn", "a number below 0", "a text for a number"],
)
def test_a_call_of_the_kit_that_makes_no_sense_gets_a_sentence(
    setup_here: Setup, wrong: Callable[[Any], Any], advice: str
) -> None:
    with pytest.raises(CallError, match=advice):
        wrong(setup_here("02_streaming"))


@pytest.mark.parametrize(
    ("name", "says"), [("mode", "LLM_MODE='3' is not a mode"), ("provider", "no provider '3'")]
)
def test_a_number_for_a_mode_or_a_provider_gets_a_sentence(setup_here: Setup, name: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        setup_here("02_streaming", **{name: 3})


def test_a_break_that_somebody_left_in_a_cell_costs_nothing_under_the_grader(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GRADING, "1")
    setup_here("02_streaming").break_next()


@pytest.mark.parametrize(("pace", "timed"), [("off", False), ("0.01", True)])
def test_pictures_have_a_clock_where_answers_take_time(
    setup_here: Setup, monkeypatch: pytest.MonkeyPatch, pace: str, timed: bool
) -> None:
    monkeypatch.setenv("REPLAY_PACE", pace)
    kit = setup_here("02_streaming")
    assert (kit.clock is not None) == timed
    assert (kit.open_requests is not None) == timed
    if kit.open_requests is not None:
        assert kit.open_requests() == 0
