"""Lab 1, "Keep the conversation": its exercises and how each is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from utils.checks.registry import LabChecks, Words, expect, fail
from utils.checks.weather import (
    City,
    asked,
    compare_answer,
    compare_question,
    compared,
    conversation,
    one_by_one,
    plain,
    tour_question,
)
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.lab.plain import Message
from utils.replay.conversation import ToolAnswer

LAB = LabChecks("persistence", "Keep the conversation")
LAB.exercise("1.1", "Build the graph", function="build_agent", points=4)
LAB.exercise("1.2", "Ask a question", function="ask", points=2)
LAB.exercise("1.3", "Keep it on disk", function="open_saver", points=3)
LAB.exercise("1.4", "Read the history", function="history", points=3)
LAB.exercise("1.5", "Go on after a crash", function="resume", points=4)
LAB.exercise("1.6", "Go back and ask differently", function="rewind", points=4)
check = LAB.check


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks of this lab ask with: other values, the same questions."""

    cities: tuple[City, City, City]
    """three cities with different temperatures"""
    thread: str
    other: str
    """another thread's id"""
    word: str
    """a word that only the recorded answers hold"""


LAB.example = Case(
    cities=(City("San Francisco", 20.5), City("Los Angeles", 15.1), City("Oslo", 3.4)),
    thread="trip",
    other="someone else",
    word="sunglasses",
)

WARMER = "Which one is warmer?"
NO_IDEA = "I cannot tell: which places do you mean?"


def config(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}}


def turn(lab: Lab, agent: Ref, thread: str, text: str) -> dict[str, Any]:
    """A graph's state after one question."""
    called = f'agent.invoke({{"messages": [("user", {text!r})]}}, thread {thread!r})'
    state = lab.part("turn", agent, thread, text, called=called)
    return state if isinstance(state, dict) else {}


def messages_of(state: dict[str, Any]) -> list[Message]:
    found = state.get("messages")
    return [m for m in found if isinstance(m, Message)] if isinstance(found, list | tuple) else []


def kinds(messages: Sequence[Message]) -> str:
    return " ".join(message.type for message in messages) or "nothing"


def roles(stage: Stage) -> str:
    """Roles of the last model request, without system prompts."""
    requests = stage.requests()
    return " ".join(role for role in requests[-1].roles if role != "system") if requests else "no request"


def questions(stage: Stage) -> tuple[str, ...]:
    """What people had asked in the last model request."""
    requests = stage.requests()
    return requests[-1].questions if requests else ()


def results_by_query(stage: Stage) -> dict[str, str]:
    """What the last model request gave as the result of each search."""
    messages = stage.requests()[-1].messages
    queries = {call.id: str(call.args.get("query")) for message in messages for call in message.calls}
    return {queries.get(m.call_id, m.call_id): m.text for m in messages if m.role == "tool"}


def last_text(state: dict[str, Any]) -> str:
    messages = messages_of(state)
    return messages[-1].text if messages else ""


# 1.1 ------------------------------------------------------------------------------------------------


def built(lab: Lab, stage: Stage, saver: Ref | None = None) -> Ref:
    """The graph that ``build_agent`` returns."""
    graph = lab.call("build_agent", stage.model(), [stage.tool()], saver or lab.kit.saver())
    if not isinstance(graph, Ref) or not lab.part("is_graph", graph):
        fail(
            "build_agent must return the compiled graph.",
            got=graph,
            expected="what graph.compile(checkpointer=checkpointer) returns",
            why="Only a compiled graph can be invoked, and compiling is where the checkpointer comes in.",
        )
    return Ref(graph.number, graph.type, "agent", lab)


@check("1.1", points=1, title="several tool rounds, with text beside a call")
def goes_round(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("tour", one_by_one(first, second, say="Let me look up")))
    state = turn(lab, built(lab, stage), case.thread, tour_question(first, second))
    expect(
        bool(stage.tool_requests()),
        "The model wrote a sentence and asked for a tool beside it, but no tool ran.",
        got=Words(f"the messages were: {kinds(messages_of(state))}"),
        expected="the tool runs whenever the model's message has tool calls",
        why="Whether the model wants a tool is told by tool_calls; content need not be empty then.",
    )
    expect(
        roles(stage) == "user assistant tool assistant tool",
        "After a tool has answered, the model must be asked again, until it asks for no more tools.",
        got=Words(f"the last request held: {roles(stage)}"),
        expected="user assistant tool assistant tool",
        why="A model may look things up several times; an edge leads from action back to llm.",
    )
    expect(
        last_text(state) == compare_answer(first, second),
        "The last message must be the model's answer.",
        got=last_text(state),
        expected=compare_answer(first, second),
        why="Whoever asks reads the last message of the state.",
    )


