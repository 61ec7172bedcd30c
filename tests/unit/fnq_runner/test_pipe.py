"""The pipe as its threads share it: writers, and readers who take turns."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from fnq_runner.pipe import Pipe
from fnq_wire.pipe import Decoder, Frame, Kind, encode
from tests.unit.fnq_runner.zygote import PATIENCE, until


class Board:
    """What the frames on a pipe said, and the pipe that they came by."""

    def __init__(self) -> None:
        self.theirs, ours = socket.socketpair()
        self.theirs.settimeout(PATIENCE)
        self.seen: dict[int, str] = {}
        self.bells: dict[int, threading.Event] = {}
        self.pipe = Pipe(ours, self.route)

    def route(self, frame: Frame) -> None:
        """Note who read a frame, and ring the bell of whom it is for."""
        self.seen[frame.number] = threading.current_thread().name
        bell = self.bells.get(frame.number)
        if bell is not None:
            self.pipe.ring(bell)

    def wait(self, number: int, seconds: float | None = None) -> bool:
        """Wait for the frame of that number."""
        bell = self.bells[number] = threading.Event()
        deadline = None if seconds is None else time.monotonic() + seconds
        return self.pipe.wait(bell, lambda: number in self.seen, deadline)

    def say(self, number: int) -> None:
        """Send the runner's end a frame of that number."""
        self.theirs.sendall(encode(Kind.ANSWER, number=number))


@pytest.fixture
def board() -> Iterator[Board]:
    """A pipe, and its other end."""
    made = Board()
    yield made
    made.theirs.close()
    made.pipe.fork()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that wait."""
    with ThreadPoolExecutor(8, thread_name_prefix="waiter") as pool:
        yield pool


def test_each_waiter_gets_its_news_whoever_reads(board: Board, threads: ThreadPoolExecutor) -> None:
    """Six threads wait; frames in reverse order wake them one by one."""
    waits = {number: threads.submit(board.wait, number) for number in range(6)}
    until(lambda: len(board.bells) == 6)
    for number in reversed(range(6)):
        board.say(number)
        assert waits[number].result(PATIENCE)
        assert [each for each, wait in waits.items() if wait.done()] == list(range(number, 6))


def test_a_leader_that_leaves_hands_over(board: Board, threads: ThreadPoolExecutor) -> None:
    """When the thread that reads has its news another one reads, at once."""
    first = threads.submit(board.wait, 1)
    until(lambda: board.pipe._polled is not None)
    second = threads.submit(board.wait, 2)
    until(lambda: len(board.pipe._followers) == 2)
    board.say(1)
    assert first.result(PATIENCE)
    board.say(2)
    assert second.result(PATIENCE)
    assert board.seen[1] != board.seen[2]


def test_a_wait_has_its_deadline(board: Board, threads: ThreadPoolExecutor) -> None:
    """Leader and follower both return False when their time has passed."""
    waits = [threads.submit(board.wait, number, 0.02) for number in (1, 2)]
    assert [wait.result(PATIENCE) for wait in waits] == [False, False]


def test_news_from_another_thread_wake_the_leader(
    board: Board, threads: ThreadPoolExecutor
) -> None:
    """A bell that is rung reaches the thread that sleeps on the socket."""
    wait = threads.submit(board.wait, 1)
    until(lambda: board.pipe._polled is not None)
    board.seen[1] = "by hand"
    board.pipe.ring(board.bells[1])
    assert wait.result(PATIENCE)


def test_writers_do_not_cut_into_each_other(board: Board, threads: ThreadPoolExecutor) -> None:
    """Frames of eight threads arrive whole, each thread's in its order."""

    def write(thread: int) -> None:
        for number in range(200):
            frame = encode(Kind.LOG, epoch=thread, number=number, body=b"x" * number * 10)
            if number % 2:
                board.pipe.send(frame)
            else:
                board.pipe.post(frame)
        board.pipe.flush()

    writers: list[Future[None]] = [threads.submit(write, thread) for thread in range(8)]
    decoder, frames = Decoder(), list[Frame]()
    while len(frames) < 8 * 200:
        frames += decoder.feed(board.theirs.recv(1 << 16))
    for writer in writers:
        writer.result(PATIENCE)
    for thread in range(8):
        numbers = [frame.number for frame in frames if frame.epoch == thread]
        assert numbers == list(range(200))


def test_what_is_posted_goes_out_with_the_next_write(board: Board) -> None:
    """A posted frame waits, keeps its place, and shares a write."""
    board.pipe.post(encode(Kind.VALUE, number=1))
    assert not select.select([board.theirs], [], [], 0)[0]
    board.pipe.send(encode(Kind.STARTED, number=2))
    frames = Decoder().feed(board.theirs.recv(1 << 16))
    assert [frame.number for frame in frames] == [1, 2]


def test_a_turn_takes_so_many_frames_and_tells_whether_there_are_more(board: Board) -> None:
    """What it leaves comes next, also where it is read with what came later."""
    board.pipe.lead()
    board.theirs.sendall(b"".join(encode(Kind.ANSWER, number=number) for number in range(5)))
    board.pipe.read_some(2)
    assert (list(board.seen), board.pipe.has_more) == ([0, 1], True)
    board.say(5)
    board.pipe.read_some(2)
    assert (list(board.seen), board.pipe.has_more) == ([0, 1, 2, 3], True)
    board.pipe.read()
    assert (list(board.seen), board.pipe.has_more) == ([0, 1, 2, 3, 4, 5], False)
    board.pipe.resign()


def test_who_leads_after_a_turn_routes_what_it_left(
    board: Board, threads: ThreadPoolExecutor
) -> None:
    """Nothing more comes that would wake it."""
    board.pipe.lead()
    board.theirs.sendall(b"".join(encode(Kind.ANSWER, number=number) for number in range(3)))
    board.pipe.read_some(1)
    board.pipe.resign()
    assert threads.submit(board.wait, 2, PATIENCE).result(PATIENCE)
    assert list(board.seen) == [0, 1, 2]
