"""The one door to Nomad; the other side is a stand-in that answers in Nomad's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fnq_server.orchestrator.nomad import door as door_module
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.job import Job
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation, job

TOKEN = "3f9b8c1e-hunter2"
ID = "fnq-f-abc01234"


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _door(api: NomadApi, **changes: Any) -> NomadDoor:
    return NomadDoor(
        Access(**({"address": api.address, "token": TOKEN, "nomad_namespace": "fn"} | changes))
    )


def _job() -> Job:
    made: Any = job(ID=ID)
    return made  # type: ignore[no-any-return]


async def test_every_request_carries_the_token_and_the_namespace(api: NomadApi) -> None:
    """Also those that the client of Nomad has no method for."""
    door = _door(api, region="eu")
    await door.register(_job(), 0)
    await door.scale(ID, 2, 101)
    await door.job(ID)
    await door.evaluations(ID)
    await door.allocations(ID)
    await door.log("a1", "stdout", 10)
    await door.deregister(ID)
    await door.jobs()
    await door.all_allocations()
    await door.nodes()
    assert api.tokens == {TOKEN}
    places = {(query.get("namespace"), query.get("region")) for query in api.queries}
    # Nodes belong to no namespace.
    assert places - {(None, "eu")} == {("fn", "eu")}
    assert [each for each, query in zip(api.asked, api.queries, strict=True)
            if "namespace" not in query] in ([], [("GET", "nodes")])  # fmt: skip


async def test_a_job_is_registered_once(api: NomadApi) -> None:
    """Who comes second is told, and so is who read it before it changed."""
    door = _door(api)
    assert await door.register(_job(), 0)
    assert not await door.register(_job(), 0)
    assert not await door.register(_job(), 7)
    assert not await door.scale(ID, 3, 7)
    assert await door.scale(ID, 3, 101)
    found = await door.job(ID)
    assert found is not None
    assert found["TaskGroups"][0]["Count"] == 3


async def test_what_is_not_there_is_none(api: NomadApi) -> None:
    """A job, and a log that was not begun."""
    door = _door(api)
    assert await door.job(ID) is None
    assert await door.log("a1", "stderr", 10) is None
    with pytest.raises(StackError, match=f'refuses to scale the job {ID} to 1: job "{ID}" not fo'):
        await door.scale(ID, 1, 0)


async def test_a_log_is_bytes_from_its_end(api: NomadApi) -> None:
    """Nobody decodes it on the way."""
    api.logs["a1", "stderr"] = "one\ngrün\n".encode()
    assert await _door(api).log("a1", "stderr", 6) == "grün\n".encode()


async def test_a_change_is_waited_for(api: NomadApi) -> None:
    """With the index of what is known; what is there already is told at once."""
    door = _door(api)
    found, index = await door.changed_allocations(ID, 0, 5)
    assert (found, index) == ([], 100)
    api.place(ID, allocation("running"))
    found, index = await door.changed_allocations(ID, index, 5)
    assert ([each["ClientStatus"] for each in found], index) == (["running"], 101)
    found, index = await door.changed_allocations(ID, index, 0.01)
    assert (len(found), index) == (1, 101)


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (
            (403, "Permission denied"),
            (r"does not let us list nodes in its namespace 'fn' \(Permission denied\): "
            "set NOMAD_TOKEN to a token that may, by a policy with node { policy = \"read\" }$"),
        ),
        (
            (
                500,
                ("1 error occurred:\n\t* Task group worker validation failed: 1 error occurred:"
                "\n\t* Task worker validation failed: 1 error occurred:\n\t* 1 error occurred:"
                "\n\t* 1 error occurred:\n\t* minimum MemoryMB value is 10; got 5\n\n\n\n\n\n"),
            ),
            ("refuses to list nodes: Task group worker validation failed: "
            "Task worker validation failed: minimum MemoryMB value is 10; got 5$"),
        ),
        ((500, '1 error occurred:\n\t* job "x" is in nonexistent node pool "gpu"\n\n'),
         'refuses to list nodes: job "x" is in nonexistent node pool "gpu"$'),
        ((500, "No cluster leader"),
         r"cannot list nodes \(No cluster leader\): see whether nomad server members names"),
        ((400, "Client sent an HTTP request to an HTTPS server."),
         r"speaks TLS: write https:// in --nomad or NOMAD_ADDR$"),
        ((502, ""), "refuses to list nodes: no reason given"),
        ((200, "<html>"), "is not Nomad, asked to list nodes: check --nomad"),
        ((301, "http://127.0.0.1:1/"), "sends us elsewhere, and the token goes nowhere else"),
    ],
    ids=["token", "nested", "pool", "leaderless", "plain", "empty", "html", "moved"],
)  # fmt: skip
async def test_a_refusal_is_told_in_nomads_words(
    api: NomadApi, refusal: tuple[int, str], problem: str
) -> None:
    """In one line, with Nomad's address and never the token."""
    api.refusal = refusal
    with pytest.raises(StackError, match=problem) as caught:
        await _door(api).nodes()
    assert api.address in str(caught.value)
    assert TOKEN not in repr(caught.value)
    assert "\n" not in str(caught.value)