@check("1.1", points=1, title="two tool calls in one turn")
def answers_every_call(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("compare", compared(first, second)))
    state = turn(lab, built(lab, stage), case.thread, compare_question(first, second))
    expect(
        kinds(messages_of(state)) == "human ai tool tool ai",
        "Each tool call of a turn needs a tool message of its own, and all messages are kept.",
        got=Words(kinds(messages_of(state))),
        expected="human ai tool tool ai",
        why="The next request must hold every call with its answer; the state is where they are kept.",
    )
    told = results_by_query(stage)
    expect(
        all(city.result in told.get(city.query, "") for city in (first, second)),
        "Each tool message must carry the result of its own call.",
        got=told,
        expected=f"{first.query!r}: {first.result}; {second.query!r}: {second.result}",
        why=(
            "The model reads a result by its tool_call_id; with a wrong one it gives a wrong answer, "
            "and nobody sees why."
        ),
    )


@check("1.1", points=1, title="searches counts the tool calls, by a reducer")
def counts_searches(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    stage = lab.stage(conversation("both", compared(first, second), asked(third)))
    agent = built(lab, stage)
    one = turn(lab, agent, case.thread, compare_question(first, second)).get("searches")
    two = turn(lab, agent, case.thread, third.question).get("searches")
    expect(
        one == 2,
        "searches must count the tool calls of a turn, all of them.",
        got=Words(f"{one!r} after one message with two calls"),
        expected="2",
        why="One message may hold several calls, and each of them is a search.",
    )
    expect(
        two == 3,
        "searches must go on counting: a node returns what it adds, and nothing more.",
        got=Words(f"{one!r} after two calls, then {two!r} after one more"),
        expected="2 after two calls, then 3 after one more",
        why=(
            "The key lives on from run to run, like messages do, and the reducer adds. "
            "Without one the new value replaces the old; with one, a node that adds itself counts twice."
        ),
    )
    # The async form runs what a graph's edges are made of, sync or async.
    agent.call("aupdate_state", config(case.thread), {"searches": 4})
    expect(
        len(stage.tool_requests()) == 3,
        "The tools must be run, once for each call.",
        got=Words(f"{len(stage.tool_requests())} searches were made for three calls"),
        expected="3 searches",
        why="searches is to say how many searches there were, not how many there might have been.",
    )
    lab.last_call = "a node that returns {'searches': 4}"
    total = lab.part("values", agent, case.thread).get("searches")
    expect(
        total == 7,
        "searches must be added up by a reducer: what a node returns for it is added to what is there.",
        got=Words(f"3, then a node returned 4: {total!r}"),
        expected="3, then a node returned 4: 7",
        why=(
            "Without a reducer the new value replaces the old one, and two nodes that write the key "
            "in the same step are an error."
        ),
    )


@check("1.1", points=1, title="the nodes have their names and the checkpointer remembers")
def remembers(lab: Lab, case: Case) -> None:
    first, _, _ = case.cities
    stage = lab.stage(
        conversation("trip", asked(first), plain(WARMER, f"{first.name}, and take {case.word}.")),
        conversation("no context", plain(WARMER, NO_IDEA)),
    )
    saver = lab.kit.saver()
    agent = built(lab, stage, saver)
    nodes = agent.get("nodes")
    named = sorted(nodes) if isinstance(nodes, dict) else []
    expect(
        {"llm", "action"} <= set(named),
        "The graph must have the nodes llm and action.",
        got=Words(", ".join(named)),
        expected="llm, action",
        why="Later exercises, streams and checkpoints speak of these nodes by name.",
    )
    turn(lab, agent, case.thread, first.question)
    turn(lab, agent, case.thread, WARMER)
    expect(
        questions(stage) == (first.question, WARMER),
        "On the same thread the model must be sent the conversation so far.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([first.question, WARMER]),
        why="A graph remembers only if it was compiled with the checkpointer that build_agent is given.",
    )
    turn(lab, agent, case.other, WARMER)
    expect(
        questions(stage) == (WARMER,),
        "On another thread the conversation must start afresh.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([WARMER]),
        why="Each person's conversation is their own.",
    )
    kept = saver.call("get_tuple", config(case.thread))
    expect(
        kept is not None,
        "The checkpoints must be in the checkpointer that was given.",
        got=Words("nothing was saved there"),
        expected="checkpoints of the thread",
        why="Whoever passes a checkpointer decides where conversations are kept: memory, a file, a database.",
    )


# 1.2 ------------------------------------------------------------------------------------------------


@check("1.2", points=1, title="only the new question goes in, on the right thread")
def asks_in_context(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    warmer = f"{max(first, second, key=lambda city: city.celsius).name}, so take {case.word}."
    stage = lab.stage(
        conversation("trip", asked(first), asked(second), plain(WARMER, warmer)),
        conversation("no context", plain(WARMER, NO_IDEA)),
    )
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    for text, answer in ((first.question, first.answer), (second.question, second.answer), (WARMER, warmer)):
        told = lab.call("ask", agent, case.thread, text)
        expect(
            isinstance(told, str) and told == answer,
            "ask must return the text of the model's answer.",
            got=told,
            expected=repr(answer),
            why="The run's last message is the answer; everything before it is how the model got there.",
        )
    expect(
        questions(stage) == (first.question, second.question, WARMER),
        "Only the new question may go in: the checkpointer brings the rest.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([first.question, second.question, WARMER]),
        why="What is sent again is stored again, and the conversation grows with every turn.",
    )
    told = lab.call("ask", agent, case.other, WARMER)
    expect(
        questions(stage) == (WARMER,) and told == NO_IDEA,
        "Another thread must not know of this conversation.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([WARMER]),
        why="The thread_id in the config decides whose conversation is continued.",
    )


@check("1.2", points=1, title="the answer's text, also when its content is a list of blocks")
def gives_text(lab: Lab, case: Case) -> None:
    city = case.cities[2]
    pieces = (f"It is cold in {city.name}, ", f"but take {case.word}", " anyway.")
    agent = lab.kit.agent(lab.kit.blocks_model(pieces), [], lab.kit.saver())
    told = lab.call("ask", agent, case.thread, city.question)
    expect(
        isinstance(told, str) and told == "".join(pieces),
        "ask must return text, whatever the content of the message looks like.",
        got=told,
        expected=repr("".join(pieces)),
        why="OpenAI sends content as a string, Anthropic and Bedrock as a list of blocks; .text reads both.",
    )


# 1.3 ------------------------------------------------------------------------------------------------


def opened(lab: Lab, path: str) -> tuple[Ref, Ref]:  # noqa: RET503 - fail() does not return
    """What ``open_saver`` returns, and the saver it gives inside a ``with`` block."""
    manager = lab.call("open_saver", path)
    called = lab.last_call
    if isinstance(manager, Ref):
        try:
            saver = lab.part("enter", manager, called=f"with {called} as saver", label="saver")
        except StudentError as error:
            if not error.is_a("AttributeError") and not error.is_a("TypeError"):
                raise
            manager = Words(f"{manager.type}; entering it raised {error.type}: {error.message}")
        else:
            if isinstance(saver, Ref) and lab.part("is_saver", saver):
                lab.close_later(saver)
                return manager, saver
            fail(
                "The with block must be given a saver.",
                got=saver,
                expected="a SqliteSaver on the file: yield SqliteSaver(connection)",
                why="The graph is compiled with what stands behind as; a connection alone saves nothing.",
            )
    fail(
        "open_saver must return a context manager that gives the saver.",
        got=manager,
        expected="something to use as: with open_saver(path) as saver",
        why=(
            "A context manager closes the file at the end of the block, whatever happens in it. "
            "With @contextmanager above it, a function with one yield is one."
        ),
    )


@check("1.3", points=1, title="makes the folder and the file")
def makes_folder(lab: Lab, case: Case) -> None:
    name = f"journeys/{case.thread}/memory.db"
    try:
        manager, saver = opened(lab, lab.path(name))
        saver.call("setup")
        found = sorted(lab.files())
        lab.part("leave", manager, called=f"with open_saver({name!r}) as saver: …")
    except StudentError as error:
        if not error.is_a("OperationalError") and not error.is_a("FileNotFoundError"):
            raise
        lab.last_call = f"with open_saver({name!r}) as saver: …"
        fail(
            "The folder of the file must be made, with all the folders above it.",
            got=Words(f"{error.type}: {error.message}"),
            expected=name,
            why="SQLite makes a file but no folder, and says only: unable to open database file.",
        )
    expect(
        name in found,
        "The file must be where the path says, in a folder that did not exist before.",
        got=Words(", ".join(found) or "no file"),
        expected=name,
        why="SQLite makes a file but no folder, and says only: unable to open database file.",
    )


@check("1.3", points=1, title="keeps the conversation for the next opening")
def keeps_the_conversation(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(first), asked(second)))
    path = lab.path("memory.db")
    for city in (first, second):
        manager, saver = opened(lab, path)
        agent = lab.kit.agent(stage.model(), [stage.tool()], saver)
        called = f"agent.invoke(…) with the saver of open_saver, thread {case.thread!r}"
        lab.part("sync_turn", agent, case.thread, city.question, called=called)
        lab.part("leave", manager, called="with open_saver('memory.db') as saver: …")
    expect(
        questions(stage) == (first.question, second.question),
        "A conversation must go on when the same file is opened again.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str([first.question, second.question]),
        why="That is the point of a file: the next process, or next week's, finds the conversation.",
    )
    rows = lab.checkpoints("memory.db") or ()
    expect(
        len(rows) == 10,
        "The file must hold a checkpoint for the question and for each step.",
        got=Words(f"{len(rows)} checkpoints in the file"),
        expected="10 checkpoints: for each question one when it comes in and one for each of 4 steps",
        why="Only what is in the file survives the process.",
    )


@check("1.3", points=1, title="closes the file, also when the block raises")
def closes_the_file(lab: Lab, case: Case) -> None:
    for failing in (False, True):
        path = lab.path(f"closed-{failing}.db")
        manager, saver = opened(lab, path)
        saver.call("setup")
        block = f"with open_saver(…) as saver: {'raise …' if failing else '…'}"
        swallowed = lab.part("leave", manager, failing=failing, called=block)
        still_open = lab.part("open_handles", path)
        expect(
            still_open == 0 and not any(name.endswith("-wal") for name in lab.files()),
            "The file must be closed at the end of the block"
            + (", also when the block raises an error." if failing else "."),
            got=Words(f"{still_open} open handles on the file"),
            expected="no open handle, and no -wal file beside it",
            why=(
                "An open connection keeps its lock and its -wal file: others wait, and on Windows nobody can "
                "delete it. `with sqlite3.connect(…)` commits, it does not close; after a yield only "
                "finally runs when the block raises."
            ),
        )
        expect(
            swallowed is not True,
            "An error in the block must go through.",
            got=Words("the error was swallowed"),
            expected="the error reaches whoever wrote the block",
            why="Swallowed errors look like success.",
        )


# 1.4 ------------------------------------------------------------------------------------------------

KEYS = ("id", "step", "source", "next", "messages", "parent")


def listed(lab: Lab, agent: Ref, thread: str) -> list[dict[str, Any]]:
    """The rows that ``history`` returns."""
    rows = lab.call("history", agent, thread)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        fail(
            "history must return a list of dicts.",
            got=rows,
            expected="[{'id': …, 'step': …, 'source': …, 'next': …, 'messages': …, 'parent': …}, …]",
            why="A list of plain dicts can be counted, sorted, searched and stored.",
        )
    missing = [key for key in KEYS if any(key not in row for row in rows)]
    expect(
        not missing,
        "Every row needs all six keys.",
        got=Words(f"missing: {', '.join(missing)}"),
        expected=", ".join(KEYS),
        why="Whoever draws the tree looks them up by these names.",
    )
    return rows


def talked(lab: Lab, case: Case) -> tuple[Ref, str]:
    """An agent with two questions answered on the case's thread, and its file."""
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(first), asked(second)))
    name = "history.db"
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver(lab.path(name)))
    for city in (first, second):
        lab.part("sync_turn", agent, case.thread, city.question)
    return agent, name


