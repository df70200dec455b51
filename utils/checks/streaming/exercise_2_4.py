"""Exercise 2.4, "Report progress": judged by what the tool reports, and by what is shown of it and when."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NoReturn

from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.items import LETTERS, MOST, Items, as_tuple, letters
from utils.checks.streaming.lab import Case, check
from utils.checks.weather import City, asked, compare_question, compared, conversation
from utils.lab.lab import END, Lab, Ref, Stage, StudentError
from utils.replay.conversation import ToolAnswer


def reported(city: City) -> list[dict[str, str]]:
    return [{"query": city.query, "state": state} for state in ("searching", "found")]


def no_docstring(error: StudentError) -> NoReturn:
    fail(
        "A function with @tool above it needs a docstring.",
        got=Words(f"{error.type}: {error.message}"),
        expected='a sentence in """ """ below def: what the tool is for',
        why="The model reads it, beside name and arguments, to choose a tool.",
    )


def slow_search(lab: Lab, stage: Stage) -> Ref:
    """Return the tool that ``search_slowly`` returns."""
    try:
        tool = lab.call("search_slowly", stage.tool())
    except StudentError as error:
        if error.is_a("ValueError") and "docstring" in error.message:
            no_docstring(error)
        raise
    if not isinstance(tool, Ref) or not lab.part("is_tool", tool):
        fail(
            "search_slowly must return a tool.",
            got=tool,
            expected="a function with @tool above it, or a StructuredTool",
            why="The agent binds it to the model, and the model asks for it by its name.",
        )
    made = Ref(tool.number, tool.type, "tool", lab)
    name, arguments = str(made.get("name")), made.get("args")
    expect(
        "search" in name.casefold(),
        "The tool's name must have `search` in it.",
        got=Words(f"a tool with the name {name!r}"),
        expected="a name such as 'reporting_search': @tool takes the name of the function below it",
        why="The model asks for a tool by its name; the one that is recorded here knows of a search only.",
    )
    names = sorted(arguments) if isinstance(arguments, dict) else []
    expect(
        "query" in names,
        "The tool's argument must be called query.",
        got=Words(f"a tool with the arguments: {', '.join(names) or 'none'}"),
        expected="def reporting_search(query: str)",
        why="The model fills in arguments by their names: a call with another name is refused by the tool.",
    )
    return made


@check("2.4", points=1, title="the tool reports before and after its search")
def tool_reports(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("compare", compared(first, second)))
    agent = lab.kit.agent(stage.model(), [slow_search(lab, stage)], lab.kit.saver())
    question = compare_question(first, second)
    lab.last_call = (
        f"agent.astream(…, stream_mode='custom') with the tool of search_slowly, thread {case.thread!r}"
    )
    items = lab.part("custom_items", agent, case.thread, question, called=lab.last_call)
    found: list[Any] = []
    room = LETTERS
    while (item := lab.next(items)) is not END and len(found) < MOST and room > 0:
        found.append(item)
        room -= letters(item)
    true = [*reported(first), *reported(second)]
    expect(
        found == true,
        "The tool must report once before its search and once after it, with the query and the state.",
        got=found or Words("nothing was reported"),
        expected=str(true),
        why="get_stream_writer() sends to whoever streams this run; what is printed stays on the server.",
    )
    results = [message.text for message in lab.part("state", agent, case.thread)["messages"]]
    expect(
        first.result in results and second.result in results,
        "The tool must return what the search returned.",
        got=results[2:-1],
        expected=str([first.result, second.result]),
        why="Reports are for people; the model reads the result.",
    )
    made = len(stage.tool_requests())
    expect(
        made == len(true) // 2,
        "The tool must ask `search` once for each call.",
        got=Words(f"{made} searches for {len(true) // 2} calls"),
        expected=f"{len(true) // 2} searches",
        why="A search takes its time and is paid for: keep what it found, report, and return that.",
    )


def shown_items(found: Sequence[Any]) -> list[Any]:
    items = [as_tuple(item) for item in found]
    wrong = [
        item
        for item in items
        if not isinstance(item, tuple) or len(item) != 2 or item[0] not in ("node", "progress")
    ]
    expect(
        not wrong,
        'Each item must be ("node", name) or ("progress", data).',
        got=wrong[0] if wrong else None,
        expected="('node', 'llm')",
        why="Whoever shows them must tell one from the other.",
    )
    return items


@check("2.4", points=1, title="show tells nodes and progress apart, in the order in which they come")
def shows_both(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(second), compared(first, second)))
    steps = ["dialling", case.word, "done"]
    tool = lab.make("telling_tool", stage.tool(), steps, label="tool")
    agent = lab.kit.agent(stage.model(), [tool], lab.kit.saver())
    lab.part("turn", agent, case.thread, second.question)
    stage.clear()
    question = compare_question(first, second)
    found = shown_items(Items(lab, stage, "show", agent, case.thread, question).rest())
    told = [{"query": city.query, "state": state} for city in (first, second) for state in steps]
    true = [("node", "llm"), *(("progress", data) for data in told), ("node", "action"), ("node", "llm")]
    expect(
        found == true,
        "Each node that is done and each report of a tool is one item, in the order in which they come.",
        got=found,
        expected=str(true),
        why='With stream_mode=["updates", "custom"] each item says its mode; updates alone hides reports.',
    )


@check("2.4", points=1, title="progress comes while the search still runs")
def shows_while_searching(lab: Lab, case: Case) -> None:
    city = case.cities[0]
    stage = lab.stage(conversation("trip", asked(city, answer=ToolAnswer(text=city.result, stall=True))))
    agent = lab.kit.agent(stage.model(), [slow_search(lab, stage)], lab.kit.saver())
    with Items(lab, stage, "show", agent, case.thread, city.question) as items:
        before: list[Any] = []
        while (item := as_tuple(items.next())) is not END and not (
            isinstance(item, tuple) and item[:1] == ("progress",)
        ):
            before.append(item)
        asked_before = len(stage.requests())
        over = [request for request in stage.tool_requests() if request.finished is not None]
        for _ in range(20):  # the report may be here before the request has got through
            if over or stage.traffic().open("tool"):
                break
            time.sleep(0.005)
        stage.release()
        after = items.rest()
    expect(
        item is not END,
        "The report of the tool must come out of show.",
        got=before,
        expected=str(("progress", reported(city)[0])),
        why="A report that nobody sees is not a report.",
    )
    expect(
        not over,
        "The first report must come while the search still runs.",
        got=Words("the search was held, and no report came until it had ended"),
        expected=f"{('progress', reported(city)[0])} before the search is over",
        why="Progress that is told afterwards, or kept until a node is done, is a log.",
    )
    found = shown_items([*before, item, *after])
    expect(
        sum(what == "progress" for what, _ in found) == 2,
        "Both reports of the tool must come, each once.",
        got=found,
        expected=str([("progress", data) for data in reported(city)]),
        why="The second one says that the wait is over.",
    )
    expect(
        asked_before == 1,
        "A report came before the model had asked for the search.",
        got=found,
        expected=str(("progress", reported(city)[0])),
        why="What is told must be what the tool has reported.",
    )
