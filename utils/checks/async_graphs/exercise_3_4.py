"""Exercise 3.4, "Fan out and compare": judged by the tasks that the graph ran and by what its state holds."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from utils.checks.async_graphs.gates import PATIENCE, TOGETHER, peak, picture
from utils.checks.async_graphs.lab import Case, check
from utils.checks.async_graphs.mistakes import where
from utils.checks.graphs import compiled, expect_own_methods
from utils.checks.registry import Words, expect, fail
from utils.checks.weather import City, conversation
from utils.lab.lab import Lab, Ref, Stage, StudentError
from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    ResultsTurn,
    ToolAnswer,
    ToolCall,
    Turn,
    UserTurn,
)


def stations(case: Case, *silent: City) -> tuple[Turn, ...]:
    """Return what the stations of all cities say; those in ``silent`` only when they are asked again."""
    return (
        UserTurn(user="What do all stations say?"),
        CallsTurn(calls=tuple(ToolCall(tool="fetch", args={"city": city.name}) for city in case.cities)),
        ResultsTurn(
            results=tuple(
                ToolAnswer(
                    text=str(city.celsius),
                    raises="no answer" if city in silent else None,
                    times=1 if city in silent else None,
                )
                for city in case.cities
            )
        ),
        AnswerTurn(answer="That is all."),
    )


def in_winter(case: Case) -> Case:
    """Return a case whose last two cities are cold: one below zero, and one at zero itself."""
    first, second, third, fourth, fifth = case.cities
    below = City(fourth.name, -round(abs(fourth.celsius) + 0.1, 1))
    return replace(case, cities=(first, second, third, below, City(fifth.name, 0.0)))


@dataclass(frozen=True, slots=True)
class Fanned:
    """What a fan-out did."""

    tasks: list[str]
    found: list[tuple[Any, Any]]
    state: Mapping[str, Any]

    def count(self, node: str) -> int:
        return self.tasks.count(node)

    @property
    def told(self) -> Words:
        counted = [f"{name} {self.count(name)}" for name in dict.fromkeys(self.tasks)]
        return Words(f"tasks: {', '.join(counted) or 'none'}")


TWICE = 2
"""how often one station is asked at most"""
NODES = ("look_up", "again", "compare")


@contextlib.contextmanager
def explaining() -> Iterator[None]:
    """Say what a fan-out's classic errors mean; any other goes through as it is."""
    try:
        yield
    except StudentError as error:
        explain(error)
        raise


