from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.utils.replay.talks import (
    ask,
    assistant,
    called,
    calling,
    conversation,
    giving,
    history_of,
    looked_up,
    plain,
    request,
    result,
    say,
    scenario,
    system,
    tool_answer,
    user,
)
from utils.replay.conversation import (
    AnswerTurn,
    CallsTurn,
    Conversation,
    Hit,
    Origin,
    Scenario,
    ToolAnswer,
    ToolCall,
    UserTurn,
)
from utils.replay.matching import (
    GO_LIVE,
    NotRecorded,
    Row,
    compile_scenario,
    find,
    find_tool,
    fold_args,
    fold_question,
    fold_result,
    nearest,
    offered,
    rows_of,
    spellings,
)


def answer(found: Row | NotRecorded) -> str:
    assert isinstance(found, Row), found
    assert isinstance(found.reply, AnswerTurn)
    return found.reply.answer


def missed(found: object) -> NotRecorded:
    assert isinstance(found, NotRecorded), found
    return found


WEATHER = looked_up("Weather in SF?", "sf", "It's 20°C: sunny", "Sunny.", name="sf")
LONG = conversation("sf, la", *WEATHER.turns, ask("And in LA?"), say("Fog."), ask("Warmer?"), say("SF."))
BARE = plain("Warmer?", "What do you mean?")
INDEX = compile_scenario(scenario(WEATHER, LONG, BARE))


# The question


@pytest.mark.parametrize("asked", ["Warmer?", "warmer?", "  WARMER?\n", "Warmer?\t"])
def test_case_and_white_space_of_a_question_do_not_matter(asked: str) -> None:
    assert answer(find(INDEX, request(user(asked)))) == "What do you mean?"


@pytest.mark.parametrize("asked", ["Warmer", "Which is warmer?", "War mer?", ""])
def test_the_words_of_a_question_do(asked: str) -> None:
    assert missed(find(INDEX, request(user(asked)))).reason == "question"


def test_recorded_questions_are_a_subsequence_of_the_real_ones() -> None:
    told = [user(text) for text in ("Hello", "Weather in SF?", "Thanks", "And in LA?", "Hm", "warmer?")]
    assert answer(find(INDEX, request(*told))) == "SF."


def test_order_matters_in_a_subsequence() -> None:
    told = [user(text) for text in ("And in LA?", "Weather in SF?", "Warmer?")]
    assert answer(find(INDEX, request(*told))) == "What do you mean?"


def test_the_longest_history_wins() -> None:
    short = [user("And in LA?"), user("Warmer?")]
    assert answer(find(INDEX, request(*short))) == "What do you mean?"
    assert answer(find(INDEX, request(user("Weather in SF?"), *short))) == "SF."


def test_of_equally_long_ones_the_most_recent_wins() -> None:
    oslo = conversation("oslo", ask("oslo"), say("o"), ask("warm?"), say("oslo is"))
    rome = conversation("rome", ask("rome"), say("r"), ask("warm?"), say("rome is"))
    for told in (scenario(oslo, rome), scenario(rome, oslo)):
        index = compile_scenario(told)
        assert answer(find(index, request(user("oslo"), user("rome"), user("warm?")))) == "rome is"
        assert answer(find(index, request(user("rome"), user("oslo"), user("warm?")))) == "oslo is"


def test_a_question_asked_twice_counts_where_it_was_asked_last() -> None:
    told = [user(text) for text in ("Weather in SF?", "And in LA?", "Weather in SF?", "warmer?")]
    assert answer(find(INDEX, request(*told))) == "SF."


def test_exactly_means_the_very_same_questions() -> None:
    told = [user("Weather in SF?"), user("And in LA?"), user("Warmer?")]
    assert answer(find(INDEX, request(*told), exact=True)) == "SF."
    assert missed(find(INDEX, request(user("Hello"), *told), exact=True)).reason == "history"


# What does not matter


FACES = {
    "a system prompt": {"messages": (system("Be brief."), user("Warmer?"))},
    "a late system prompt": {"messages": (user("Warmer?"), system("Be brief."))},
    "the model": {"model": "gpt-9"},
    "the stream flag": {"stream": True},
    "more tools": {"tools": ("lookup", "search")},
    "no tools": {"tools": ()},
}


