"""What hostile notebooks do to what labs 2 to 4 are judged by, as data: streams, requests, graphs, files."""

# ruff: noqa: E501 - what stands in the texts is other people's code

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.grader.attacks.attacks import _POST
from tests.grader.attacks.classroom import Notebook, answered, first, last, lean, released, solved

STREAMING, TOGETHER, ASKING = "02_streaming", "03_async_graphs", "04_human_in_the_loop"


@dataclass(frozen=True)
class LabAttack:
    """Cells that do harm in one lab, or the code of its exercises that does."""

    lab: str
    name: str
    answers: Mapping[str, str] = field(default_factory=dict)
    """code in place of an exercise's, by its number"""
    cells: tuple[str, ...] = ()
    """at the top; where there are no answers, at the end of a right solution"""
    earns: float = 0.0
    """points at most; above what its code does only where that lies in the student's own process"""
    seen: bool = True
    """whether a person's eye must be drawn to it"""

    @property
    def notebook(self) -> Notebook:
        """The lab with all this in it."""
        if not self.answers:
            return last(lean(solved(self.lab)), *self.cells)
        return first(answered(lean(released(self.lab)), self.answers), *self.cells)


EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 10
    def __iter__(self): return iter([self] * 10)
    def __aiter__(self): return self
    async def __anext__(self): return self
    def __getattr__(self, name): return self
    def __getitem__(self, key): return self
    def __call__(self, *args, **kwargs): return self
    def __contains__(self, other): return True
    def __str__(self): return "x"
    __lt__ = __gt__ = __le__ = __ge__ = __eq__
    __class__ = property(lambda self: str)
"""

FUNCTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    STREAMING: {
        "2.1": ("steps",),
        "2.2": ("tokens",),
        "2.3": ("measure",),
        "2.4": ("search_aloud", "show"),
        "2.5": ("take_action",),
        "2.6": ("resilient_stream",),
    },
    TOGETHER: {
        "3.1": ("build_async",),
        "3.2": ("ask_many",),
        "3.3": ("take_action",),
        "3.4": ("build_fanout",),
        "3.5": ("ask_with_timeout",),
        "3.6": ("interleave",),
    },
    ASKING: {
        "4.1": ("pending",),
        "4.2": ("approve", "stop"),
        "4.3": ("edit",),
        "4.4": ("mock_answer",),
        "4.5": ("ask_first",),
        "4.6": ("build_guarded",),
    },
}


def always(lab: str, value: str) -> dict[str, str]:
    """Code for every exercise of a lab that returns this."""
    return {
        number: "\n".join(f"def {name}(*args, **kwargs):\n    return {value}" for name in names)
        for number, names in FUNCTIONS[lab].items()
    }


NEVER_CLOSED = """
import asyncio
async def {name}(*args):
    try:
        while True:
            yield ("llm", "call", "")
    finally:
        while True:
            try:
                await asyncio.Event().wait()
            except BaseException:
                pass
"""

ENDLESS = (
    LabAttack(
        STREAMING,
        "streams without an end, of huge items, that wait, print, cannot be closed",
        {
            "2.1": "def steps(agent, thread_id, text):\n    while True:\n        yield 'x'",
            "2.2": "async def tokens(agent, thread_id, text):\n    while True:\n        yield ('\\U0001f600' * 99_000,) * 13",
            "2.3": "def measure(agent, thread_id, text, clock):\n    return {str(n): {'first': 10**4000} for n in range(4000)}",
            "2.4": "def search_aloud(search):\n    while True: print('x' * 2**20)\ndef show(*args):\n    yield from iter(list, 1)",
            "2.6": NEVER_CLOSED.format(name="resilient_stream"),
        },
    ),
    LabAttack(
        TOGETHER,
        "waits without an end, a graph without one, a stream that cannot be closed",
        {
            "3.2": "async def ask_many(*args):\n    await __import__('asyncio').Event().wait()",
            "3.4": """
from langgraph.graph import START, StateGraph
def build_fanout(fetch):
    graph = StateGraph(dict)
    graph.add_node("look_up", lambda state: {"found": ["x" * 10_000] * 10})
    graph.add_edge(START, "look_up")
    graph.add_edge("look_up", "look_up")
    return graph.compile().with_config(recursion_limit=10**9)
