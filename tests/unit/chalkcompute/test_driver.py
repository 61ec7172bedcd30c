"""What a map sends: how many rows together, how much ahead, and what again."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import chalkcompute
from chalkcompute import RemoteFunction, SerializationError
from fnq_wire.failure import make
from fnq_wire.limits import INLINE
from fnq_wire.rows import Rows
from tests.unit.chalkcompute.rowsession import Entry, RowSession

Double = RemoteFunction[[int], int, Any]


@pytest.fixture
def session() -> RowSession:
    """Return the session that calls of this test go through."""
    return RowSession()


@pytest.fixture
def double() -> Double:
    """Return a function of one number."""

    def double(n: int) -> int:
        return 2 * n

    return chalkcompute.function(double)


def test_quick_rows_travel_many_together_and_slow_ones_alone(
    double: Double, session: RowSession
) -> None:
    """Entries grow while they are quick, and shrink when rows turn slow."""
    session.row_s = lambda n: 1e-6 if n < 50_000 else 1.0
    for each in double.map(range(14, 500_000)):
        if each >= 100_000 and session.sizes[-1] == 1:
            break
    sizes = session.sizes
    assert sizes[0] == sizes[-1] == 1
    assert max(sizes) > 1_000
    assert all(entry.size <= INLINE for entry in session.sent)


@pytest.mark.parametrize(
    ("arguments", "options", "single"),
    [
        ({}, {"deadline": 9, "tags": {"a": "b"}}, False),
        ({"retries": 2}, {}, True),
        ({"rate_limit_key": "k"}, {}, True),
        ({"timeout": 9}, {}, True),
        ({}, {"timeout": 9}, True),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_rows_travel_alone_where_each_counts(
    session: RowSession,
    arguments: dict[str, Any],
    options: dict[str, Any],
    single: bool,
    named: bool,
) -> None:
    """Attempts, permits and time limits are of an entry, and are meant for a row."""

    @chalkcompute.function(**arguments)
    def careful(n: int) -> int:
        return n + 1

    careful.wait_ready()
    handle = RemoteFunction.from_name("careful") if named else careful
    assert list(handle.options(**options).map(range(300))) == list(range(1, 301))
    assert (session.sizes == [1] * 300) == single
    for terms in session.asked:
        assert terms is not None
        assert terms.deadline_ms == 1000 * options.get("deadline", 0)
        assert terms.timeout_ms == 1000 * options.get("timeout", 0)
        assert terms.tags == options.get("tags", {})


@pytest.mark.parametrize(
    ("arguments", "options", "single"),
    [
        ({}, {}, False),
        ({"timeout": 9}, {}, False),
        ({"retries": 2}, {}, True),
        ({"rate_limit_key": "k"}, {}, True),
        ({}, {"timeout": 9}, True),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_what_takes_batches_gets_full_ones(
    session: RowSession,
    arguments: dict[str, Any],
    options: dict[str, Any],
    single: bool,
    named: bool,
) -> None:
    """Items that count one by one go as plain calls, many ahead, and meet in batches."""

    @chalkcompute.function(max_batching_size=50, **arguments)
    def gathered(n: int) -> int:
        return n + 2

    gathered.wait_ready()
    handle = RemoteFunction.from_name("gathered") if named else gathered
    results = handle.options(**options).map(range(520))
    assert next(results) == 2
    if single:
        assert session.sizes == [0] * 201
    assert list(results) == list(range(3, 522))
    assert session.sizes == ([0] * 520 if single else [50] * 10 + [20])


def test_a_map_has_no_idempotency_key(double: Double) -> None:
    """It is many calls: what to do is said, before anything is sent."""
    keyed = double.options(idempotency_key="k")
    with pytest.raises(ValueError, match=r"double\.options\(idempotency_key=\.\.\.\)\.spawn"):
        keyed.map([1])
    with pytest.raises(ValueError, match="leave it out"):
        keyed.starmap([(1,)])


def test_an_entry_that_fails_as_a_whole_fails_its_rows(double: Double, session: RowSession) -> None:
    """Those that had no outcome; the ones that follow travel alone for a while."""
    full = make("QueueFullError", "no more")
    session.fate = lambda entry: full if entry.rows > 50 else None
    found: list[Any] = list(double.map(range(20, 10_020), return_exceptions=True))
    assert len(found) == 10_000
    bad = [each for each in found if isinstance(each, chalkcompute.QueueFullError)]
    assert len(bad) > 50
    assert len({id(each) for each in bad}) == len(bad)
    rows = [index for index, each in enumerate(found) if each in bad]
    assert [each.row for each in bad] == rows
    large = next(i for i, entry in enumerate(session.sent) if entry.rows > 50)
    assert 1 in session.sizes[large:]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("deadly", [20, 21, 24, 777, 3_999])
def test_a_row_that_kills_its_worker_fails_alone(
    double: Double, session: RowSession, deadly: int, ordered: bool
) -> None:
    """Its neighbours in one entry are sent again, each by itself, and have their results."""
    session.deadly = deadly
    session.choose = lambda waiting: len(waiting) - 1
    results = double.map(range(20, 4_020), order_outputs=ordered, return_exceptions=True)
    found: list[Any] = list(results)
    lost = [each for each in found if isinstance(each, chalkcompute.WorkerLostError)]
    assert [each.row for each in lost] == [deadly - 20]
    rest = [each for each in found if each not in lost]
    assert (rest if ordered else sorted(rest)) == [2 * n for n in range(20, 4_020) if n != deadly]
    if ordered:
        assert found.index(lost[0]) == deadly - 20
    assert max(session.sizes) > 50


def test_a_row_is_sent_again_though_much_waits_for_it(double: Double, session: RowSession) -> None:
    """Results that are held back for its sake do not keep it back."""
    dead: list[Entry] = []

    def fate(entry: Entry) -> Any:
        # The first entry of several rows is lost, when all else has ended.
        if entry.rows == 1 or dead:
            return None
        dead.append(entry)
        return make("CallTimeoutError", "too long")

    session.fate = fate
    session.row_s = lambda n: 0.01
    session.choose = lambda waiting: 1 if len(waiting) > 1 and not dead else 0
    assert list(double.map(range(20, 3_020))) == [2 * n for n in range(20, 3_020)]
    assert len(dead) == 1


def test_a_reader_that_is_far_behind_holds_a_bounded_number(
    double: Double, session: RowSession
) -> None:
    """The first entry is stuck: all others end, and are kept, but no more than a few windows."""
    session.row_s = lambda _: 1.0
    session.choose = lambda waiting: None if len(waiting) == 1 else 1
    results = double.map(itertools.count(20))
    with pytest.raises(AssertionError, match="it waits for ever"):
        next(results)
    assert 64 <= len(session.sent) <= 4 * 1_024
    assert list(results) == []


def test_large_rows_are_not_packed_beyond_what_travels_inline(session: RowSession) -> None:
    """Also where rows turn large at once; one alone may be larger."""

    @chalkcompute.function
    def size(text: str) -> int:
        return len(text)

    lengths = [1] * 3_000 + [100_000] * 50 + [INLINE * 2] + [1] * 100
    assert list(size.map("x" * length for length in lengths)) == lengths
    assert all(entry.size <= INLINE for entry in session.sent if entry.rows > 1)
    assert max(entry.size for entry in session.sent) > INLINE


def test_rows_that_cannot_travel_together_travel_alone(
    double: Double, session: RowSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None fails for that: each is fine by itself."""
    encode = Rows.encode_columns

    def crowded(rows: Rows, columns: Any) -> bytes:
        if len(columns[0]) > 1:
            raise MemoryError
        return encode(rows, columns)

    monkeypatch.setattr(Rows, "encode_columns", crowded)
    assert list(double.map(range(20, 520))) == [2 * n for n in range(20, 520)]
    assert max(session.sizes) == 1


def test_a_result_that_cannot_be_read_ends_the_map(double: Double, session: RowSession) -> None:
    """With SerializationError; nothing stays in flight."""

    def spoil(entry: Any) -> None:
        entry.inflight.push(b"not a block at all")

    session.fate = spoil
    with pytest.raises(SerializationError):
        list(double.map(range(5)))
    assert session.waiting == []