@pytest.mark.parametrize("change", FACES.values(), ids=FACES)
def test_it_does_not_matter(change: dict) -> None:
    assert answer(find(INDEX, replace(request(user("Warmer?")), **change))) == "What do you mean?"


def test_ids_of_calls_do_not_matter() -> None:
    for id in ("call_1", "x"):
        told = (user("Weather in SF?"), assistant("", called(id)), result("it's 20°C: sunny", id))
        assert answer(find(INDEX, request(*told))) == "Sunny."


def test_the_order_of_tools_does_not_matter() -> None:
    for tools in (("a", "search", "b"), ("b", "a", "search")):
        found = find(INDEX, request(user("Weather in SF?"), tools=tools))
        assert isinstance(found, Row)


@pytest.mark.parametrize("name", ["search", "tavily_search_results_json", "web_search", "TavilySearch"])
def test_the_spelling_of_the_search_tool_does_not_matter(name: str) -> None:
    assert offered("search", ("other", name)) == name
    assert isinstance(find(INDEX, request(user("Weather in SF?"), tools=("other", name))), Row)


def test_the_spelling_of_any_other_tool_does() -> None:
    assert offered("lookup", ("look_up",)) is None
    assert offered("search", ("lookup",)) is None


# Tool results

HIT = Hit(url="https://a.example", content='Zürich: 20.5°C, "föhn"\n– 🌞 c\\d', title="t", score=0.9)
SEARCHED = looked_up("Zürich?", "zh", {"hits": [HIT.model_dump()]}, "Warm.")


def tell(text: str) -> Row | NotRecorded:
    index = compile_scenario(scenario(SEARCHED))
    return find(index, request(user("Zürich?"), assistant("", called()), result(text)))