def explain(error: StudentError) -> None:
    """End the check with a sentence for the errors that a fan-out meets first."""
    told = Words(f"{error.type}: {error.message.partition(chr(10))[0]}{where(error)}")
    name = error.message.strip("'")
    if error.is_a("InvalidUpdateError") and "only one value per step" in error.message:
        fail(
            "Several branches wrote to the same key in one step, and that key has no reducer.",
            got=told,
            expected="Annotated[list, operator.add] for each key that the branches write",
            why="Branches end together: only a reducer can say how what they return is joined.",
        )
    if error.is_a("TypeError") and "can only concatenate" in error.message:
        fail(
            "A node returned something else than a list for a key that is joined by operator.add.",
            got=told,
            expected="{'found': [(city, degrees)]}: a list, also around a single pair",
            why="The reducer adds what a node returns to the list that is there, and only list + list works.",
        )
    if error.is_a("KeyError") and name in NODES:
        fail(
            f"An edge leads to {name}, which is not in its list of names.",
            got=told,
            expected="add_conditional_edges(…, function, [every node that the function may name])",
            why="The last argument says where the edge may lead; what is not in it cannot be found.",
        )
    if error.is_a("KeyError") and name != error.message:
        fail(
            "A node or an edge looked for a key that it was not given.",
            got=told,
            expected="in look_up the keys of Send's input; everywhere else those of the graph's state",
            why=(
                "Only look_up sees what its Send says. Edges, also those behind look_up, see the state, in "
                "which a key without a reducer is missing until a node sets it."
            ),
        )
    if error.is_a("KeyError") and name.isdigit():
        fail(
            "An item of found was taken for a pair, and is a dict.",
            got=told,
            expected="{'found': [(city, degrees)]}: a list of pairs, each in round brackets",
            why="A pair has its parts in a fixed order, [0] and [1]; a dict knows them by its keys.",
        )
    if error.is_a("TypeError") and "NoneType" in error.message and "not supported between" in error.message:
        fail(
            "A temperature was compared with None.",
            got=told,
            expected="in found only cities with a temperature",
            why="fetch gives None for a silent station: that is for again, and not yet for found.",
        )
    if error.is_a("TypeError") and "string indices must be" in error.message:
        fail(
            "A key was looked up in a string.",
            got=told,
            expected='Send("look_up", {"city": city}) for state["city"] in look_up',
            why="What stands behind the node's name in Send is all that the node is given, as it is.",
        )
    if error.is_a("ValueError") and "empty" in error.message:
        fail(
            "The warmest of no cities was looked for.",
            got=told,
            expected="warmest is None where found is empty",
            why="max has no answer for an empty list: look at found first, or give max a default.",
        )
    if error.is_a("ValueError") and "unknown" in error.message:
        fail(
            "An edge names a node that the graph does not have.",
            got=told,
            expected=f"add_node for each of {', '.join(NODES)}",
            why="compile() compares the names in edges with those of the nodes.",
        )


def fan_graph(lab: Lab, stage: Stage, *silent: City) -> Ref:
    """Return the graph that ``build_fanout`` returns; ``silent`` are not even asked for the first time."""
    fetch = lab.make("fetch", stage.model_side.url, [city.name for city in silent], label="fetch")
    with explaining():
        given = lab.call("build_fanout", fetch)
    graph = compiled(
        lab,
        given,
        "build_fanout",
        expected="what graph.compile() returns",
        why="Only a compiled graph can be run.",
    )
    expect_own_methods(lab, graph, "build_fanout", made="Streams, checkpoints and tasks")
    return Ref(graph.number, graph.type, "graph", lab)


def fanned(lab: Lab, graph: Ref, cities: Sequence[City]) -> Fanned:
    """Return what came of one run of the graph."""
    names = [city.name for city in cities]
    with explaining():
        told = lab.part("fanout", graph, names, called=f"await graph.ainvoke({{'cities': {names}}})")
    state = told["state"]
    pairs = state.get("found")
    expect(
        isinstance(pairs, list | tuple)
        and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs),
        "The state must hold found, a list of pairs of city and temperature.",
        got=pairs,
        expected="[('Oslo', 3.4), …], and [] without cities",
        why="Whoever runs the graph reads the temperatures there.",
    )
    return Fanned(list(told["tasks"]), [tuple(pair) for pair in pairs], state)


def same(found: Sequence[tuple[Any, Any]], cities: Sequence[City]) -> bool:
    return sorted(map(str, found)) == sorted(str((city.name, city.celsius)) for city in cities)


def warmest(cities: Sequence[City]) -> str:
    return max(cities, key=lambda city: city.celsius).name


def expect_found(run: Fanned, cities: Sequence[City]) -> None:
    """Fail unless each city stands in ``found``, once, with its temperature."""
    names = [str(city) for city, _ in run.found]
    told = [city.name for city in cities]
    expect(
        set(names) != set(told) or len(names) == len(told),
        "A city stands in found more than once.",
        got=run.found,
        expected=f"{[(city.name, city.celsius) for city in cities]}, in any order",
        why="A reducer adds what a node returns to what is there: a node returns only what is new.",
    )
    expect(
        same(run.found, cities),
        "found must hold each city of this run with its temperature, once.",
        got=run.found,
        expected=f"{[(city.name, city.celsius) for city in cities]}, in any order",
        why="A reducer joins what the branches return; what is kept outside of the state stays for ever.",
    )


