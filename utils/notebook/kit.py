"""``setup()`` and what it gives a notebook: a model, a search tool, a work folder."""

from __future__ import annotations

import atexit
import http.client
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from dotenv import dotenv_values, find_dotenv

from utils.checks.registry import slug_of
from utils.errors import CallError, SetupError
from utils.modes import GRADING, MODE, PARENT, RECORD_TO, TRACING, WORK_FOLDER, Mode
from utils.notebook import ipython, packages
from utils.notebook.live import REAL_SEARCH, SEARCH_ADDRESS, is_own, live, upstream
from utils.providers import (
    DEFAULT,
    NO_KEY,
    PROVIDERS,
    SEARCH_KEY,
    VARIABLE,
    Provider,
    chosen_provider,
    settings,
)
from utils.replay.conversation import Fault, Scenario
from utils.replay.fixtures import LABS, fixture_of, known_fixtures, load_scenario
from utils.replay.log import KINDS
from utils.replay.pacing import Pace, pace_from_environment
from utils.replay.server import ReplayServer
from utils.results import ExerciseResult

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from utils.replay.log import Request
    from utils.replay.session import Session

_SEARCH_MODULE = "langchain_community.utilities.tavily_search"
ENV_FILE = Path(__file__).parent.parent.parent / ".env"
"""read when there is none in the notebook's folder or above"""
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy")
_HERE = ("127.0.0.1", "localhost")


@dataclass
class Kit:
    """What ``setup()`` gives a notebook. Everything else is plain LangGraph."""

    lab: str
    provider: Provider
    mode: Mode
    workdir: Path
    """a fresh, empty folder for this run; it goes away with the kernel"""
    server: ReplayServer | None = field(default=None, repr=False)
    session: Session | None = field(default=None, repr=False)
    results: dict[str, ExerciseResult] = field(default_factory=dict, repr=False)
    """the newest result of each exercise that was checked"""
    checker: Any = field(default=None, repr=False)
    """what ``check()`` keeps from one exercise to the next"""
    _banner: str = field(default="", repr=False)
    """what is said of live answers"""
    _environment: dict[str, str | None] = field(default_factory=dict, repr=False)
    _process: int = field(default_factory=os.getpid, repr=False)

    def model(self) -> BaseChatModel:
        """Return the provider's chat model: ``ChatOpenAI(model="gpt-4o")``, say."""
        return self.provider.make(None)

    def search(self, max_results: int = 2) -> BaseTool:
        """Return the course notes' search tool: ``TavilySearchResults(max_results=2)``."""
        from langchain_community.tools.tavily_search import TavilySearchResults  # noqa: PLC0415

        _aim_search()
        with warnings.catch_warnings():
            # The notes' tool is being sunset; this method is the one place to change it.
            warnings.simplefilter("ignore", DeprecationWarning)
            tool = TavilySearchResults(max_results=max_results)
        return cast("BaseTool", tool)

    def requests(self, kind: str = "model") -> tuple[Request, ...]:
        """Return what the recorded model was asked since ``setup()``; ``search`` for the search service.

        Nothing under the grader, which keeps a log of its own. Raises CallError for another kind, SetupError
        in a process that another one answers.
        """
        if self.session is None and os.environ.get(GRADING):
            return ()
        if kind not in KINDS:
            msg = f"there are no requests of the kind {kind!r}"
            raise CallError(msg, hint=f"ask for one of these: {', '.join(KINDS)}")
        if self.session is None:
            msg = "only the process that runs the kit's server has a log of its requests"
            raise SetupError(msg, hint="ask there, in the notebook")
        return self.session.traffic().of(kind)

    def may_ask(self) -> None:
        """Print which questions are answered without a key: the recorded ones, and those made up by rule."""
        from utils.replay.invented import MAY_BE_ASKED  # noqa: PLC0415

        recorded = self.session.recorded_questions() if self.session is not None else ()
        lines = ["Recorded, some of them only after others:", *recorded] if recorded else []
        lines += ["Made up by rule, for any place (not true, and the same each time):", *MAY_BE_ASKED]
        print("\n".join(line if line.endswith(":") else f"  {line}" for line in lines))

    def break_next(
        self, turn: Literal["answer", "call"] = "answer", *, after: int = 12, clean: bool = False
    ) -> None:
        """Let the model break off after so many pieces, in its next answer or its next tool call.

        The connection drops; with ``clean`` the stream ends as if all were well. Under the grader nothing
        happens. Raises CallError for a turn or a number that does not exist, SetupError in a process that
        another one answers.
        """
        if self.session is None and os.environ.get(GRADING):
            return
        if turn not in ("answer", "call"):
            raise CallError(
                f"the model has no turn {turn!r} that could break off",
                hint='write break_next("answer") or break_next("call")',
            )
        if not isinstance(after, int) or after < 0:
            msg = f"after is the number of pieces that still come, got {after!r}"
            raise CallError(msg, hint="give a whole number, 0 or more: break_next(after=12)")
        if self.session is None:
            msg = "only the process that runs the kit's server can let an answer break off"
            raise SetupError(msg, hint="call break_next() in the notebook, after setup()")
        self.session.break_next(turn, Fault(kind="cut" if clean else "drop", after=after))

    @property
    def clock(self) -> Callable[[], float] | None:
        """A clock for pictures; ``None`` where answers come at once and time says nothing."""
        at_once = self.session is not None and self.session.pace.factor == 0
        return None if at_once else time.perf_counter

    @property
    def open_requests(self) -> Callable[[], int] | None:
        """Counts the requests that are open at the model's side; ``None`` where nobody listens in.

        Also where answers come at once: then they are open for no time that could be seen.
        """
        session = self.session
        return None if session is None or self.clock is None else lambda: session.traffic().open()

    def write_recording(self) -> None:
        """Write what was recorded since ``setup()`` into the lab's fixture; what was not asked stays in it.

        Raises SetupError outside of record mode, RecordingError when there is nothing fit to be written.
        """
        from utils.replay.storing import store  # noqa: PLC0415 - for authors only

        if self.session is None or self.session.recorder is None:
            msg = "nothing is being recorded"
            raise SetupError(msg, hint=f"set {MODE}=record and run the notebook again")
        target = os.environ.get(RECORD_TO) or fixture_of(slug_of(self.lab))
        print(store(self.session.recorder, Path(target)))

    def close(self) -> None:
        """Stop the recorded model and put the environment back; a forked child leaves its parent's alone."""
        if self._process != os.getpid():
            return
        if self.checker is not None:
            self.checker.close()
            self.checker = None
        if self.server is not None:
            self.server.close()
        self.server = self.session = None
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._environment.clear()
        _forget_tracing()
        _aim_search()
        shutil.rmtree(self.workdir, ignore_errors=True)

    def _set(self, name: str, value: str | None) -> None:
        """Change one setting; ``None`` takes it away until the kit is closed."""
        self._environment.setdefault(name, os.environ.get(name))
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class _Current:
    """The kit of this process: ``check()`` is called without one."""

    kit: Kit | None = None


