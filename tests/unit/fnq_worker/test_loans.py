"""Which lent slot a call takes, and who has one when somebody ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import record_pb2
from fnq_worker.loans import Loans
from fnq_worker.run import Run


def _run(depth: int = 0) -> Run:
    return Run("s", "1-1", 1, 0, record_pb2.Entry(depth=depth))


@given(st.lists(st.integers(1, 6)), st.lists(st.integers(0, 6)))
def test_a_call_takes_the_deepest_lent_slot_that_admits_it(
    floors: list[int], depths: list[int]
) -> None:
    """One whose slot is taken is passed over; what is left stays open."""
    loans, left = Loans(), sorted(floors)
    for floor in floors:
        loans.lend(_run(), floor)
    for depth in depths:
        fitting = [floor for floor in left if floor <= depth]
        run = _run(depth)
        assert loans.borrow(run) is bool(fitting)
        assert (run.lender.lends if run.lender else 0) == max(fitting, default=0)
        if fitting:
            left.remove(max(fitting))
        assert sorted(loans.open().elements()) == left


def test_a_borrower_that_ends_leaves_the_slot_to_the_next() -> None:
    """The lender waits still."""
    loans, lender, first, second = Loans(), _run(), _run(1), _run(1)
    loans.lend(lender, 1)
    assert loans.borrow(first)
    assert not loans.borrow(second)
    loans.give_back(first)
    assert first.lender is None
    assert loans.borrow(second)


def test_a_lender_that_goes_on_leaves_its_borrower_in_a_slot_of_its_own() -> None:
    """Whoever counts slots is told of it, once."""
    loans, lender, borrower = Loans(), _run(), _run(1)
    loans.lend(lender, 1)
    assert loans.borrow(borrower)
    assert loans.reclaim(lender)
    assert borrower.lender is None
    assert not loans.reclaim(lender)
    assert not loans.open()
