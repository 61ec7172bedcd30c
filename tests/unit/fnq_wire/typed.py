"""Annotations that give columns types, and strategies for values of exactly those."""

from __future__ import annotations

import datetime
import types
import uuid
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.unit.fnq_wire.drawn import KINDS, has_hash, spans
from tests.unit.fnq_wire.values import Color, Reading, Rights, Size, Slotted, Spot

__all__ = ["EXACT", "NEARLY", "forms", "hints"]

_Drawn: TypeAlias = st.SearchStrategy[Any]

_WHOLE = KINDS["int"]
_TEXT = st.text(max_size=8)
#: Microseconds that 64 bits hold.
_SPAN = spans(2**63 - 1)


def _unfolded(drawn: _Drawn) -> _Drawn:
    return drawn.map(lambda value: value.replace(fold=0))


#: By the annotation of one value.
EXACT: dict[Any, _Drawn] = {
    bool: st.booleans(),
    int: _WHOLE,
    float: st.one_of(KINDS["float"], KINDS["nan"], KINDS["infinity"]),
    str: _TEXT,
    bytes: KINDS["bytes"],
    datetime.datetime: _unfolded(KINDS["datetime"]),
    datetime.date: KINDS["date"],
    datetime.time: _unfolded(KINDS["time"]),
    datetime.timedelta: _SPAN,
    uuid.UUID: KINDS["UUID"],
    Color: st.sampled_from(Color),
    Size: st.sampled_from(Size),
    Rights: st.sampled_from(list(Rights)),
    Slotted: st.builds(Slotted, _WHOLE, _TEXT),
    Spot: st.builds(Spot, KINDS["float"], st.one_of(st.none(), _TEXT)),
    tuple[int, str | None]: st.tuples(_WHOLE, st.one_of(st.none(), _TEXT)),
    frozenset[str]: st.frozensets(_TEXT, max_size=3),
}
EXACT[Reading] = st.builds(Reading, *list(EXACT.values())[:12])

#: Values that an annotation allows, and that its column cannot give back.
NEARLY: dict[Any, _Drawn] = {
    int: st.one_of(KINDS["int beyond 64 bits"], KINDS["bool"], KINDS["int"]),
    float: st.one_of(KINDS["int"], KINDS["bool"], KINDS["float"]),
    str: KINDS["str"],
    datetime.datetime: st.one_of(KINDS["datetime in a zone"], KINDS["datetime"]),
    datetime.date: st.one_of(KINDS["datetime at an offset"], KINDS["date"]),
    datetime.time: st.one_of(KINDS["time at an offset"], KINDS["time"]),
    datetime.timedelta: spans(),
    Rights: KINDS["Flag"],
    Slotted: st.builds(Slotted, KINDS["int beyond 64 bits"], KINDS["str"]),
    Spot: st.builds(Spot, KINDS["int"], KINDS["str"]),
}


def hints(one: Any, *, key: bool) -> dict[str, Any]:
    """Return annotations of parameters in which a value lies in every place.

    `key` says whether it can be one.
    """
    generic = types.GenericAlias
    anywhere: dict[str, Any] = {
        "alone": one,
        "maybe": one | None,
        "items": generic(list, (one,)),
        "holes": generic(list, (one | None,)),
        "nested": generic(list, (generic(list, (one,)),)),
        "row": generic(tuple, (one, ...)),
        "pair": generic(tuple, (one, int)),
        "named": generic(dict, (str, one)),
    }
    as_key: dict[str, Any] = {
        "every": generic(set, (one,)),
        "frozen": generic(frozenset, (one,)),
        "by": generic(dict, (one, generic(list, (one,)))),
    }
    return anywhere | (as_key if key else {})


def forms(ones: list[Any], *, void: bool) -> dict[str, Any]:
    """Return values for those annotations, made of one value or more; `void` for None."""
    anywhere = {
        "alone": ones[0],
        "maybe": None if void else ones[0],
        "items": ones,
        "holes": [None, *ones, None, ones[0]],
        "nested": [ones, [], ones[:1]],
        "row": tuple(ones),
        "pair": (ones[0], 1),
        "named": {str(at): one for at, one in enumerate(ones)},
    }
    if not has_hash(ones[0]):
        return anywhere
    return anywhere | {
        "every": set(ones),
        "frozen": frozenset(ones),
        "by": dict.fromkeys(ones, ones),
    }