SPELLINGS = {
    "text": HIT.content,
    "text among text": f"I found this: {HIT.content} (and more)",
    "a Python list": str([HIT.model_dump()]),
    "JSON": json.dumps([HIT.model_dump()], ensure_ascii=False),
    "JSON with escapes": json.dumps([HIT.model_dump()]),
    "JSON in JSON": json.dumps({"output": json.dumps([HIT.model_dump()])}),
    "a Python literal with escapes": ascii([HIT.model_dump()]),
    "JSON in a Python list": str([json.dumps(HIT.model_dump())]),
    "capitals": HIT.content.upper(),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_result_counts_however_a_node_wrote_it(text: str) -> None:
    assert answer(tell(text)) == "Warm."


@pytest.mark.parametrize("text", ["", "20.5°C", "HTTPError('422 no recorded result')", "Zürich 20.6°C föhn"])
def test_another_result_does_not_count(text: str) -> None:
    found = missed(tell(text))
    assert found.reason == "results"
    assert "with these tool results" in found.sentence


def test_every_result_of_a_turn_must_be_there() -> None:
    both = conversation("b", ask("both?"), calling("x", "y"), giving("one", "two"), say("Done."))
    index = compile_scenario(scenario(both))
    calls = assistant("", called("1"), called("2"))
    for told in (("one", "two"), ("two", "one")):
        found = find(index, request(user("both?"), calls, *map(result, told)))
        assert answer(found) == "Done."
    assert (
        missed(find(index, request(user("both?"), calls, result("one"), result("one")))).reason == "results"
    )


def test_words_do_not_match_across_two_results() -> None:
    index = compile_scenario(scenario(looked_up("q", "q", "one two", "Done.")))
    calls = assistant("", called("1"), called("2"))
    assert missed(find(index, request(user("q"), calls, result("one"), result("two")))).reason == "results"


def test_a_part_of_a_word_does_not_count() -> None:
    index = compile_scenario(scenario(looked_up("q", "q", "20", "Done.")))
    assert (
        missed(find(index, request(user("q"), assistant("", called()), result("2045")))).reason == "results"
    )


def test_an_empty_result_is_a_result() -> None:
    index = compile_scenario(scenario(looked_up("q", "q", "", "Done.")))
    for text in ("", "[]", "nothing found"):
        assert answer(find(index, request(user("q"), assistant("", called()), result(text)))) == "Done."


def test_rounds_are_told_apart() -> None:
    tour = conversation(
        "tour", ask("tour?"), calling("a"), giving("same"), calling("b"), giving("same"), say("End.")
    )
    index = compile_scenario(scenario(tour))
    once = (assistant("", called()), result("same"))
    found = find(index, request(user("tour?"), *once))
    assert isinstance(found, Row)
    assert found.turn == 3
    assert answer(find(index, request(user("tour?"), *once, *once))) == "End."
    assert missed(find(index, request(user("tour?"), *once, *once, *once))).reason == "results"


def test_results_before_the_last_question_do_not_matter() -> None:
    told = (user("Weather in SF?"), assistant("", called()), result("other"), assistant("Fog."))
    assert answer(find(INDEX, request(*told, user("And in LA?")))) == "Fog."


def test_of_two_recordings_the_one_that_says_more_wins() -> None:
    calls = calling("q")
    vague = conversation("a", ask("q"), calls, giving("sunny"), say("Vague."))
    exact = conversation(
        "b", ask("q"), calls, giving(tool_answer("sunny, 20 degrees", edited=True)), say("Exact.")
    )
    for told in (scenario(vague, exact), scenario(exact, vague)):
        index = compile_scenario(told)
        asked = (user("q"), assistant("", called()))
        assert answer(find(index, request(*asked, result("sunny, 20 degrees")))) == "Exact."
        assert answer(find(index, request(*asked, result("sunny")))) == "Vague."


# Misses


def test_a_miss_says_what_was_asked_the_nearest_question_and_how_to_go_live() -> None:
    found = missed(find(INDEX, request(user("Weather in  Paris?"))))
    assert found.asked == "Weather in  Paris?"
    assert found.nearest == "Weather in SF?"
    assert found.sentence == (
        'No recorded answer for "Weather in Paris?". The nearest recorded question is "Weather in SF?". '
        + GO_LIVE
    )


def test_a_miss_after_other_questions_says_so() -> None:
    assert "after this conversation" in missed(find(INDEX, request(user("And in LA?")))).sentence


def test_a_recorded_call_without_its_tool_asks_for_bind_tools() -> None:
    found = missed(find(INDEX, request(user("Weather in SF?"), tools=())))
    assert found.reason == "tool"
    assert "offers no tool at all: did you forget model.bind_tools(tools)?" in found.sentence
    found = missed(find(INDEX, request(user("Weather in SF?"), tools=("lookup", "other"))))
    assert "calls the tool 'search', but the request offers lookup, other" in found.sentence


def test_a_call_of_a_tool_that_nobody_offered_is_made_where_it_is_recorded_so() -> None:
    call = ToolCall(tool="wire", unoffered=True)
    turns = (UserTurn(user="Pay."), CallsTurn(calls=(call,)))
    index = compile_scenario(
        Scenario(conversations=(Conversation(name="pay", origin=Origin(kind="authored"), turns=turns),))
    )
    assert isinstance(find(index, request(user("Pay."), tools=("lookup",))), Row)


def test_without_any_question_there_is_no_answer() -> None:
    assert missed(find(INDEX, request(system("Be brief.")))).reason == "empty"


def test_without_any_recording_there_is_no_nearest_question() -> None:
    index = compile_scenario(Scenario())
    assert nearest(index, "hi") is None
    assert "nearest" not in missed(find(index, request(user("hi")))).sentence


def test_a_very_long_question_is_missed_quickly_and_shortly() -> None:
    index = compile_scenario(scenario(*(plain(f"question {n} " + "x" * 500, "a") for n in range(50))))
    start = time.process_time()
    found = missed(find(index, request(user("lorem ipsum " * 90_000))))
    assert time.process_time() - start < 2.0
    assert len(found.sentence) < 500


# Tools


def test_a_tool_is_found_by_its_arguments_in_any_spelling() -> None:
    told = find_tool(INDEX, "search", {"query": "  SF "})
    assert isinstance(told, ToolAnswer)
    assert told.text == "It's 20°C: sunny"


def test_a_tools_miss_names_the_nearest_call() -> None:
    found = missed(find_tool(INDEX, "search", {"query": "sfo"}))
    assert found.sentence == 'No recorded result for the search "sfo". The nearest recorded one is "sf".'
    found = missed(find_tool(INDEX, "lookup", {"a": 1}))
    assert found.sentence == 'No recorded result for the call of lookup "{"a": 1}".'


def test_edited_results_are_nobodys_answer() -> None:
    edited = looked_up("q", "q", tool_answer("by hand", edited=True), "a")
    assert not compile_scenario(scenario(edited)).tools


def test_contradictions_are_found() -> None:
    index = compile_scenario(scenario(plain("a", "b"), conversation("c", ask("A "), say("d"))))
    assert [(clash.first.conversation, clash.second.conversation) for clash in index.clashes] == [("a", "c")]
    index = compile_scenario(scenario(looked_up("a", "q", "1", "x"), looked_up("b", "Q", "2", "y")))
    assert index.tool_clashes == (("b", "search"),)


# Laws

TEXT = st.text(max_size=40)


@given(TEXT)
def test_folding_a_question_twice_changes_nothing(text: str) -> None:
    assert fold_question(fold_question(text)) == fold_question(text)


@given(TEXT)
def test_folding_a_result_twice_changes_nothing(text: str) -> None:
    assert fold_result(fold_result(text)) == fold_result(text)


@given(TEXT, st.booleans())
def test_a_result_occurs_in_its_own_spellings(text: str, ascii_only: bool) -> None:
    told = fold_result(text)
    if told.strip():
        assert told in spellings(text)
        assert told in spellings(json.dumps([{"content": text}], ensure_ascii=ascii_only))
        assert told in spellings(str([{"content": text}]))


@given(st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.none(), st.lists(TEXT)), max_size=4))
def test_the_order_of_arguments_does_not_matter(args: dict) -> None:
    assert fold_args(args) == fold_args(dict(reversed(args.items())))