def forked(lab: Lab, case: Case) -> tuple[Ref, str]:
    """The same with two branches more: one by running again, one by editing."""
    agent, name = talked(lab, case)
    states = lab.part("states", agent, case.thread)
    before_answer = [state for state in states if state["next"] == ("llm",) and state["messages"]]
    lab.part("replay", agent, case.thread, before_answer[-1]["id"])
    lab.part("edit", agent, case.thread, before_answer[0]["id"], f"and take {case.word}")
    return agent, name


@check("1.4", points=1, title="one row for each checkpoint, with what is in it")
def one_row_per_checkpoint(lab: Lab, case: Case) -> None:
    agent, name = talked(lab, case)
    kept = {row.id for row in lab.checkpoints(name) or ()}  # before anything of the exercise runs
    rows = listed(lab, agent, case.thread)
    states = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    # The file has the last word on which checkpoints there are: the states come from the notebook's process.
    expect(
        set(states) == kept != set(),
        "The checkpoints of the thread must be left as they are.",
        got=Words(f"{len(states)} states, and others in the file"),
        expected="history reads, and changes nothing",
        why="Whoever reads a history must not write it.",
    )
    expect(
        len(rows) == len(states) and {str(row["id"]) for row in rows} == set(states),
        "There must be exactly one row for each checkpoint of the thread.",
        got=Words(f"{len(rows)} rows"),
        expected=f"{len(states)} rows, one for each checkpoint id",
        why="The first checkpoint and the input checkpoints belong to the story, too.",
    )
    for row in rows:
        state = states[str(row["id"])]
        true = {
            "step": state["step"],
            "source": state["source"],
            "next": state["next"],
            "messages": len(state["messages"]),
        }
        told = {key: row[key] for key in true}
        if isinstance(told["next"], list):
            told["next"] = tuple(told["next"])
        expect(
            told == true,
            "A row must say what its own checkpoint holds.",
            got=told,
            expected=str(true),
            why="step and source tell what was done, next what comes; it is empty at the end of a run.",
        )


