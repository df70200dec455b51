"""Exercise 2.4, "Report progress": judged by what the tool reports, and by what is shown of it and when."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from utils.checks.registry import Words, expect, fail
from utils.checks.streaming.items import LETTERS, MOST, Items, as_tuple, letters
from utils.checks.streaming.lab import Case, check
from utils.checks.weather import City, asked, compare_question, compared, conversation
from utils.lab.lab import END, Lab, Ref, Stage, StudentError
from utils.replay.conversation import ToolAnswer
from utils.views.plain import plural

LONG = 3_000
"""letters of a long result"""


def reported(city: City) -> list[dict[str, str]]:
    return [{"query": city.query, "state": state} for state in ("searching", "found")]


def no_docstring(error: StudentError) -> NoReturn:
    fail(
        "A function with @tool above it needs a docstring.",
        got=Words(f"{error.type}: {error.message}"),
        expected='a sentence in """ """ below def: what the tool is for',
        why="The model reads it, beside name and arguments, to choose a tool.",
    )


def reporting_search(lab: Lab, search: Ref) -> Ref:
    """Return the tool that ``search_aloud`` returns."""
    try:
        tool = lab.call("search_aloud", search)
    except StudentError as error:
        if error.is_a("ValueError") and "docstring" in error.message:
            no_docstring(error)
        raise
    if not isinstance(tool, Ref) or not lab.part("is_tool", tool):
        fail(
            "search_aloud must return a tool.",
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


def expect_results(lab: Lab, agent: Ref, case: Case, true: Sequence[str]) -> None:
    """Fail unless the thread holds what the search found, whole, as the tools' results."""
    messages = lab.part("state", agent, case.thread)["messages"]
    results = [message.text for message in messages if message.type == "tool"][-len(true) :]
    expect(
        not results or any(text not in ("", "None") for text in results),
        "The tool returned nothing: what the search found must be returned.",
        got=results,
        expected="the results of the search",
        why="A function without return gives None, and the model reads None for a result.",
    )
    others = [text for text in results if text not in true]
    cut = [text for text in others if any(whole.startswith(text) for whole in true)]
    expect(
        not cut,
        "The tool must return what the search returned, whole: a part of it is missing.",
        got=Words(f"{len(cut[0]):,} characters" if cut else ""),
        expected=f"{max(map(len, true)):,} characters",
        why="What is cut away the model never reads.",
    )
    expect(
        results == list(true),
        "The tool must return what the search returned.",
        got=[text[:80] for text in results],
        expected=str([text[:80] for text in true]),
        why="Reports are for people; the model reads the result.",
    )


@dataclass(frozen=True, slots=True)
class Reports:
    """What tools have reported in a run."""

    came: Sequence[Any]
    """each report as it was when it came"""
    kept: Any
    """the reports as a reader has them who kept them to the end"""


def custom_items(lab: Lab, agent: Ref, case: Case, question: str, true: Sequence[str]) -> Reports:
    """Return what tools report while a question is answered; ``true`` are the results of the searches."""
    called = f"agent.astream(…, stream_mode='custom') with the tool of search_aloud, thread {case.thread!r}"
    lab.last_call = called
    items = lab.part("custom_items", agent, case.thread, question, called=called)
    found: list[Any] = []
    room = LETTERS
    try:
        while (item := lab.next(items)) is not END and len(found) < MOST and room > 0:
            found.append(item)
            room -= letters(item)
        kept = found.pop() if item is END else None
    except StudentError:
        if lab.misses():
            expect_results(lab, agent, case, true)
        raise
    return Reports(found, kept)


SEARCHES = "the search itself"
"""what the search reports that is given to ``search_aloud``"""


def expect_reports(reports: Reports, stage: Stage, cities: Sequence[City], when: str) -> None:
    """Fail unless each search is between its two reports, and nothing else is reported."""
    true = [
        report
        for city in cities
        for report in (reported(city)[0], {"query": city.query, "state": SEARCHES}, reported(city)[1])
    ]
    own = [item for item in reports.came if not (isinstance(item, dict) and item.get("state") == SEARCHES)]
    # Where the reader is slow, a dictionary is changed before it has read it at all.
    if own == [reported(city)[1] for city in cities for _ in range(2)]:
        changed_afterwards(own, cities)
    due = [report for city in cities for report in reported(city)]
    expect(
        own != due[:-1],
        "A search that finds nothing is over as well: 'found' must be reported whatever it has found.",
        got=own,
        expected=str(due),
        why="A reader who was told of a search waits for its end.",
    )
    expect(
        own == due,
        f"The tool must report once before its search and once after it, with the query and the state{when}.",
        got=own or Words("nothing was reported"),
        expected=str([report for city in cities for report in reported(city)]),
        why=(
            "get_stream_writer() sends to the reader of this run; what is printed stays on the server. "
            "A writer that is kept from an earlier run has no reader any more."
        ),
    )
    if reports.kept != reports.came:
        changed_afterwards(reports.kept, cities)
    made = len(stage.tool_requests())
    expect(
        made == len(cities),
        "The tool must ask `search` once for each call.",
        got=Words(f"{plural(made, 'request')} for {plural(len(cities), 'call')}"),
        expected=plural(len(cities), "request"),
        why="A search takes its time and is paid for: keep what it found, report, and return that.",
    )
    expect(
        reports.came == true,
        "The search must lie between the two reports: one comes before it, the other after it.",
        got=reports.came,
        expected=str(true),
        why="'searching' is a promise and 'found' a fact. Told at the same time, they tell nothing.",
    )