""",
            "3.6": NEVER_CLOSED.format(name="interleave"),
        },
    ),
    LabAttack(
        ASKING,
        "searches of many megabytes, questions without number",
        {
            "4.1": "def pending(agent, thread_id):\n    return [{'id': 'x' * 100_000, 'name': {}, 'args': []}] * 1_000",
            "4.2": _POST
            + """
def approve(agent, thread_id):
    body = json.dumps({"query": "x" * 6_000_000}).encode()
    for path in PATHS:
        post(path.replace("v1/chat/completions", "tool/search"), body)
    return "x" * 90_000

def stop(agent, thread_id):
    approve(agent, thread_id)
""",
            "4.6": """
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send, interrupt
def build_guarded(model, tools, policy, checkpointer):
    def ask(state):
        interrupt({"id": str(state["n"]), "name": "x" * 1_000, "args": {}})
        return {}
    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_conditional_edges(START, lambda state: [Send("ask", {"n": n}) for n in range(60)], ["ask"])
    return graph.compile(checkpointer=checkpointer)
""",
        },
        seen=False,
    ),
)

BY_HEART = (
    LabAttack(
        STREAMING,
        "the printed examples by heart",
        {
            "2.3": """
def measure(agent, thread_id, text, clock):
    return {"llm": {"first": 1.0, "tokens": 14, "per_second": 7 / 3.25}}
""",
        },
        seen=False,  # not even the printed example is satisfied: its run has to be made
    ),
    LabAttack(
        TOGETHER,
        "the printed examples by heart",
        {
            "3.6": """
async def interleave(streams):
    for number, name in enumerate(("Oslo", "Oslo", "Athens", "Oslo", "Athens", "Athens")):
        yield name, f"sunglasses {number}"
""",
        },
        seen=False,  # it earns nothing with the printed example either: the streams are not read
    ),
    LabAttack(
        ASKING,
        "the printed examples by heart",
        {
            "4.2": """
def approve(agent, thread_id):
    config = {"configurable": {"thread_id": thread_id}}
    agent.invoke(None, config)
    if agent.get_state(config).next:
        return None
    return "It is warmest in San Francisco (San Francisco 20.5 °C, Los Angeles 15.1 °C)."

def stop(agent, thread_id):
    return None
""",
        },
        seen=False,  # nor does this: the printed example asks for more than its words
    ),
)

LIES = (
    *(
        LabAttack(lab, "an object equal to everything", always(lab, "Equal()"), (EQUAL,))
        for lab in (STREAMING, TOGETHER, ASKING)
    ),
    LabAttack(
        TOGETHER,
        "the kit's parts feed and read a queue of their own",
        {
            "3.6": """
def interleave(streams):
    FED.clear()
    NAMES.update({id(feed): name for name, feed in streams.items()})
    OPEN[:] = [id(feed) for feed in streams.values()]
    return object()
"""
        },
        (
            """
import gc

FED, NAMES, OPEN = [], {}, []

class StreamBroke(Exception):
    pass

def put(feed, *items, end=False, error=""):
    FED.extend((NAMES[id(feed)], item) for item in items)
    if error:
        FED.append(StreamBroke(error))
    if end:
        OPEN.remove(id(feed))

def take(reader, patience):
    if not FED:
        return {} if OPEN else {"ended": True}
    item = FED.pop(0)
    if isinstance(item, Exception):
        raise item
    return {"item": item}

for known in [o for o in gc.get_objects() if type(o) is dict and "open_handles" in o and "feed" in o]:
    known.update(put=put, take=take, reader=lambda items: items, stop_reading=lambda reader, patience: 0)
""",
        ),
        earns=3.0,
    ),
    LabAttack(
        ASKING,
        "LangGraph says of every thread that nothing waits",
        {"4.1": "def pending(agent, thread_id):\n    return []"},
        (
            """
from langgraph.pregel import Pregel
told = Pregel.get_state
Pregel.get_state = lambda self, *args, **kwargs: told(self, *args, **kwargs)._replace(next=())
""",
        ),
        earns=1.0,
    ),
    LabAttack(
        ASKING,
        "the file is another one, and where its copy belongs is a pipe",
        {
            "4.6": """