def current_kit() -> Kit:
    """Return the kit of the last ``setup()``. Raises SetupError when there was none."""
    if _Current.kit is None:
        msg = "this lab has not been set up"
        raise SetupError(msg, hint='run the setup cell first: kit = setup("01_persistence")')
    return _Current.kit


def setup(lab: str, *, provider: str | None = None, mode: str | None = None) -> Kit:
    """Return a kit for a lab: model and search answer from recordings, unless ``LLM_MODE`` says otherwise.

    A second call gives a fresh work folder and an empty log; models made before go on working. Raises
    SetupError, FixtureError or ExerciseError with a sentence that says what to do.
    """
    ipython.install()
    slug = slug_of(lab)
    fixture = fixture_of(slug, LABS)
    if not fixture.is_file():
        known = ", ".join(known_fixtures(LABS))
        msg = f"there is no lab {lab!r}"
        raise SetupError(msg, hint=f"the kit has recordings for: {known}")
    if os.environ.get(GRADING):
        return _graded_kit(lab, provider)
    if other := packages.other_than_locked():
        print(other)
    _load_env()
    wanted = _chosen_mode(mode)
    # What the kit before has set for the processes it started is not what the person wants.
    found = chosen_provider(provider or _setting(VARIABLE) or DEFAULT)
    # Whatever may be wrong is found before the kit that works now is given up.
    scenario = load_scenario(fixture, free=True) if wanted == "replay" else Scenario()
    pace = pace_from_environment()
    passes_on = wanted == "live" and _alive(_setting(PARENT) or "", live=True)
    if wanted != "replay" and not passes_on:
        _need_key(found, wanted)
    kit = _fresh_kit(lab, found, wanted)
    if wanted == "live":
        if passes_on:
            _point_at(kit, os.environ[PARENT], os.environ.get(found.keys[0], NO_KEY))
            print(f"{lab}: live answers through the process that started this one.")
        else:
            print(f"{lab}: {_go_live(kit)}")
        return kit
    notes = _switch_off_tracing(kit)
    if wanted == "record":
        _record(kit)
        print(f"{lab}: recording answers from {found.name}.")
        return kit
    parent = os.environ.get(PARENT)
    if kit.session is None and parent and _alive(parent):
        _point_at(kit, parent)
        print(f"{lab}: recorded answers from the process that started this one.")
        return kit
    if kit.session is None:
        kit.server = ReplayServer().start()
        kit.session = kit.server.open(scenario, pace=pace)
    else:
        kit.session.restart(scenario, pace)
    _point_at(kit, kit.session.url)
    line = f"{lab}: recorded answers ({found.name}), no key and no network needed"
    print(f"{line}; kit.may_ask() says what you may ask.{notes}")
    return kit


