"""Frames over a socket whose other end may be hostile."""

from __future__ import annotations

import array
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from grader.jail.frames import (
    MAX_DEPTH,
    MAX_FRAME,
    MAX_ITEMS,
    Channel,
    Closed,
    FrameTooLarge,
    NotJson,
    TimedOut,
    packed,
    unpacked,
)

Pair = tuple[Channel, socket.socket]


def soon() -> float:
    return time.monotonic() + 0.05


def later() -> float:
    return time.monotonic() + 10


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The grader's channel, and the bare socket of whatever is in the jail."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def frame(body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + body


@pytest.mark.parametrize("message", [{}, {"text": "Ωμέγα 🎓 \x00"}, {"deep": [[[{"a": [None, True, 1.5]}]]]}])
def test_an_object_crosses_and_comes_back(pair: Pair, message: dict[str, Any]) -> None:
    channel, theirs = pair
    other = Channel(theirs)
    other.send(message)
    assert channel.receive(later()) == message
    channel.send(message)
    assert other.receive(later()) == message


def test_frames_keep_their_order_and_their_borders(pair: Pair) -> None:
    channel, theirs = pair
    theirs.sendall(b"".join(packed({"n": n}) for n in range(50)))
    assert [channel.receive(later())["n"] for _ in range(50)] == list(range(50))


def test_a_frame_that_comes_byte_by_byte_is_one_frame(pair: Pair) -> None:
    channel, theirs = pair
    for number in packed({"slow": "yes"}):
        with pytest.raises(TimedOut):
            channel.receive(time.monotonic())
        theirs.send(bytes([number]))
    assert channel.receive(later()) == {"slow": "yes"}


def test_a_large_frame_goes_through_a_small_buffer(pair: Pair) -> None:
    channel, theirs = pair
    message = {"text": "x" * 3_000_000}
    sender = threading.Thread(target=Channel(theirs).send, args=(message,))
    sender.start()
    assert channel.receive(later()) == message
    sender.join()


def test_a_huge_length_is_refused_before_anything_is_read(pair: Pair) -> None:
    channel, theirs = pair
    theirs.sendall(struct.pack("!I", 2**32 - 1))
    with pytest.raises(FrameTooLarge, match=str(MAX_FRAME)):
        channel.receive(later())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\x80\x04\x95.",
        b"\xff\xfe\x00",
        b"[1]",
        b"7",
        b"null",
        b'"text"',
        b"{}{}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json_object_is_refused(pair: Pair, body: bytes) -> None:
    channel, theirs = pair
    theirs.sendall(frame(body))
    with pytest.raises(NotJson):
        channel.receive(later())


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000, 200_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    with pytest.raises(NotJson):
        unpacked(b'{"a":' + b"[" * depth + b"]" * depth + b"}")
    with pytest.raises(NotJson):
        unpacked(b'{"a":' * depth + b"1" + b"}" * depth)


def test_nesting_up_to_the_limit_is_taken() -> None:
    depth = MAX_DEPTH - 1
    assert unpacked(b'{"a":' + b"[" * depth + b"]" * depth + b"}")


def test_a_small_frame_cannot_become_a_large_memory() -> None:
    with pytest.raises(FrameTooLarge):
        unpacked(b'{"a":[' + b"[]," * MAX_ITEMS + b"[]]}")


def test_a_character_that_is_spelled_out_in_two_halves_is_taken() -> None:
    assert unpacked(b'{"a": "\\ud83c\\udf93"}') == {"a": "🎓"}


def test_commas_in_a_text_are_no_values() -> None:
    text = ',[{"' * MAX_ITEMS
    assert unpacked(packed({"text": text})[4:]) == {"text": text}


def test_an_unfinished_string_does_not_hold_up_the_reader() -> None:
    begun = time.monotonic()
    with pytest.raises((NotJson, FrameTooLarge)):
        unpacked(b'{"a":"' + b',\\"' * 2_000_000)
    assert time.monotonic() - begun < 5


def test_silence_ends_at_the_deadline(pair: Pair) -> None:
    channel, _ = pair
    with pytest.raises(TimedOut):
        channel.receive(soon())


def test_half_a_frame_and_then_silence_ends_at_the_deadline(pair: Pair) -> None:
    channel, theirs = pair
    theirs.sendall(packed({"half": "a frame"})[:7])
    with pytest.raises(TimedOut):
        channel.receive(soon())


def test_a_reader_that_never_reads_does_not_hold_up_the_sender(pair: Pair) -> None:
    channel, _ = pair
    with pytest.raises(TimedOut):
        channel.send({"text": "x" * 4_000_000}, soon())


@pytest.mark.parametrize("sent", [b"", packed({"half": "a frame"})[:7]], ids=["nothing", "half a frame"])
def test_an_end_that_is_closed_is_said(pair: Pair, sent: bytes) -> None:
    channel, theirs = pair
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(Closed):
        channel.receive(later())
    with pytest.raises(Closed):
        channel.send({})


def test_an_own_end_that_is_closed_is_said(pair: Pair) -> None:
    channel, _ = pair
    channel.close()
    channel.close()
    with pytest.raises(Closed):
        channel.receive(later())
    with pytest.raises(Closed):
        channel.send({})


def test_descriptors_that_come_along_are_closed(pair: Pair) -> None:
    channel, theirs = pair
    reading, writing = os.pipe()
    data = packed({"with": "descriptors"})
    rights = array.array("i", [writing] * 200)
    theirs.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    os.close(writing)
    assert channel.receive(later()) == {"with": "descriptors"}
    # The pipe is at its end: nobody holds the other side any more, here neither.
    assert os.read(reading, 1) == b""
    os.close(reading)


@pytest.mark.parametrize(
    "message", [{"a": object()}, {"a": float("nan")}, {"a": "\ud800"}], ids=["object", "nan", "half a pair"]
)
def test_what_json_lacks_is_not_sent(message: dict[str, Any]) -> None:
    with pytest.raises(NotJson):
        packed(message)


def test_a_frame_that_the_other_side_would_refuse_is_not_sent() -> None:
    with pytest.raises(FrameTooLarge):
        packed({"text": "x" * 100}, max_frame=100)
