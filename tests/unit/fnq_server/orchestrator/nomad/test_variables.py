"""Variables of Nomad: each write is bound to what was read, and no value is ever told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fnq_server.orchestrator.nomad.door import Access, DeniedError, NomadDoor
from fnq_server.orchestrator.nomad.handover import Handover
from fnq_server.orchestrator.nomad.injection import has_secrets, path_of, template
from fnq_server.orchestrator.nomad.variables import Variable, Variables
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving

PATH = "nomad/jobs/fnq-f-abc01234"
VALUE = "hunter2-c0ffee"


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _variables(api: NomadApi) -> Variables:
    return Variables(NomadDoor(Access(api.address, nomad_namespace="fn")))


async def test_a_variable_is_written_only_where_it_changes(api: NomadApi) -> None:
    """With the index of what was read, in the namespace of the door."""
    variables = _variables(api)
    for items in ({"A": "1"}, {"A": "1"}, {"B": "2"}):
        await variables.put(PATH, items)
        assert api.vars.items[PATH] == items
    writes = [
        query for (method, _), query in zip(api.asked, api.queries, strict=True) if method == "PUT"
    ]
    assert writes == [
        {"cas": "0", "namespace": "fn"},
        {"cas": "1001", "namespace": "fn"},
    ]


async def test_a_variable_is_found_listed_and_deleted(api: NomadApi) -> None:
    """What is not there is None, and deleting it twice is fine."""
    variables = _variables(api)
    assert await variables.get(PATH) is None
    await variables.put(PATH, {"A": VALUE})
    found = await variables.get(PATH)
    assert found == Variable({"A": VALUE}, 1001)
    assert VALUE not in repr(found)
    assert await variables.paths("nomad/jobs/") == [PATH]
    assert await variables.paths("fnq/") == []
    assert await variables.delete(PATH)
    assert not await variables.delete(PATH)


async def test_who_loses_a_race_looks_again(api: NomadApi) -> None:
    """Writing and deleting; in the end it is as wanted, or said that it cannot be."""
    variables = _variables(api)
    api.vars.rivals = 3
    await variables.put(PATH, {"A": "1"})
    assert api.vars.items[PATH] == {"A": "1"}
    api.vars.rivals = 3
    assert await variables.delete(PATH)
    assert api.vars.items == {}
    for work in (lambda: variables.put(PATH, {"A": "1"}), lambda: variables.delete(PATH)):
        api.vars.write(PATH, {"B": "2"})
        api.vars.rivals = 1_000
        with pytest.raises(StackError, match=f"the variable {PATH} of Nomad is changed by others"):
            await work()


async def test_what_nomad_refuses_is_told_without_the_value(api: NomadApi) -> None:
    """A path that the token may not touch, and what is too large."""
    variables = _variables(api)
    with pytest.raises(StackError) as told:
        await variables.put(PATH, {"A": VALUE * 10_000})
    assert str(told.value) == (
        f"Nomad at {api.address} refuses to write the variable {PATH}: "
        "variables are limited to 64KiB in total size"
    )
    api.vars.denied.add("nomad/jobs")
    with pytest.raises(StackError) as told:
        await variables.put(PATH, {"A": VALUE})
    assert str(told.value) == (
        f"Nomad at {api.address} does not let us read the variable {PATH} in its namespace 'fn' "
        "(Permission denied): set NOMAD_TOKEN to a token that may, by a policy with "
        f'namespace "fn" {{ variables {{ path "{PATH}" {{ capabilities = ["read"] }} }} }}'
    )


async def test_a_job_is_handed_64_kib_at_most(api: NomadApi) -> None:
    """Which is known before Nomad is asked."""
    handover = Handover(_variables(api))
    with pytest.raises(StackError, match="its secrets take 65537 bytes together, and Nomad"):
        await handover.give("fnq-f", {"A": "x" * 65_536})
    assert api.asked == []
    await handover.give("fnq-f", {"A": "x" * 65_535})
    await handover.take_back("fnq-f")
    await handover.take_back("fnq-f")
    assert api.vars.items == {}


def test_a_template_names_the_job_s_own_variable_and_quotes_what_is_in_it() -> None:
    """Whatever the items are called: an integration's are known to the variable alone."""
    assert path_of("fnq-f-abc01234") == PATH
    assert template("fnq-f-abc01234") == (
        '{{ with nomadVar "nomad/jobs/fnq-f-abc01234" }}{{ range $name, $item := . }}'
        "FNQ_SECRET_{{ $name }}={{ $item.Value | toJSON }}\n{{ end }}{{ end }}"
    )
    assert not has_secrets({"TaskGroups": [{"Tasks": [{"Templates": None}, {}]}]})


async def test_variables_that_may_not_be_read_are_denied_and_not_left_out(api: NomadApi) -> None:
    """Nomad lists none in place of an error; where there is none, none is listed."""
    variables = _variables(api)
    api.vars.write("fnq/secrets/a", {"A": "1"})
    assert await variables.paths("fnq/secrets/") == ["fnq/secrets/a"]
    assert await variables.paths("fnq/others/") == []
    api.vars.denied.add("fnq/secrets")
    with pytest.raises(DeniedError, match="does not let us list the variables below fnq/secrets/"):
        await variables.paths("fnq/secrets/")
