"""Names that are bound more than once, changed, or entered into something."""

from __future__ import annotations

import pytest

from fnq_wire.error import DeployError
from tests.unit.chalkcompute.capture.workshop import Workshop


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def g(): return 1\ndef g(): return 2", 2),
        ("def g(): return 1\ndef g(): return 2\ng = functools.lru_cache(g)", 2),
        ("if sys.version_info < (3,):\n  def g(): return 1\nelse:\n  def g(): return 2", 2),
        ("if True:\n  print('a')\n  def g(): return 1\nelse:\n  def g(): return 2", 1),
        ("g = object()\ndel g\ndef g(): return 3", 3),
        ("class g:\n  def __new__(cls): return 1\nclass g:\n  def __new__(cls): return 4", 4),
        ("from operator import add as g\ng = functools.partial(g, 2, 3)", 5),
        ("g = functools.partial(int)\ng = functools.partial(g, '6')", 6),
        ("for _ in [1]:\n  def g(): return 7", 7),
        ("with open(__file__):\n  from builtins import int as g", 0),
        ("if True:\n\tprint('tab')\n\tdef g():\n\t\treturn 8", 8),
    ],
)
def test_the_last_binding_wins(workshop: Workshop, source: str, expected: int) -> None:
    """A name bound again has the value it has for the caller."""
    use = "import fake, functools, sys\n{}\n@fake.function\ndef f(): return g()\n"
    workshop.run(use.format(source))
    assert workshop.call() == expected


def test_what_changes_a_value_is_run_again_in_order(workshop: Workshop) -> None:
    """Augmented, item and attribute assignments follow the one that made the value."""
    workshop.run("""
        import fake
        class Config: pass
        STALE = Config()
        STALE.x = "gone"
        STALE = Config()
        STALE.x = 1
        STALE.y = [2]
        STALE.y[0] = 3
        HANDLERS = {}
        HANDLERS["a"] = print
        HANDLERS |= {"b": len}
        @fake.function
        def f(): return vars(STALE), sorted(HANDLERS), HANDLERS["b"]("xy")
    """)
    assert workshop.call() == ({"x": 1, "y": [3]}, ["a", "b"], 2)
    assert "gone" not in workshop.kept(workshop.capture())


def test_a_statement_that_binds_more_leaves_snapshots_alone(workshop: Workshop) -> None:
    """`a, LOCK = ...` is run for LOCK, and a keeps the value it had."""
    workshop.run("""
        import fake
        a, MARK = 1, object()
        a = a + 1
        @fake.function
        def f(): return a, type(MARK).__name__
    """)
    assert workshop.call() == (2, "object")


def test_setting_something_of_a_module_is_not_shipped(workshop: Workshop) -> None:
    """An import is shipped by itself: what the script did to the module stays there."""
    workshop.run("""
        import fake, os
        os.environ["FNQ_UNIT_LEAK"] = "1"
        @fake.function
        def f(): return os.environ.get("FNQ_UNIT_LEAK")
        del os.environ["FNQ_UNIT_LEAK"]
    """)
    assert workshop.call() is None


def test_definitions_register_themselves_in_the_worker_too(workshop: Workshop) -> None:
    """Singledispatch, a registry of functions, a base that minds its subclasses."""
    workshop.run("""
        import fake, functools
        HANDLERS = {}
        def handler(name):
            def enter(function):
                HANDLERS[name] = function
                return function
            return enter
        @functools.singledispatch
        def show(x): return "any"
        @show.register
        def _(x: int): return "int"
        @handler("a")
        def first(): return "a"
        class Base:
            known = []
            def __init_subclass__(cls): Base.known.append(cls.__name__)
        class One(Base): pass
        def logged(function): return function
        @logged
        def unrelated(): return undefined
        @fake.function
        @logged
        def f(): return show(1), show("x"), HANDLERS["a"](), Base.known
    """)
    assert workshop.call() == ("int", "any", "a", ["One"])
    assert "unrelated" not in workshop.kept(workshop.capture())