def _fresh_kit(lab: str, provider: Provider, mode: Mode) -> Kit:
    """Return a kit that takes over the running server of the one before, if it serves the same lab."""
    old = _Current.kit
    # Inside that of the process that started this one: a process that is killed clears nothing away.
    above = os.environ.get(WORK_FOLDER) if old is None else None
    kit = Kit(lab, provider, mode, _work_folder(lab, above))
    if old is not None and old._process == os.getpid():
        if (old.lab, old.provider, old.mode) == (lab, provider, mode):
            kit.server, kit.session, kit._environment = old.server, old.session, old._environment
            kit.results, kit._banner = old.results, old._banner
            old.server = old.session = None
            old._environment = {}
        old.close()
    _Current.kit = kit
    atexit.register(kit.close)
    return kit


def _work_folder(lab: str, above: str | None = None) -> Path:
    """Make a new folder, inside the one above if there is such a folder. Raises SetupError."""
    above = above if above and Path(above).is_dir() else None
    try:
        return Path(tempfile.mkdtemp(prefix=f"{lab}-", dir=above))
    except OSError as error:
        msg = f"no work folder can be made: {error.strerror}"
        raise SetupError(msg, hint="set TMPDIR to a folder that you may write to") from error


def _load_env() -> None:
    """Read ``.env`` from here or above, or from beside the kit; what is set already stays."""
    try:
        here = find_dotenv(usecwd=True)
    except OSError:  # the working directory has been deleted
        here = ""
    for path in (here, str(ENV_FILE)):
        if path and Path(path).is_file():
            try:
                _add_settings(dotenv_values(path))
            except (OSError, ValueError) as error:  # not readable, not UTF-8, a NUL in a value
                msg = f".env cannot be read: {error}"
                raise SetupError(
                    msg, hint="save it as UTF-8 text, or delete it: recordings need no key"
                ) from error
            return


def _add_settings(found: Mapping[str, str | None]) -> None:
    """Add settings to the environment, where they are not set yet.

    What the kit itself has set is not in the way: the settings are then what it will put back.
    """
    ours = _ours()
    for name, value in found.items():
        if value is None:
            continue
        if name in ours:
            ours[name] = ours[name] or value
        else:
            os.environ.setdefault(name, value)


def _ours() -> dict[str, str | None]:
    """Return what the present kit has changed in the environment, with the values from before."""
    return {} if _Current.kit is None else _Current.kit._environment


def _setting(name: str) -> str | None:
    """Return a setting as the user made it, whatever the present kit has put in its place."""
    ours = _ours()
    return ours[name] if name in ours else os.environ.get(name)


def _chosen_mode(mode: str | None) -> Mode:
    wanted = str(mode or _setting(MODE) or "replay").strip().casefold()
    if wanted not in get_args(Mode):
        msg = f"{MODE}={wanted!r} is not a mode"
        raise SetupError(msg, hint=f"set {MODE} to one of: {', '.join(get_args(Mode))}")
    return cast("Mode", wanted)


def _need_key(provider: Provider, mode: Mode) -> None:
    if mode == "live" and is_own(provider, _setting):
        return
    keys = () if any(map(_is_set, provider.instead)) else provider.keys
    for name in (*keys, SEARCH_KEY):
        if not _is_set(name):
            msg = f"live answers need a key, and {name} is not set"
            others = " or ".join(("", *provider.instead)) if name in provider.keys else ""
            raise SetupError(msg, hint=f"put {name}=…{others} into .env, or set {MODE}=replay")


def _is_set(name: str) -> bool:
    return _setting(name) not in (None, "", NO_KEY)