@check("1.4", points=1, title="all branches are listed after a fork")
def lists_all_branches(lab: Lab, case: Case) -> None:
    agent, name = forked(lab, case)
    true = {row.id for row in lab.checkpoints(name) or () if row.thread == case.thread}
    rows = listed(lab, agent, case.thread)
    told = {str(row["id"]) for row in rows}
    expect(
        told == true and len(rows) == len(true),
        "After a fork the checkpoints of every branch must be listed, each once.",
        got=Words(f"{len(rows)} rows, {len(told & true)} of the {len(true)} checkpoints among them"),
        expected=f"{len(true)} rows",
        why="Nothing is lost when a conversation forks: the old branch is still there to go back to.",
    )


@check("1.4", points=1, title="parents are true after a fork")
def tells_true_parents(lab: Lab, case: Case) -> None:
    agent, name = forked(lab, case)
    true = {row.id: row.parent for row in lab.checkpoints(name) or ()}
    rows = listed(lab, agent, case.thread)
    wrong = [row for row in rows if str(row["id"]) not in true or row["parent"] != true[str(row["id"])]]
    expect(
        bool(rows) and not wrong,
        "parent must be the id of the checkpoint that this one came from, None for the very first.",
        got=Words(f"{len(wrong)} of {len(rows)} rows have another parent than the file says"),
        expected="the checkpoint_id in parent_config of each snapshot",
        why=(
            "After a fork the list mixes branches and steps repeat: the next row, or the row with step - 1, "
            "may belong to another branch. Only parent_config knows."
        ),
    )