async def test_the_token_goes_nowhere_else(api: NomadApi) -> None:
    """A redirection is not followed, whatever the verb."""
    with serving() as other:
        api.refusal = (307, f"{other.address}/v1/job/{ID}")
        with pytest.raises(StackError):
            await _door(api).deregister(ID)
        with pytest.raises(StackError):
            await _door(api).register(_job(), 0)
        assert other.asked == []


async def test_a_nomad_that_is_away_is_told_with_the_remedy() -> None:
    """And with the system's reason; a password in the address is not shown."""
    access = Access("http://me:hunter2@127.0.0.1:1", TOKEN)
    text = r"no Nomad .* http://127\.0\.0\.1:1 \(Connection refused\): check --nomad or NOMAD_ADDR"
    with pytest.raises(StackError, match=text) as caught:
        await NomadDoor(access).nodes()
    assert "hunter2" not in str(caught.value) + repr(access) + repr(NomadDoor(access))


async def test_a_nomad_that_does_not_answer_is_given_up(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its time, a node sooner; the loop goes on meanwhile."""
    patient = _door(api)
    monkeypatch.setattr(door_module, "_ANSWER_S", 0.05)
    monkeypatch.setattr(door_module, "_NODE_S", 0.05)
    door = _door(api)
    api.gate.clear()
    try:
        with pytest.raises(StackError, match="did not answer in time, asked to list nodes"):
            await door.nodes()
        with pytest.raises(StackError, match="did not answer in time, asked to show the stderr"):
            await patient.log("a", "stderr", 1)
    finally:
        api.gate.set()


def test_what_lets_us_in_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the names of Nomad's own command; an address that is given comes first."""
    for name in ("NOMAD_ADDR", "NOMAD_TOKEN", "NOMAD_REGION", "NOMAD_SKIP_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    assert Access.of(None, "fn") == Access("http://127.0.0.1:4646", nomad_namespace="fn")
    for name, value in (
        ("NOMAD_ADDR", "https://nomad.internal:4646/"),
        ("NOMAD_TOKEN", TOKEN),
        ("NOMAD_NAMESPACE", "another"),
        ("NOMAD_REGION", "eu"),
        ("NOMAD_CACERT", "/ca.pem"),
        ("NOMAD_CLIENT_CERT", "/c.pem"),
        ("NOMAD_CLIENT_KEY", "/k.pem"),
    ):
        monkeypatch.setenv(name, value)
    access = Access.of(None, "fn")
    assert access == Access(
        "https://nomad.internal:4646", TOKEN, "fn", "eu", "/ca.pem", ("/c.pem", "/k.pem")
    )
    assert access.verify
    monkeypatch.setenv("NOMAD_SKIP_VERIFY", "true")
    assert not Access.of(None, "fn").verify
    assert Access.of("http://127.0.0.1:1", "fn").address == "http://127.0.0.1:1"


@pytest.mark.parametrize("address", ["nomad:4646", "127.0.0.1:4646", "unix:///api.sock", "http://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """With what is expected."""
    with pytest.raises(ValueError, match="expected http://HOST:PORT or https://HOST:PORT, not"):
        Access(address)


def test_certificates_are_checked_unless_somebody_says_otherwise(api: NomadApi) -> None:
    """The client of Nomad would not; nothing of ours follows a proxy or ~/.netrc."""

    def verify(**changes: Any) -> object:
        session = _door(api, **changes)._nomad.job
        assert session.session.trust_env is False
        return session.verify

    assert verify() is True
    assert verify(authority="/ca.pem") == "/ca.pem"
    assert verify(verify=False, authority="/ca.pem") is False
