"""What expressions are written as, and that they are nothing but trees."""

from __future__ import annotations

import copy
import datetime as dt
import subprocess
import sys

import numpy as np
import pytest

from chalkcompute import F, _
from chalkcompute.frame.expression import Expression, node_of
from chalkcompute.frame.node import Column, Literal, Member
from chalkcompute.frame.written import METHODS

SOURCES = [
    "_.a",
    "_['two words']",
    "_['class']",
    "_['_id']",
    "_.cast",
    "_.a.b['is_null'].c['d e']",
    "_.a[0][1:][:2][::3][1:2:3]",
    "_.a + _.b - _.c",
    "_.a - (_.b - _.c)",
    "(_.a + 1) * 2",
    "2 * _.a / 3 // 4 % 5",
    "-_.a ** 2",
    "(-_.a) ** 2",
    "_.a ** -1",
    "(_.a ** 2) ** 3",
    "_.a ** _.b ** 2",
    "1 - _.a",
    "(_.a > 1) & (_.b <= 2) | ~_.c ^ (_.d != 'x')",
    "(_.a == 1) == True",
    "_.a & (_.b | _.c)",
    "(_.a + 1).cast(\"int64\").is_null()",
    "_.a.is_in([1, None]).is_not_null()",
    "F.lit(1).cast(\"int8\") + 1.5",
    "F.upper(F.trim(_.a)) + 'x'",
    "F.replace(_.a, 'x', 'y')",
    "F.when(_.a).then(1).when(_.b).then(2).otherwise(3)",
    "F.when(_.a > 1).then(None)",
    "F.struct(x=_.a, y=1).x",
    "F.catalog_call('f', _.a + 1, 2, key=F.catalog_call('g', _.b))",
    "F.log(_.a, 2)",
    "F.log(_.a)",
    "F.lit(1) + 2 - -F.lit(3)",
    "_.a[:]",
    "(F.lit(1) < _.a) | (2 - _.a > 3)",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_an_expression_is_shown_as_it_was_written(source: str) -> None:
    """With parentheses where Python needs them; what is shown means the same."""
    expression = eval(source)  # noqa: S307 - a source of this file
    assert repr(expression) == source
    assert str(expression) == f"{expression}" == source


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        (_.a.between(1, 2), "(_.a >= 1) & (_.a <= 2)"),
        (_.a.fill_null(0), "F.coalesce(_.a, 0)"),
        (abs(_.a), "F.abs(_.a)"),
        (round(_.a), "F.round(_.a, 0)"),
        (F.if_else(_.a, 1, 2), "F.when(_.a).then(1).otherwise(2)"),
        (F.substr(_.a, 1, 2), "_.a[1:3]"),
        (F.power(_.a, 2), "_.a ** 2"),
        (F.is_null(_.a), "_.a.is_null()"),
        (_.a["b"], "_.a.b"),
        (_.a.cast(dt.datetime), '_.a.cast("timestamp[us]")'),
        (_.a.cast("float64"), '_.a.cast("double")'),
        (1 < _.a, "_.a > 1"),  # noqa: SIM300 - what Python makes of it
    ],
    ids=repr,
)
def test_what_is_another_way_to_write_it_is_shown_as_the_one(other: Expression, shown: str) -> None:
    """One thing has one tree."""
    assert repr(other) == shown


def test_methods_are_few_and_every_other_name_is_a_member() -> None:
    """A member of the name of a method is had as an item."""
    public = {each for each in dir(Expression) if not each.startswith("_")}
    assert public == set(METHODS) - {"when", "otherwise"}
    for name in ("upper", "year", "name", "columns", "F"):
        assert isinstance(node_of(getattr(_.a, name)), Member)
    assert repr(_.a["cast"].x) == "_.a['cast'].x"
    assert repr(_) == "_"
    assert repr(F) == "F"


def test_numpy_leaves_operators_to_the_expression() -> None:
    """On either side."""
    assert repr(np.float64(2.5) * _.a) == "np.float64(2.5) * _.a"
    assert repr(_.a - np.int8(1)) == "_.a - np.int8(1)"


def test_a_value_is_a_literal_and_an_expression_its_tree() -> None:
    """Whatever Arrow has a type for."""
    assert isinstance(node_of(_.a), Column)
    for value in (None, 1, "a", b"a", [1], {"a": 1}, dt.timedelta(1), 2**63):
        literal = node_of(value)
        assert isinstance(literal, Literal)
        assert literal.value == value


def test_nodes_that_mean_the_same_have_one_key() -> None:
    """Built twice, or copied; a constant of another type means another thing."""
    one = F.upper(_.a["b"]) + F.when(_.c > 1).then(2)
    same = F.upper(_.a.b) + F.when(_.c > 1).then(2)
    other = F.upper(_.a.b) + F.when(_.c > 1.0).then(2)
    assert node_of(one).key() == node_of(same).key() == node_of(copy.deepcopy(one)).key()
    assert node_of(one).key() != node_of(other).key()
    assert node_of(_.a.is_in([1])).key() != node_of(_.a.is_in([2])).key()
    assert hash(node_of(one).key()) == hash(node_of(same).key())


def test_importing_and_writing_expressions_loads_no_pyarrow() -> None:
    """`import chalkcompute` stays cheap; a cast is the first to need types."""
    code = (
        "import sys\n"
        "from chalkcompute import F, _\n"
        "F.when((_.a > 1) & _.b.is_in(['x'])).then(F.upper(_.c[:2])).otherwise(None)\n"
        "F.catalog_call('f', _.a, key=2)\n"
        "print('pyarrow' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "False\n", "")