def changed_afterwards(kept: Any, cities: Sequence[City]) -> NoReturn:
    fail(
        "A dictionary was changed after it had been reported: each report must be a new one.",
        got=kept,
        expected=str([report for city in cities for report in reported(city)]),
        why="What is reported is not copied. A reader who keeps the reports has 'found' twice.",
    )


@check("2.4", points=1, title="the tool reports before and after its search")
def tool_reports(lab: Lab, case: Case) -> None:
    first, second, third = case.cities
    long = ToolAnswer(text=first.result, pad=LONG)
    # A search that finds nothing is over as well.
    turn = compared(first, second, answers=[long, ToolAnswer(text="")])
    stage = lab.stage(conversation("compare", asked(third), turn))
    # The search reports as well: so the order is seen, and no clock is needed.
    search = lab.make("telling_tool", stage.tool(), [SEARCHES], label="search")
    tool = reporting_search(lab, search)
    arguments = sorted(tool.get("args"))
    expect(
        arguments == ["query"],
        "The tool must have one argument, query, and no other.",
        got=Words(f"a tool with the arguments: {', '.join(arguments)}"),
        expected="def reporting_search(query: str)",
        why="The model reads of each argument and fills it in: what it need not know does not belong there.",
    )
    agent = lab.kit.agent(stage.model(), [tool], lab.kit.saver())
    whole = [first.result.ljust(LONG, "."), ""]
    found = custom_items(lab, agent, case, third.question, [third.result])
    expect_reports(found, stage, [third], "")
    stage.clear()
    found = custom_items(lab, agent, case, compare_question(first, second), whole)
    expect_results(lab, agent, case, [third.result, *whole])
    expect_reports(found, stage, [first, second], ", in each run anew")


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
        why="A page shows a node and a report in different ways.",
    )
    return items


def asked_elsewhere(lab: Lab, case: Case, error: StudentError) -> NoReturn:
    fail(
        "show must ask the question once, on the thread that was named: it was asked elsewhere.",
        got=Words(f"{error.type}: {'; '.join(lab.complaints()) or error.message}"),
        expected=f"one run on the thread {case.thread!r}, with both modes",
        why="On another thread nothing is known of the conversation; and each further run is paid for.",
    )


def not_as_it_was_made(got: Any, aside: str) -> NoReturn:
    fail(
        "Each report must be shown as it was made, of whatever form: here one is a plain string.",
        got=got,
        expected=str(("progress", aside)),
        why="What a tool reports is its own affair. show passes it on.",
    )


@check("2.4", points=1, title="show tells nodes and progress apart, in the order in which they come")
def shows_both(lab: Lab, case: Case) -> None:
    first, second, _ = case.cities
    stage = lab.stage(conversation("trip", asked(second), compared(first, second)))
    steps = ["dialling", case.word, "done"]
    aside = f"{case.word}, said aside"
    tool = lab.make("telling_tool", stage.tool(), steps, aside, label="tool")
    agent = lab.make("renamed_agent", stage.model(), [tool], lab.kit.saver(), label="agent")
    lab.part("turn", agent, case.thread, second.question)
    stage.clear()
    question = compare_question(first, second)
    try:
        found = shown_items(Items(lab, stage, "show", agent, case.thread, question).rest())
    except StudentError as error:
        if lab.misses():
            asked_elsewhere(lab, case, error)
        if "str" in error.message and (error.is_a("TypeError") or error.is_a("AttributeError")):
            not_as_it_was_made(Words(f"{error.type}: {error.message}"), aside)
        raise
    told: list[Any] = [{"query": city.query, "state": state} for city in (first, second) for state in steps]
    told[5:5], told[2:2] = [aside], [aside]
    true = [
        ("node", "speaker"),
        *(("progress", data) for data in told),
        ("node", "hands"),
        ("node", "speaker"),
    ]
    names = [name for what, name in found if what == "node"]
    expect(
        len(names) != 3 or names == ["speaker", "hands", "speaker"],
        "A node must be shown by its own name: this graph's nodes have other names.",
        got=names,
        expected="['speaker', 'hands', 'speaker']",
        why="A graph names its nodes as it likes. The names are the keys of an update.",
    )
    if len(found) == len(true) - 2 and all(data != aside for _, data in found):
        not_as_it_was_made(found, aside)
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
    agent = lab.kit.agent(stage.model(), [reporting_search(lab, stage.tool())], lab.kit.saver())
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
