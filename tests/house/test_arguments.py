"""Every argument of the decorator has a row in README and a test that fails without it."""

from __future__ import annotations

import ast
import re

from chalkcompute.settings import ARGUMENTS
from tests.house import source

#: Of each argument, the test that fails where it is ignored.
PROOFS = {
    "image": "spec/test_example_images.py::test_the_example_of_entities_downloads_its_model_while_"
    "it_is_built",
    "max_replicas": "spec/test_replicas.py::test_there_are_no_more_replicas_than_a_function_may_"
    "have",
    "volumes": "spec/test_volumes.py::test_files_are_shared_by_functions_versions_and_stacks",
    "secrets": "spec/test_secrets.py::test_a_function_finds_its_secrets_and_what_it_calls_finds_"
    "none",
    "suspend_cooldown_period": "spec/test_replicas.py::test_a_function_without_calls_is_suspended_"
    "and_comes_back_on_the_first_one",
    "name": "spec/test_parameters.py::test_name_env_and_format_are_those_that_were_asked_for",
    "cpu": "spec/test_resources.py::test_cores_and_memory_are_limits",
    "memory": "spec/test_resources.py::test_cores_and_memory_are_limits",
    "gpu": "spec/test_resources.py::test_a_machine_that_lacks_something_runs_the_function_and_"
    "says_so",
    "env": "spec/test_parameters.py::test_name_env_and_format_are_those_that_were_asked_for",
    "min_replicas": "spec/test_deploys.py::test_the_replicas_asked_for_start_before_anybody_calls",
    "serialization_format": "spec/test_parameters.py::test_name_env_and_format_are_those_that_"
    "were_asked_for",
    "options": "spec/test_concurrency.py::test_calls_at_once_know_each_their_own_context_and_logs",
    "max_buffer_duration": "spec/test_batching.py::test_a_full_batch_leaves_at_once_and_a_lone_"
    "item_waits",
    "max_batching_size": "spec/test_batching.py::test_a_full_batch_leaves_at_once_and_a_lone_"
    "item_waits",
    "retries": "spec/test_retries.py::test_an_attempt_that_failed_is_repeated_where_that_helps",
    "rate_limit_key": "spec/test_limits.py::test_a_cap_and_a_rate_hold_calls_back_before_they_"
    "take_a_worker",
    "concurrency": "spec/test_concurrency.py::test_calls_at_once_know_each_their_own_context_and_"
    "logs",
    "timeout": "spec/test_time.py::test_a_run_that_takes_longer_than_its_timeout_ends_and_its_"
    "worker_goes_on",
    "max_queue": "spec/test_queue.py::test_a_full_queue_refuses_calls_of_each_form_at_once",
    "result_ttl": "spec/test_handles.py::test_what_has_expired_is_told_from_what_never_was",
}
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def test_the_table_has_every_argument_in_its_order() -> None:
    """That of the documentation; each row says where the argument takes effect."""
    text = (source.ROOT / "README.md").read_text("utf-8")
    _, _, section = text.partition("## Arguments of the decorator\n")
    assert ROW.findall(section.partition("\n## ")[0]) == list(ARGUMENTS)


def test_every_argument_has_its_proof() -> None:
    """The test that is named is there."""
    assert sorted(PROOFS) == sorted(ARGUMENTS)
    missing = [place for place in PROOFS.values() if not _is_there(place)]
    assert missing == []


def _is_there(place: str) -> bool:
    file, _, name = place.partition("::")
    path = source.ROOT / "tests" / file
    return path.is_file() and any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        for node in ast.parse(path.read_text("utf-8")).body
    )