def test_every_dotted_import_of_a_package_is_shipped(workshop: Workshop) -> None:
    """`import a.b` and `import a.c` both bind a, and both are needed."""
    workshop.write("pkg/__init__.py", "")
    workshop.write("pkg/one.py", "X = 1")
    workshop.write("pkg/two.py", "Y = 2")
    workshop.run("""
        import fake
        import pkg.one
        import pkg.two
        @fake.function
        def f(): return pkg.one.X + pkg.two.Y
    """)
    assert workshop.call() == 3


def test_a_star_import_is_shipped_for_what_it_brought(workshop: Workshop) -> None:
    """`from helpers import *` binds whatever helpers has."""
    workshop.write("helpers.py", "def g(): return 5")
    workshop.run("""
        import fake
        from helpers import *
        @fake.function
        def f(): return g()
    """)
    assert workshop.call() == 5


def test_a_star_import_may_replace_a_def(workshop: Workshop) -> None:
    """And the other way round: the later one wins."""
    workshop.write("helpers.py", "def g(): return 'star'\ndef h(): return 'star'")
    workshop.run("""
        import fake
        def g(): return "own"
        from helpers import *
        def h(): return "own"
        @fake.function
        def f(): return g(), h()
    """)
    assert workshop.call() == ("star", "own")


def test_a_submodule_that_another_import_brought_is_there(workshop: Workshop) -> None:
    """`pkg.part.X` works though only `import pkg` is shipped."""
    workshop.write("pkg/__init__.py", "")
    workshop.write("pkg/part.py", "X = 1")
    workshop.write("lazy/__init__.py", "def __getattr__(name): import lazy.part; return lazy.part")
    workshop.write("lazy/part.py", "Y = 2")
    workshop.run("""
        import fake, pkg, lazy
        from pkg.part import X as unused
        import xml, xml.dom as unused_too
        @fake.function
        def f(): return pkg.part.X, lazy.part.Y, xml.dom.__name__
    """)
    before = workshop.capture().hash
    assert workshop.call() == (1, 2, "xml.dom")
    assert workshop.body("f")() == (1, 2, "xml.dom")
    assert workshop.capture().hash == before


def test_a_global_that_functions_rebind_is_a_snapshot(workshop: Workshop) -> None:
    """The worker does not decide what the script has decided since the import."""
    workshop.run("""
        import fake
        try:
            import json
            COUNT = 0
        except ImportError:
            COUNT = -1
        def bump():
            global COUNT
            COUNT += 1
            return COUNT
        bump()
        @fake.function
        def f(): return bump(), json.dumps(COUNT)
    """)
    assert workshop.call() == (2, "2")


def test_a_block_that_reaches_a_handle_gives_only_its_import(workshop: Workshop) -> None:
    """A call of a remote function in a shipped block would be run by every worker."""
    workshop.run("""
        import fake
        @fake.function
        def g(): return 1
        if fake:
            import json
            MADE = [g]
        @fake.function
        def f(): return json.dumps(1)
    """)
    assert workshop.call() == "1"
    assert "MADE" not in workshop.kept(workshop.capture())


def test_an_elif_is_not_torn_from_its_if(workshop: Workshop) -> None:
    """A branch of a block that is not shipped gives its definition, not its `elif`."""
    workshop.run("""
        import fake
        if fake is None:
            print("never")
        elif fake:
            def g(): return 1
        @fake.function
        def f(): return g()
    """)
    assert workshop.call() == 1
    assert "elif" not in workshop.kept(workshop.capture())


def test_an_assignment_that_awaits_is_refused(workshop: Workshop) -> None:
    """What only a notebook's top level can run is not run again in a worker."""
    from chalkcompute.capture.main import Main
    from chalkcompute.capture.plan import Plan
    from chalkcompute.capture.text import Text

    path = workshop.write("cell.py", "async def g(): pass\nX = await g()\ndef f(): return X\n")
    main = Main({"X": object(), "__file__": str(path)})
    text = Text(path.read_text(), "cell", "cell", "cell.py")
    with pytest.raises(DeployError, match=r"cell\.py:2: 'X'.*`await`"):
        Plan(main).want({"X": 3}, text)