# 1.5 ------------------------------------------------------------------------------------------------

DOWN = "the search service is down"


def failing_once(city: City) -> ToolAnswer:
    return ToolAnswer(text=city.result, raises=DOWN, times=1)


def broken(lab: Lab, stage: Stage, case: Case, question: str, earlier: City | None = None) -> Ref:
    """An agent whose run on ``question`` has just failed in its tool."""
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    if earlier is not None:
        lab.part("turn", agent, case.thread, earlier.question)
    error = lab.part("break_turn", agent, case.thread, question)
    if error != "ToolFailed":
        fail(
            "The run should have failed in its tool, but did not.",
            got=Words(error or "no error"),
            expected="a run that ends with an error in the tool",
            why="Something in this notebook changes how tools fail; restart the kernel and run it again.",
        )
    stage.clear()
    return agent


def resumed(lab: Lab, agent: Ref, case: Case) -> Any:  # noqa: RET503 - fail() does not return
    """What ``resume`` returns; a new input, which the model refuses, is told from other errors."""
    try:
        return lab.call("resume", agent, case.thread)
    except StudentError:
        refused = lab.refusals()
        if not refused:
            raise
    fail(
        "The run was given a new input instead of being let go on: the model refused the conversation.",
        got=Words(f"the model was sent: {' '.join(refused[-1].roles)}"),
        expected="agent.invoke(None, config): no input, the same thread",
        why=(
            "Any input, even an empty one, begins a new run at START. The tool call that failed has no "
            "answer yet, and providers refuse such a history with status 400."
        ),
    )


