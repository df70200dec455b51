"""Who is to be looked at, why, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.results.adjustments import Adjustment, Adjustments
from grader.review.appeals import Appeal
from grader.review.people import shown_names
from grader.review.queue import Filter, Item, decided_in, is_open, mistake_key, queue
from tests.grader.results.made import LAB, check, exercise, not_graded, partly, result
from tests.grader.review.rooms import SAID, a_class


def told(items: tuple[Item, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(item.about[0], item.about[2], item.kinds) for item in items if item.kinds]


def test_appeals_come_first_then_flags_near_misses_and_the_sample() -> None:
    items = queue(a_class(), [Appeal("ada", LAB, "1.1", "why?")], seed="1", number=1)
    kinds = [kinds[0] for _, _, kinds in told(items)]
    assert kinds == ["appeal", "flag", "edge", "edge", "sample"]
    assert told(items)[:2] == [("ada", "1.1", ("appeal",)), ("eve", "*", ("flag",))]


def test_near_the_edge_is_who_has_half_of_the_points_and_not_all() -> None:
    half = partly("bob")
    little = result(
        "cem", exercises=(exercise("1.1", check("a"), check("b", "failed"), check("c", "failed")),)
    )
    items = queue([half, little], [], seed="1", number=0)
    assert told(items) == [("bob", "1.2", ("edge",))]


def test_the_nearest_misses_of_an_exercise_come_first() -> None:
    near = result(
        "zoe", exercises=(exercise("1.1", *(check(str(n)) for n in range(9)), check("x", "failed")),)
    )
    far = result("ada", exercises=(exercise("1.1", check("a"), check("x", "failed")),))
    assert [who for who, _, _ in told(queue([far, near], [], seed="1", number=0))] == ["zoe", "ada"]


@pytest.mark.parametrize("status", ["tampered", "unreadable", "error", "crashed", "timeout"])
def test_what_was_not_graded_as_others_are_is_looked_at_as_a_whole(status) -> None:
    assert told(queue([not_graded(status, "eve")], [], seed="1", number=0)) == [("eve", "*", ("flag",))]


def test_who_handed_in_nothing_is_not_looked_at_unless_they_object() -> None:
    mia = not_graded("missing", "mia")
    assert queue([mia], [], seed="1") == ()
    assert told(queue([mia], [Appeal("mia", LAB, "*")], seed="1", number=0)) == [("mia", "*", ("appeal",))]


def test_the_sample_follows_from_the_seed_and_hardly_from_the_class() -> None:
    people = [result(f"s{number}") for number in range(60)]

    def drawn(seed: str, results: list) -> set[tuple[str, str]]:
        return {
            about
            for *about, kinds in told(queue(results, [], seed=seed, number=10))
            for about in [tuple(about)]
        }

    assert drawn("1", people) == drawn("1", people[::-1])
    assert len(drawn("1", people)) == 10
    assert drawn("1", people) != drawn("2", people)
    assert len(drawn("1", people) - drawn("1", [*people, result("new")])) <= 1


def test_keys_say_nothing_and_differ() -> None:
    items = queue(a_class(), [], seed="1")
    assert len({item.key for item in items}) == len(items)
    assert all(item.key.isalnum() and item.about[0] not in item.key for item in items)


def line(about: tuple[str, str, str], when: str = "", **more) -> Adjustments:
    return Adjustments(given=(Adjustment(*about, None, "RM", "", 2, when=when, **more),))


def test_an_item_is_open_until_somebody_decides_and_again_after_a_later_appeal() -> None:
    (item,) = [item for item in queue([partly("bob")], [], seed="1", number=0) if item.kinds]
    assert is_open(item, decided_in(Adjustments()))
    assert not is_open(item, decided_in(line(item.about)))
    late = replace(item, appeal=Appeal(*item.about, "", "2026-11-29 08:00"))
    assert is_open(late, decided_in(line(item.about, "2026-11-28 12:00:00")))
    assert not is_open(late, decided_in(line(item.about, "2026-11-29 12:00:00")))


def test_a_filter_wants_a_kind_an_exercise_a_mistake_or_a_name() -> None:
    items = queue(a_class(), [], seed="1", number=1)
    names = shown_names(a_class(), anonymous=False, seed="1")

    def wanted(**chosen: str) -> set[tuple[str, str]]:
        return {
            (item.about[0], item.about[2])
            for item in items
            if Filter(**chosen).wants(item, names[item.about[0]])  # type: ignore[arg-type]
        }

    assert wanted(kind="edge") == {("bob", "1.2"), ("cem", "1.2")}
    assert wanted(kind="flag", exercise="1.1") == set()
    assert wanted(mistake=mistake_key(LAB, "1.2", "b", SAID)) == {("bob", "1.2"), ("cem", "1.2")}
    assert wanted(find="OKAFOR") == {("ada", "*"), ("ada", "1.1"), ("ada", "1.2")}
    assert len(wanted(kind="every")) == len(items)
    assert wanted(lab="07_nothing", kind="every") == set()


def test_anonymous_names_say_nothing_and_are_the_same_tomorrow() -> None:
    names = shown_names(a_class(), anonymous=True, seed="1")
    assert names == shown_names(a_class()[::-1], anonymous=True, seed="1")
    assert names != shown_names(a_class(), anonymous=True, seed="2")
    assert len(set(names.values())) == len(names)
    assert not any(student in name.lower() for student, name in names.items())


def test_a_name_stands_with_the_id_and_cannot_do_anything() -> None:
    names = shown_names([result("a\u202eb", name="Ada\nO")], anonymous=False, seed="1")
    assert names == {"a\u202eb": "Ada⏎O (a<U+202E>b)"}
