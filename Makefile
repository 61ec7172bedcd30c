# Every target that runs Python sets up .venv by itself.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check proto bench bench-cold peers kill soak images base cluster cluster-down cluster-test images-test nomad-test clean

# The tests start thousands of processes; each would compile fnq anew.
unexport PYTHONDONTWRITEBYTECODE

#: Any Python from 3.11 on; the environment is made with it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
#: `full` or `short`.
KILL ?= full
SOAK ?= full
BENCH ?= full
#: `raw_exec`, `docker`, or both.
COLD ?= raw_exec docker
#: Of `make cluster`: how tasks run (raw_exec or docker), and functions; how many servers and
#: consumers there are, what stands before -server in the images' names, and Redis' image.
DRIVER ?= raw_exec
WORKERS ?= $(DRIVER)
SERVERS ?= 1
CONSUMERS ?= 1
IMAGE ?= fnq
REDIS_IMAGE ?= redis:7-bookworm
#: Ports at which the cluster's agents answer from their start on; those beside them are
#: taken too.
CONSUL_PORT ?= 8500
NOMAD_PORT ?= 4646
#: Where `make proto` puts what it generates.
OUT ?= proto
#: Image that has Python with venv, and on which those of the services are built;
#: FNQ_BASE names it to the tests, too.
BASE ?= $(or $(FNQ_BASE),python:3.12-slim)
#: Image in which their packages are installed: that of `make base` knows where from.
BUILD_BASE ?= $(BASE:fnq-base=fnq-base-build)
#: Tag of the images.
TAG ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
#: More arguments for docker build: make images BUILD='--network host'
BUILD ?=
#: Processes that share the tests, which wait for much of their time; of those over real
#: processes a folder's run one by one.
TESTERS ?= 3
#: More arguments for pytest: make test ARGS='-k arrow'.
ARGS ?=

help:  ## Print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv with fnq, its extras and the tools

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fnq needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>&1 || echo missing`." >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all]' --group dev
	@touch $@

demo: setup  ## Transcribe a recording while it is decoded, each segment glossed by a second function
	$(BIN)/python examples/transcribe.py

test: setup  ## Run the tests, except those that have a target of their own
	$(BIN)/python -m pytest -n $(TESTERS) -p no:rerunfailures $(ARGS)
	@# What else runs on the machine only delays these, so each may try thrice; the tries are told.
	@# Where ARGS selects none of them, pytest says so by 5.
	$(BIN)/python -m pytest -m timed --reruns 2 $(ARGS) || test $$? -eq 5

check: setup  ## Lint, formatting, types, floors, and that the stubs are the proto's
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house/test_stubs.py

proto: setup  ## Generate the stubs beside the .proto files
	$(BIN)/python -m grpc_tools.protoc -I proto --python_out=$(OUT) --pyi_out=$(OUT) proto/fnq/v1/*.proto
	$(BIN)/python -m grpc_tools.protoc -I proto --grpc_python_out=$(OUT) \
	  $(shell grep -l '^service' proto/fnq/v1/*.proto)

bench: setup  ## Measure calls and chunks beside raw gRPC and raw Redis (BENCH=short: a minute)
	$(BIN)/python tests/bench $(BENCH)

bench-cold: setup  ## Time cold calls on clusters, as processes and in containers (needs nomad, consul, make images)
	$(BIN)/python -m tests.bench.cold $(COLD)

peers:  ## Make .venv-peers with Ray and Dask, which make bench then measures too
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --group peers

kill: setup  ## Kill each process under load; every result must be exact (KILL=short: less load)
	@# A pause may be tried thrice, as what is timed; a result that is not exact never.
	FNQ_KILL=$(KILL) $(BIN)/python -m pytest -m kill tests/kill --reruns 2 --only-rerun 'paused for' $(ARGS)

soak: setup  ## Much work, to see what stays bounded (SOAK=short: less of it)
	@# How fast one is beside others may be tried thrice, as what is timed; what stays bounded never.
	FNQ_SOAK=$(SOAK) $(BIN)/python -m pytest -m soak tests/soak --reruns 2 --only-rerun 'slower beside it' $(ARGS)

images-test: setup  ## Build images, with uv and a Docker engine, and run functions in them
	$(BIN)/python -m pytest -m images tests/integration tests/spec $(ARGS)

nomad-test: setup  ## Start workers on a Nomad of the tests' own (needs nomad)
	$(BIN)/python -m pytest -m nomad tests/integration $(ARGS)

images:  ## Build fnq-server, fnq-consumer and fnq-worker (BASE=image, TAG=tag; needs Docker)
	set -e; for each in server consumer worker; do \
	  docker build $(BUILD) --build-arg BASE=$(BASE) --build-arg BUILD_BASE=$(BUILD_BASE) \
	    -f services/$$each/Dockerfile -t fnq-$$each:$(TAG) .; done

base: setup  ## Make the image fnq-base from Debian packages, for BASE where no registry is (needs root)
	$(BIN)/python services/base.py fnq-base

CLUSTER := $(BIN)/python -m jobs.cluster --consul-port $(CONSUL_PORT) --nomad-port $(NOMAD_PORT)

cluster: setup  ## Start Consul, Nomad and the system's jobs here: eval "$(make -s cluster)"
	@$(CLUSTER) --driver $(DRIVER) --workers $(WORKERS) --servers $(SERVERS) --consumers $(CONSUMERS) \
	  --image $(IMAGE) --tag $(TAG) --redis-image $(REDIS_IMAGE) up

cluster-down:  ## End that cluster, its jobs and functions, and remove what they kept
	@$(CLUSTER) down

cluster-test: setup  ## Run tests/spec and more on clusters of their own (needs nomad and consul)
	$(BIN)/python -m pytest -m cluster -o faulthandler_timeout=1800 tests/cluster $(ARGS)

clean:  ## Remove .venv, caches and builds
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find proto sdk services tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
