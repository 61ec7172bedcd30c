"""Secrets in Variables of Nomad, by label; the other side answers in Nomad's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_core.secrets import Label
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.variables import Variables
from fnq_server.secrets.seam import SecretStore
from fnq_server.secrets.variables import VariableStore, path_of
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving

HF = Label("env", "HF_TOKEN")
AWS = Label("integration", "aws.prod-1")
LOCAL = Label("local_env", "HF_TOKEN", "embed")
#: What Nomad takes as a path.
PATH = re.compile(r"[a-zA-Z0-9-_~/]{1,128}")


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _store(api: NomadApi) -> VariableStore:
    return VariableStore(Variables(NomadDoor(Access(api.address))))


async def test_what_is_set_is_found_by_its_label_alone(api: NomadApi) -> None:
    """Not by that of another source, namespace or function."""
    store: SecretStore = _store(api)
    await store.set("default", HF, {"HF_TOKEN": "hf_1"})
    await store.set("default", AWS, {"KEY": "k", "SECRET": "s"})
    await store.set("default", LOCAL, {"HF_TOKEN": "mine"})
    found = await store.get("default", [LOCAL, HF, AWS, Label("env", "NONE")])
    assert found == [{"HF_TOKEN": "mine"}, {"HF_TOKEN": "hf_1"}, {"KEY": "k", "SECRET": "s"}, None]
    assert await store.get("team", [HF]) == [None]
    assert sorted(api.vars.items) == [
        "fnq/secrets/default/env/HF_TOKEN",
        "fnq/secrets/default/integration/aws~2Eprod-1",
        "fnq/secrets/default/local_env/embed/HF_TOKEN",
    ]


async def test_what_is_set_anew_takes_the_place_of_all_that_was(api: NomadApi) -> None:
    """Though others change it meanwhile."""
    store = _store(api)
    await store.set("default", AWS, {"KEY": "k", "SECRET": "s"})
    api.vars.rivals = 2
    await store.set("default", AWS, {"KEY": "new"})
    assert await store.get("default", [AWS]) == [{"KEY": "new"}]


async def test_no_label_leads_out_of_its_namespace(api: NomadApi) -> None:
    """Whatever whoever asks calls the source of a secret, or the secret."""
    api.vars.write("nomad/jobs", {"REDIS_PASSWORD": "x"})
    store = _store(api)
    for label in (Label("../../../nomad", "jobs"), Label("env", "../../../../nomad/jobs")):
        assert await store.get("default", [label]) == [None]
        assert not await store.delete("default", label)
        assert await store.entries("default", label.source) == []
    assert list(api.vars.items) == ["nomad/jobs"]


async def test_entries_are_listed_by_name_without_values(api: NomadApi) -> None:
    """Those of one source and namespace."""
    store = _store(api)
    names = ["Z", "A", "x" * 100]
    for each in names:
        await store.set("default", Label("env", each), {each: "v"})
    await store.set("default-2", HF, {"HF_TOKEN": "v"})
    await store.set("default", AWS, {"S": "s", "K": "k"})
    assert [each.name for each in await store.entries("default", "env")] == sorted(names)
    [entry] = await store.entries("default", "integration")
    assert (entry.name, entry.variables) == ("aws.prod-1", ("K", "S"))
    assert entry.set_ms > 1_700_000_000_000


async def test_what_an_operator_wrote_there_is_named(api: NomadApi) -> None:
    """With what to do about it."""
    api.vars.write("fnq/secrets/default/env/A", {"A": "1"})
    with pytest.raises(StackError) as told:
        await _store(api).entries("default", "env")
    assert str(told.value) == (
        "the variable fnq/secrets/default/env/A of Nomad was written by something else: delete it "
        "with `nomad var purge fnq/secrets/default/env/A`, and set what was in it with "
        "`fnq secret set`"
    )


async def test_a_function_that_is_deleted_leaves_nothing(api: NomadApi) -> None:
    """And takes nothing from another whose name begins as its own does."""
    store = _store(api)
    other = Label("local_env", "HF_TOKEN", "embed2")
    for each in (HF, LOCAL, other):
        await store.set("default", each, {"HF_TOKEN": "v"})
    await store.forget("default", "embed")
    await store.forget("default", "embed")
    assert await store.get("default", [LOCAL]) == [None]
    assert await store.delete("default", other)
    assert not await store.delete("default", other)
    assert await store.get("default", [HF]) == [{"HF_TOKEN": "v"}]


async def test_what_is_too_large_is_refused_without_its_value(api: NomadApi) -> None:
    """Nomad keeps 64 KiB with names."""
    with pytest.raises(StackError) as told:
        await _store(api).set("default", HF, {"HF_TOKEN": "x" * 65_536})
    assert re.fullmatch(
        r"the secret HF_TOKEN takes \d+ bytes, and Nomad keeps 65536 in a variable at most",
        str(told.value),
    )


_NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=128)
_LABELS = st.one_of(
    st.builds(Label, st.just("env"), _NAMES),
    st.builds(Label, st.just("integration"), _NAMES),
    st.builds(Label, st.just("local_env"), _NAMES, _NAMES),
)


@given(_NAMES, _LABELS, _NAMES, _LABELS)
def test_paths_are_what_nomad_takes_and_no_two_are_one(
    space: str, label: Label, other_space: str, other: Label
) -> None:
    """Whatever the names are, and however long."""
    assert PATH.fullmatch(path_of(space, label))
    same = (space, label) == (other_space, other)
    assert (path_of(space, label) == path_of(other_space, other)) is same