WORDS = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=12).filter(
    lambda text: bool(fold_result(text).strip())
)


@st.composite
def conversations(draw: st.DrawFn, number: int) -> Conversation:
    turns = []
    for _ in range(draw(st.integers(1, 3))):
        turns.append(ask(draw(WORDS)))
        for _ in range(draw(st.integers(0, 2))):
            queries = draw(st.lists(WORDS, min_size=1, max_size=2))
            turns.append(calling(*queries))
            turns.append(giving(*(tool_answer(draw(WORDS), edited=True) for _ in queries)))
        turns.append(say(draw(WORDS)))
    return conversation(f"number {number}", *turns)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    return scenario(*(draw(conversations(number)) for number in range(draw(st.integers(1, 4)))))


@given(scenarios())
@settings(max_examples=60)
def test_every_recorded_reply_answers_its_own_history(told: Scenario) -> None:
    index = compile_scenario(told)
    if index.clashes:
        return
    by_name = {c.name: c for c in told.conversations}
    for conv in told.conversations:
        for row in rows_of(conv):
            asked = request(*history_of(by_name[row.conversation], row.turn))
            found = find(index, asked, exact=True)
            assert isinstance(found, Row)
            assert found.questions == row.questions
            assert found.rounds == row.rounds
            # Another recording may say more about the same results; with no such one it is this very row.
            assert found.reply == row.reply or len("".join(found.needles)) >= len("".join(row.needles))


def test_a_question_in_several_blocks_is_put_together_when_nothing_else_fits() -> None:
    index = compile_scenario(scenario(plain("hi", "Hello."), plain("what is it?", "A kit.")))
    blocks = request(user("hi"), assistant("Hello."), user("what "), user("is it?"))
    found = find(index, blocks)
    assert isinstance(found, Row)
    assert found.asked == "what is it?"
    questions = request(user("what is it?"), user("hi"))
    assert isinstance(row := find(index, questions), Row)
    assert row.asked == "hi", "several questions stay several as long as they are known"
    missed = find(index, request(user("what"), user("else?")))
    assert isinstance(missed, NotRecorded)
    assert missed.asked == "else?"


def test_lines_are_questions_only_where_a_client_puts_them_together() -> None:
    index = compile_scenario(scenario(plain("hi", "Hello."), plain("one\ntwo", "Both.")))
    merged = request(user("unanswered\nhi"))
    assert isinstance(find(index, merged), NotRecorded)
    assert isinstance(row := find(index, replace(merged, lines=True)), Row)
    assert row.asked == "hi"
    assert isinstance(row := find(index, request(user("one\ntwo"), lines=True)), Row)
    assert row.asked == "one\ntwo"
    assert isinstance(find(index, replace(merged, lines=True), exact=True), NotRecorded)
