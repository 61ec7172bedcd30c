"""How long to wait before trying again."""

from __future__ import annotations

from fnq_core.backoff import Backoff


def test_pauses_double_up_to_the_most() -> None:
    """And begin anew when something went well."""
    backoff = Backoff(first_s=0.1, most_s=0.5)
    assert [backoff.next() for _ in range(4)] == [0.1, 0.2, 0.4, 0.5]
    backoff.reset()
    assert backoff.next() == 0.1


def test_it_can_go_on_for_ever() -> None:
    """The numbers stay small."""
    backoff = Backoff(first_s=0.1, most_s=0.5)
    assert {backoff.next() for _ in range(10_000)} == {0.1, 0.2, 0.4, 0.5}
    assert backoff.tries < 100