def _switch_off_tracing(kit: Kit) -> str:
    """Switch LangSmith's tracing off; a note that says so if it was on."""
    on = [name for name in TRACING if os.environ.get(name, "").strip().casefold() in ("true", "1")]
    for name in on:
        kit._set(name, "false")
    _forget_tracing()
    return " LangSmith tracing is switched off meanwhile." if on else ""


def _forget_tracing() -> None:
    """Let LangSmith read its settings again: it keeps what it read first."""
    read: Any = getattr(sys.modules.get("langsmith.utils"), "get_env_var", None)
    if hasattr(read, "cache_clear"):
        read.cache_clear()


def _point_at(kit: Kit, url: str, key: str = NO_KEY) -> None:
    """Point the providers' documented settings at a session; real keys stay out of its requests."""
    for name, value in settings(kit.provider, url, key).items():
        kit._set(name, value)
    kit._set(WORK_FOLDER, str(kit.workdir))
    for name in kit.provider.away:
        kit._set(name, None)
    _add_no_proxy(kit)
    for name in _PROXIES:
        if os.environ.get(name, "").startswith("socks"):
            # Clients refuse to start for want of a package that recorded answers do not need.
            kit._set(name, None)
    _aim_search()


def _add_no_proxy(kit: Kit) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        have = [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]
        kit._set(name, ",".join([*have, *(host for host in _HERE if host not in have)]))


def _aim_search() -> None:
    """Point the notes' search tool at the recorded search service, or at the real one if there is none.

    Its address is a constant of its module and has no setting: the kit's only patch.
    """
    url = os.environ.get(PARENT)
    if url or _SEARCH_MODULE in sys.modules:
        tavily_search: Any = importlib.import_module(_SEARCH_MODULE)
        tavily_search.TAVILY_API_URL = f"{url}/tavily" if url else REAL_SEARCH
        ipython.quiet_sunset_warnings()


def _alive(url: str, *, live: bool = False) -> bool:
    """Return whether the kit's server answers at an address of this machine, of real answers if ``live``."""
    if not url.startswith("http://127.0.0.1:"):
        return False
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/alive", timeout=2.0) as answer:
            return not live or "live" in json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):  # nobody there, no address, no HTTP
        return False


def _go_live(kit: Kit) -> str:
    """Let requests go on to a real model, and return a line about it."""
    if kit.session is None:
        found = live(kit.provider, _setting)
        searches = found.relay.searches
        by_rule = None if searches else load_scenario(fixture_of(slug_of(kit.lab), LABS), free=True)
        kit.server = ReplayServer().start()
        kit.session = kit.server.open(by_rule, pace=Pace(), relay=found.relay)
        search = "" if searches else " The search answers by rule, about the weather only."
        kit._banner = f"{found.banner}, and differ from the text.{search}"
    else:
        kit.session.restart(None, kit.session.pace)
    _hold_keys(kit)
    kit._set(MODE, "live")
    return f"{kit._banner} check() grades on recorded answers, as ever."


def _record(kit: Kit) -> None:
    from utils.replay.recording import Recorder  # noqa: PLC0415

    if kit.session is not None:  # the setup cell was run again: what was recorded so far stays
        return
    kit.server = ReplayServer().start()
    kit.session = kit.server.open(recorder=Recorder(upstream(kit.provider, _setting)))
    _hold_keys(kit)
    # A process that the notebook starts records too: its upstream is this one.
    kit._set(SEARCH_ADDRESS, f"{kit.session.url}/tavily")


def _hold_keys(kit: Kit) -> None:
    """Point everything at the kit's server, which has the keys now; programs get a token of this run."""
    assert kit.session is not None
    region = {name: _setting(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")}
    _point_at(kit, kit.session.url, kit.session.token)
    for name, value in region.items():
        if value:
            kit._set(name, value)
    for other in PROVIDERS.values():
        for name in (*other.keys, *other.away):
            if os.environ.get(name) not in (None, kit.session.token):
                kit._set(name, kit.session.token if name in other.keys else None)


def _graded_kit(lab: str, provider: str | None) -> Kit:
    """Return a kit in the grader's jail: everything around it has been set up from outside."""
    kit = Kit(lab, chosen_provider(provider), "replay", _work_folder(lab))
    _Current.kit = kit
    atexit.register(kit.close)
    if url := os.environ.get(PARENT):
        _point_at(kit, url)  # a cell before may have set a proxy, or another address
    _aim_search()
    return kit