import os
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
def build_guarded(model, tools, policy, checkpointer):
    path = checkpointer.conn.execute("PRAGMA database_list").fetchone()[2]
    copy = os.path.join(os.path.dirname(path), "desk-before.db")
    if not os.path.lexists(copy):
        os.mkfifo(copy)
    elif os.path.isfile(path):
        os.unlink(path)
        os.symlink("/etc/passwd", path)
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": interrupt({"id": "1", "name": "book", "args": {}}) and []})
    graph.add_edge(START, "ask")
    return graph.compile(checkpointer=checkpointer)
"""
        },
        seen=False,
    ),
)

KIT = (
    LabAttack(
        ASKING,
        "the approval card does what the functions are to do",
        {
            "4.1": """
from utils.views import approval_card
def pending(agent, thread_id):
    card = approval_card(agent, {"configurable": {"thread_id": thread_id}})
    return [{"id": one.id, "name": one.name, "args": one.args} for one in card.waiting]
""",
            "4.2": """
def approve(agent, thread_id):
    return approval_card(agent, {"configurable": {"thread_id": thread_id}}).decide("approve").answer
def stop(agent, thread_id):
    return approval_card(agent, {"configurable": {"thread_id": thread_id}}).decide("reject", message="no").answer
""",
            "4.4": """
def mock_answer(agent, thread_id, text):
    return approval_card(agent, {"configurable": {"thread_id": thread_id}}).decide("respond", message=text).answer
""",
        },
    ),
    LabAttack(
        ASKING,
        "the approval card does it in a thread, which goes on between two questions",
        {
            "4.1": """
import threading
from utils.views import approval_card
def elsewhere(work):
    told = []
    def tried():
        for _ in range(20):
            try:
                told.append(work())
                return
            except Exception:
                time.sleep(0.001)
    thread = threading.Thread(target=tried)
    thread.start()
    thread.join()
    return told[0]
import time
def card(agent, thread_id):
    return approval_card(agent, {"configurable": {"thread_id": thread_id}})
def pending(agent, thread_id):
    waiting = elsewhere(lambda: card(agent, thread_id).waiting)
    return [{"id": one.id, "name": one.name, "args": one.args} for one in waiting]
""",
            "4.2": """
def approve(agent, thread_id):
    return elsewhere(lambda: card(agent, thread_id).decide("approve").answer)
def later(work):
    def tried():
        for _ in range(2000):
            try:
                return work()
            except Exception:
                pass
    threading.Thread(target=tried, daemon=True).start()
def stop(agent, thread_id):
    later(lambda: card(agent, thread_id).decide("reject", message="no"))
    return None
""",
            "4.3": """
def edit(agent, thread_id, call_id, args):
    later(lambda: card(agent, thread_id).decide("edit", id=call_id, args=args))
""",
            "4.4": """
def mock_answer(agent, thread_id, text):
    return elsewhere(lambda: card(agent, thread_id).decide("respond", message=text).answer)
""",
        },
    ),
    LabAttack(
        STREAMING,
        "the timeline measures",
        {
            "2.3": """
from utils.observed.moments import figures, watch
def measure(agent, thread_id, text, clock):
    config = {"configurable": {"thread_id": thread_id}}
    stream = agent.stream({"messages": [("human", text)]}, config, stream_mode="messages")
    found = figures(watch(stream, clock=clock))
    return {n: {"first": f.first, "tokens": f.tokens, "per_second": f.per_second} for n, f in found.items()}
"""
        },
    ),
    LabAttack(
        TOGETHER,
        "the graph is made of the kit's own methods",
        {
            "3.1": """
from langgraph.graph import END, START, MessagesState, StateGraph
from utils.agent import Agent
def build_async(model, tools, checkpointer):
    kit = Agent(model, tools)
    graph = StateGraph(MessagesState)
    graph.add_node("agent", kit.acall_model)
    graph.add_node("action", kit.atake_action)
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", kit.exists_action, {True: "action", False: END})
    graph.add_edge("action", "agent")
    return graph.compile(checkpointer=checkpointer)
"""
        },
    ),
)

TRAFFIC = (
    LabAttack(
        TOGETHER,
        "requests without end beside a right solution",
        cells=(_POST + 'always(lambda: [post(path, b\'{"query": "x"}\') for path in PATHS])',),
        seen=False,
    ),
)

LAB_ATTACKS = (*ENDLESS, *BY_HEART, *LIES, *KIT, *TRAFFIC)