def expect_warmest(run: Fanned, cities: Sequence[City]) -> None:
    """Fail unless the warmest city is named."""
    told, true = run.state.get("warmest"), warmest(cities)
    expect(
        told == true or told != max(city.name for city in cities),
        "warmest is the last city by its name, and not the warmest one.",
        got=told,
        expected=repr(true),
        why="max compares pairs by their first part, the name, unless its key says otherwise.",
    )
    best = max(city.celsius for city in cities)
    expect(
        told == true or best > 0,
        "warmest must be the name of the warmest city, also where no city is above zero.",
        got=told,
        expected=repr(true),
        why="0 °C and below are temperatures as all others: only None says that there is none.",
    )
    expect(
        told == true,
        "warmest must be the name of the warmest city.",
        got=told,
        expected=repr(true),
        why="compare has to come after all others: each city counts, also one that was silent at first.",
    )


def expect_branches_that_meet(run: Fanned, cities: Sequence[City]) -> None:
    """Fail unless there was a branch for each city and one comparison behind all of them."""
    expect(
        run.count("look_up") == len(cities),
        "There must be one task of look_up for each city.",
        got=run.told,
        expected=f"look_up {len(cities)}, compare 1",
        why=(
            "Each Send is a task of its own: streams show it, checkpoints keep what it returned, and when "
            "another one fails only that one is done again."
        ),
    )
    expect(
        run.count("compare") == 1,
        "compare must run once, after all branches.",
        got=run.told,
        expected=f"look_up {len(cities)}, compare 1",
        why=(
            "The short branches reach compare one step earlier, and it would run for them alone. "
            "add_node(…, defer=True) makes a node wait for the others; a Send to again it does not wait for."
        ),
    )


def unequal(cities: Sequence[City]) -> list[City]:
    """Return the silent ones of some cities, so that their branches differ in length: the warmest."""
    return [max(cities, key=lambda city: city.celsius)]


@check("3.4", points=1, title="all cities are found and the warmest is named, run after run")
def finds_the_warmest(lab: Lab, case: Case) -> None:
    case = in_winter(case)
    silent = unequal(case.cities[:3])
    stage = lab.stage(conversation("stations", stations(case, *silent)))
    graph = fan_graph(lab, stage)
    for cities in (case.cities[:3], case.cities[3:], case.cities[3:4]):
        run = fanned(lab, graph, cities)
        expect_found(run, cities)
        expect_branches_that_meet(run, cities)
        expect(
            run.count("again") == 0 or cities == case.cities[:3],
            "again must run only if a station was silent.",
            got=run.told,
            expected=f"look_up {len(cities)}, compare 1",
            why=(
                "A conditional edge behind look_up looks whether there is something to do. Only None means "
                "silent: 0.0 is a temperature, and not true."
            ),
        )
        expect_warmest(run, cities)


@check("3.4", points=1, title="one branch for each city, all at the same time")
def one_branch_each(lab: Lab, case: Case) -> None:
    cities = case.cities[:TOGETHER]
    silent = unequal(cities)
    stage = lab.stage(conversation("stations", stations(case, *silent)))
    graph = fan_graph(lab, stage)
    stage.cap(TOGETHER, "tool", patience=PATIENCE)
    run = fanned(lab, graph, cities)
    expect_branches_that_meet(run, cities)
    expect(
        peak(stage, "tool") == len(cities),
        "The branches must run at the same time.",
        got=picture(stage, "tool"),
        expected=f"{len(cities)} requests open at once",
        why="Tasks of one step run together as long as none of them blocks the loop: await fetch(city).",
    )
    asked = Counter(str(r.args.get("city")) for r in stage.tool_requests() if isinstance(r.args, Mapping))
    expect(
        max(asked.values(), default=0) <= TWICE,
        "Each request must be made once, and once more for a silent station.",
        got=Words(f"asked: {', '.join(f'{name} {times} times' for name, times in asked.items())}"),
        expected="each station once, and once more what was silent",
        why="A station that has answered need not be asked again: it costs time, and may say something else.",
    )


