"""How an expression is written: the text of a tree, as errors and `explain` show it. Pure."""

from __future__ import annotations

import keyword

from chalkcompute.frame.node import Apply, Cast, CatalogCall, Column, Literal, Member, Node

__all__ = ["METHODS", "shown", "text"]

#: Methods of an expression; a member of such a name is written as an item.
METHODS = ("between", "cast", "fill_null", "is_in", "is_not_null", "is_null", "otherwise", "when")
#: How tightly comparisons bind.
_COMPARISON = 1
#: Operators and how tightly they bind.
_SYMBOLS = {
    "equal": ("==", _COMPARISON),
    "not_equal": ("!=", _COMPARISON),
    "less": ("<", _COMPARISON),
    "less_equal": ("<=", _COMPARISON),
    "greater": (">", _COMPARISON),
    "greater_equal": (">=", _COMPARISON),
    "or": ("|", 2),
    "xor": ("^", 3),
    "and": ("&", 4),
    "add": ("+", 5),
    "subtract": ("-", 5),
    "multiply": ("*", 6),
    "divide": ("/", 6),
    "floor_divide": ("//", 6),
    "modulo": ("%", 6),
    "negate": ("-", 7),
    "not": ("~", 7),
    "power": ("**", 8),
}
#: How tightly a constant binds, and what a method or member can follow.
_CONSTANT, _TIGHTEST = 9, 10
#: Functions that are written as methods.
_UNARY = ("is_in", "is_not_null", "is_null")
#: Characters of an expression, or of a value, that an error shows.
_SHOWN = 200


def shown(value: object) -> str:
    """Return a value as an error shows it."""
    whole = repr(value)
    return whole if len(whole) <= _SHOWN else whole[:_SHOWN] + "..."


def text(node: Node) -> str:
    """Return an expression as one would write it, at most some two hundred characters of it."""
    whole = _written(node)[0]
    return whole if len(whole) <= _SHOWN else whole[:_SHOWN] + "..."


def _written(node: Node) -> tuple[str, int]:
    """Return the text of a node, and how tightly its outermost operator binds."""
    match node:
        case Column(name):
            return _named("_", name), _TIGHTEST
        case Member(whole, item):
            return _named(_inside(whole, _TIGHTEST), item), _TIGHTEST
        case Literal(value):
            return repr(value), 7 if repr(value).startswith("-") else _CONSTANT
        case Cast(value, type_name):
            return f'{_inside(value, _TIGHTEST)}.cast("{type_name}")', _TIGHTEST
        case CatalogCall():
            args = [_written(each)[0] for each in node.args]
            args += [f"{name}={_written(each)[0]}" for name, each in node.kwargs.items()]
            return f"F.catalog_call({', '.join([repr(node.name), *args])})", _TIGHTEST
        case Apply():
            return _application(node)
    raise AssertionError(node)


def _application(node: Apply) -> tuple[str, int]:
    """Return the text of a function or operator on operands, and how tightly it binds."""
    if node.function in _SYMBOLS:
        return _operation(node)
    options = [repr(each) for each in node.options.values() if each is not None]
    if node.function == "slice":
        bounds = ["" if each is None else repr(each) for each in node.options.values()]
        return f"{_inside(node.of[0], _TIGHTEST)}[{':'.join(bounds).removesuffix(':')}]", _TIGHTEST
    if node.function == "case":
        return _case([_written(each)[0] for each in node.of]), _TIGHTEST
    if node.function == "struct":
        pairs = zip(node.options["names"], node.of, strict=True)
        members = (f"{name}={_written(each)[0]}" for name, each in pairs)
        return f"F.struct({', '.join(members)})", _TIGHTEST
    if node.function in _UNARY:
        return f"{_inside(node.of[0], _TIGHTEST)}.{node.function}({', '.join(options)})", _TIGHTEST
    operands = [_written(each)[0] for each in node.of]
    return f"F.{node.function}({', '.join([*operands, *options])})", _TIGHTEST


def _operation(node: Apply) -> tuple[str, int]:
    """Return the text of an operator on operands, and how tightly it binds."""
    symbol, binding = _SYMBOLS[node.function]
    if len(node.of) == 1:
        constant = isinstance(node.of[0], Literal)
        return symbol + _inside(node.of[0], _TIGHTEST if constant else binding), binding
    left, right = node.of
    # A power binds to the right; a comparison to neither side, as a < b < c is another thing.
    to_left = binding + (node.function == "power" or binding == _COMPARISON)
    to_right = binding + (-1 if node.function == "power" else 1)
    # Python would compute what is of constants alone, and turn a comparison round.
    if isinstance(left, Literal) and (isinstance(right, Literal) or binding == _COMPARISON):
        to_left = _TIGHTEST
    return f"{_inside(left, to_left)} {symbol} {_inside(right, to_right)}", binding


def _case(parts: list[str]) -> str:
    """Return the text of conditions and values in turns, and the last value, if any."""
    pairs = zip(parts[::2], parts[1::2], strict=False)
    whens = ".".join(f"when({condition}).then({value})" for condition, value in pairs)
    return f"F.{whens}" + (f".otherwise({parts[-1]})" if len(parts) % 2 else "")


def _inside(node: Node, binding: int) -> str:
    """Return the text of an operand, in parentheses where it binds less than it must."""
    whole, own = _written(node)
    if isinstance(node, Literal) and binding == _TIGHTEST:
        return f"F.lit({whole})"
    return whole if own >= binding else f"({whole})"


def _named(whole: str, item: str | int) -> str:
    """Return the text of a column of `_`, or of a member or element of another whole."""
    if isinstance(item, str) and item.isidentifier() and not keyword.iskeyword(item):
        taken = whole != "_" and item in METHODS
        if not taken and not item.startswith("_"):
            return f"{whole}.{item}"
    return f"{whole}[{item!r}]"
