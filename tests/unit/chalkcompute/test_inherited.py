"""What a stack takes over from whoever starts it."""

from __future__ import annotations

import pytest

from chalkcompute.inherited import inherited, missed


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "TMPDIR", "LC_ALL", "XDG_RUNTIME_DIR", "PYTHONPATH", "FNQ_HOME"),
        *("FNQ_LOCAL_STRICT", "https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE", "CURL_CA_BUNDLE"),
        *("PIP_INDEX_URL", "UV_INDEX_INTERNAL_PASSWORD", "CUDA_VISIBLE_DEVICES", "HF_HOME"),
        *("REQUESTS_CA_BUNDLE", "DOCKER_HOST", "LD_LIBRARY_PATH", "OMP_NUM_THREADS"),
        *("TOKENIZERS_PARALLELISM", "NLTK_DATA", "OTEL_SERVICE_NAME", "TF_CPP_MIN_LOG_LEVEL"),
        *("JAVA_HOME", "TIKTOKEN_CACHE_DIR", "MODELSCOPE_CACHE"),
    ],
)
def test_what_says_where_things_are_comes_along(name: str) -> None:
    """Places, the network, devices, and where packages come from."""
    assert inherited({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        *("MY_LOCAL_TOKEN", "OPENAI_API_KEY", "DATABASE_URL", "PGHOST", "MODE", "REDIS_URL"),
        *("AWS_SECRET_ACCESS_KEY", "FNQ_TOKEN", "HF_TOKEN", "REDIS_PASSWORD", "my_api_key"),
        *("CONSUL_HTTP_TOKEN", "FNQ_SECRET_X", "XPATH", "PATHS"),
        *("AWS_PROFILE", "OTEL_EXPORTER_OTLP_HEADERS", "TF_VAR_db", "CERT_PASSPHRASE"),
    ],
)
def test_what_one_shell_has_exported_does_not(name: str) -> None:
    """It is for that shell, and not for all functions."""
    assert inherited({name: "x"}) == {}


def test_a_function_that_misses_a_variable_is_told_where_to_name_it() -> None:
    """Only where it is set here: any other KeyError is the function's own affair."""
    assert "names it in env= or secrets=" in missed("KeyError: 'AWS_PROFILE'", {"AWS_PROFILE": "x"})
    assert missed("its import failed: KeyError: 'A' (x.py, line 3); correct that", {"A": "x"})
    assert missed("KeyError: 'AWS_PROFILE'", {}) == ""
    assert missed("KeyError: 'a b'", {"a b": "x"}) == ""
    assert missed("ValueError: AWS_PROFILE", {"AWS_PROFILE": "x"}) == ""