@check("3.4", points=1, title="branches of unequal length: silent stations once more, one comparison")
def compares_once(lab: Lab, case: Case) -> None:
    cities = case.cities[:TOGETHER]
    best = max(cities, key=lambda city: city.celsius)
    silent = [best, next(city for city in cities if city != best)]
    stage = lab.stage(conversation("stations", stations(case, *silent)))
    run = fanned(lab, fan_graph(lab, stage), cities)
    found = {str(city) for city, _ in run.found}
    expect(
        all(city.name in found for city in silent),
        "A station that is silent at first must be asked once more, and count.",
        got=Words(f"found: {run.found}"),
        expected=f"all of {[city.name for city in cities]}",
        why="fetch returns None for a silent station; the second time it answers.",
    )
    expect_found(run, cities)
    expect_warmest(run, cities)
    expect(
        run.count("again") >= 1,
        "The second try belongs into a node of its own, again.",
        got=run.told,
        expected=f"look_up {len(cities)}, again 1, compare 1",
        why="A step of its own shows in streams and checkpoints, and the quick branches do not wait in it.",
    )
    expect_branches_that_meet(run, cities)
    expect(
        run.count("again") == 1,
        "again must be one task, for all silent stations together.",
        got=run.told,
        expected=f"look_up {len(cities)}, again 1, compare 1",
        why="An edge that names again leads all branches into one task; each Send begins a task of its own.",
    )
    asked = [request.args for request in stage.tool_requests()]
    times = Counter(str(args.get("city")) for args in asked if isinstance(args, Mapping))
    least = min(times[city.name] for city in silent)
    others = [city.name for city in cities if city not in silent and times[city.name] >= least]
    expect(
        not others,
        "again must fetch the silent cities, and no others.",
        got=Words(f"fetched as often as the silent ones: {', '.join(others)}"),
        expected=f"fetched once more: {', '.join(city.name for city in silent)}",
        why="The others have answered: asking them again costs time, and may give another answer.",
    )
    expect_again_at_once(lab, case)


def expect_again_at_once(lab: Lab, case: Case) -> None:
    """Fail if again waits for one silent station before it asks the next."""
    cities = case.cities[:2]
    stage = lab.stage(conversation("stations", stations(case)))
    # Silent without a request, so that the first requests are those of again.
    graph = fan_graph(lab, stage, *cities)
    stage.cap(len(cities), "tool", patience=PATIENCE)
    fanned(lab, graph, cities)
    expect(
        peak(stage, "tool") == len(cities),
        "again must fetch all silent cities at the same time.",
        got=picture(stage, "tool"),
        expected=f"{len(cities)} requests open at once",
        why="An await in a loop waits for each station; asyncio.gather waits for the slowest only.",
    )


@check("3.4", points=1, title="two cities, and no cities at all")
def compares_nothing(lab: Lab, case: Case) -> None:
    few = case.cities[:2]
    silent = unequal(few)
    stage = lab.stage(conversation("stations", stations(case, *silent)))
    graph = fan_graph(lab, stage)
    run = fanned(lab, graph, few)
    expect_branches_that_meet(run, few)
    run = fanned(lab, graph, [])
    expect(
        "warmest" in run.state and run.state["warmest"] is None and not run.found,
        "Without cities, found must be empty and warmest None.",
        got=Words(f"found: {run.found}, warmest: {run.state.get('warmest', 'not in the state')!r}"),
        expected="found: [], warmest: None",
        why="An empty list of Sends ends the run on the spot: nobody compares, and warmest is never set.",
    )
    expect(
        run.count("compare") == 1,
        "compare must run once, also without cities.",
        got=run.told,
        expected="compare 1",
        why="One place that decides is easier to trust than two.",
    )