@check("1.5", points=1, title="the unfinished run ends with its answer")
def finishes(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", asked(first, answer=failing_once(first))))
    agent = broken(lab, stage, case, first.question)
    told = resumed(lab, agent, case)
    expect(
        isinstance(told, str) and told == first.answer,
        "resume must return the text of the answer that the crashed run did not get to.",
        got=told,
        expected=repr(first.answer),
        why="The person who asked still waits for it.",
    )


@check("1.5", points=2, title="the model is not asked again for what is saved")
def asks_once_more(lab: Lab, case: Case) -> None:
    first = case.cities[0]
    stage = lab.stage(conversation("trip", asked(first, answer=failing_once(first))))
    agent = broken(lab, stage, case, first.question)
    resumed(lab, agent, case)
    count = len(stage.requests())
    expect(
        count == 1 and roles(stage) == "user assistant tool",
        "Only the one request that was still missing may be made: the model's tool call was saved.",
        got=Words(f"{count} model requests, the last with: {roles(stage)}"),
        expected="1 model request, with: user assistant tool",
        why="Each request costs money and time, and the model may decide otherwise when it is asked twice.",
    )
    state = lab.part("state", agent, case.thread)
    expect(
        kinds(state["messages"]) == "human ai tool ai",
        "The thread must hold the whole conversation, once.",
        got=Words(kinds(state["messages"])),
        expected="human ai tool ai",
        why="The same run goes on; it is not a new one beside it.",
    )


@check("1.5", points=1, title="two tool calls of which one failed, after an earlier question")
def resumes_two_calls(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    answers = (ToolAnswer(text=first.result), failing_once(second))
    stage = lab.stage(conversation("trip", asked(third), compared(first, second, answers=answers)))
    agent = broken(lab, stage, case, compare_question(first, second), earlier=third)
    told = resumed(lab, agent, case)
    state = lab.part("state", agent, case.thread)
    expect(
        kinds(state["messages"]) == "human ai tool ai human ai tool tool ai" and len(stage.requests()) == 1,
        "Both calls must be answered and the model asked once, with the earlier question still there.",
        got=Words(f"{kinds(state['messages'])}; {len(stage.requests())} model requests"),
        expected="human ai tool ai human ai tool tool ai; 1 model request",
        why="The graph knows which node had not finished and runs that one again, with all its calls.",
    )
    expect(
        told == compare_answer(first, second),
        "resume must return the answer to the question that was interrupted.",
        got=told,
        expected=repr(compare_answer(first, second)),
        why="An earlier answer on the thread is not the one that is missing.",
    )


# 1.6 ------------------------------------------------------------------------------------------------


def other_question(case: Case, number: int) -> str:
    return f"And what should I pack for {case.cities[number % 3].name}, version {number}?"


def other_answer(case: Case, number: int) -> str:
    return f"For version {number} take {case.word}."


def travelled(lab: Lab, case: Case, *branches: tuple[int, ...]) -> tuple[Stage, Ref]:
    """An agent with three questions answered, and a model that knows the branches to come.

    A branch lists its questions: 0 to 2 are about the cities, others are ``other_question``.
    """

    def pieces(branch: tuple[int, ...]) -> list[Any]:
        return [
            asked(case.cities[n]) if n < 3 else plain(other_question(case, n), other_answer(case, n))
            for n in branch
        ]

    told = [conversation(f"branch {i}", *pieces(branch)) for i, branch in enumerate(((0, 1, 2), *branches))]
    stage = lab.stage(*told)
    agent = lab.kit.agent(stage.model(), [stage.tool()], lab.kit.saver())
    for city in case.cities:
        lab.part("turn", agent, case.thread, city.question)
    stage.clear()
    return stage, agent


def asked_so_far(state: dict[str, Any]) -> list[str]:
    return [message.text for message in state["messages"] if message.type == "human"]


def rewound(lab: Lab, agent: Ref, case: Case, turn_number: int, question: int) -> Any:
    """What ``rewind`` returns; a sentence if it asked the model something else, as its request shows."""
    try:
        return lab.call("rewind", agent, case.thread, turn_number, other_question(case, question))
    except StudentError:
        if not lab.misses():
            raise
    return "no answer: nothing is recorded for what the model was sent"


@check("1.6", points=1, title="the new question follows the turns before it")
def branches_off(lab: Lab, case: Case) -> None:
    stage, agent = travelled(lab, case, (0, 3))
    told = rewound(lab, agent, case, 2, 3)
    true = [case.cities[0].question, other_question(case, 3)]
    expect(
        list(questions(stage)) == true,
        "The model must be sent the turns before the one that is asked again, and the new question.",
        got=Words(f"the model was sent: {list(questions(stage))}"),
        expected=str(true),
        why="Rewinding to turn 2 keeps turn 1 and forgets the old turn 2 and all after it.",
    )
    expect(
        told == other_answer(case, 3),
        "rewind must return the text of the new answer.",
        got=told,
        expected=repr(other_answer(case, 3)),
        why="It is a question like any other, only asked from an earlier point.",
    )
    state = lab.part("state", agent, case.thread)
    expect(
        asked_so_far(state) == true,
        "From now on the thread must follow the new branch.",
        got=Words(str(asked_so_far(state))),
        expected=str(true),
        why="The newest checkpoint of a thread is where its next question goes on.",
    )


@check("1.6", points=1, title="the old branch stays, and the new one leaves it at the right place")
def keeps_the_old_branch(lab: Lab, case: Case) -> None:
    _, agent = travelled(lab, case, (0, 3))
    before = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    tip = lab.part("state", agent, case.thread)
    lab.call("rewind", agent, case.thread, 2, other_question(case, 3))
    after = {state["id"]: state for state in lab.part("states", agent, case.thread)}
    expect(
        after.get(tip["id"], {}).get("messages") == tip["messages"] and set(before) <= set(after),
        "Every old checkpoint must still be there, as it was.",
        got=Words(f"{len(set(before) & set(after))} of {len(before)} old checkpoints are left"),
        expected="all of them, unchanged",
        why="Going back is no deletion: anyone can return to the old branch by its checkpoint id.",
    )
    place: str | None = lab.part("state", agent, case.thread)["id"]
    while place is not None and place not in before:
        place = after[place]["parent"] if place in after else None
    kept = after[place]["messages"] if place is not None else []
    expect(
        kinds(kept) == "human ai tool ai",
        "The new branch must leave the old one where turn 1 is answered and turn 2 is not yet asked.",
        got=Words(f"it leaves where the state holds: {kinds(kept)}"),
        expected="it leaves where the state holds: human ai tool ai",
        why="A branch that leaves later carries the old question along; one from nowhere is another thread.",
    )


@check("1.6", points=2, title="it works again and again")
def rewinds_again(lab: Lab, case: Case) -> None:
    # Turn, number of its new question, and the branch it makes. Question 4 is asked in between.
    plan = ((2, 3, (0, 3)), (3, 5, (0, 3, 5)), (2, 6, (0, 6)), (1, 7, (7,)), (1, 8, (8,)))
    stage, agent = travelled(lab, case, (0, 3, 4), *(branch for _, _, branch in plan))
    for turn_number, new, branch in plan:
        told = rewound(lab, agent, case, turn_number, new)
        true = [case.cities[n].question if n < 3 else other_question(case, n) for n in branch]
        expect(
            list(questions(stage)) == true and told == other_answer(case, new),
            "Turns are counted on the current branch, also after earlier rewinds.",
            got=Words(f"the model was sent: {list(questions(stage))}"),
            expected=str(true),
            why=(
                "get_state_history mixes all branches. Walk from the newest checkpoint along parent_config: "
                "that is the current branch."
            ),
        )
        now = asked_so_far(lab.part("state", agent, case.thread))
        expect(
            now == true,
            "After each rewind the thread must follow the new branch.",
            got=Words(str(now)),
            expected=str(true),
            why="The next question, and the next rewind, go on from the thread's newest checkpoint.",
        )
        if new == 3:
            lab.part("turn", agent, case.thread, other_question(case, 4))
