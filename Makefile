# Everything a person does with this checkout. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help setup up demo deploy test lint format docs images nights bench bench-marts bench-ask-less look containers system fuzz kill clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
# Processes that share the tests. Each starts servers of its own.
JOBS ?= 3
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.setup-done

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## .venv with the package and its development tools (the other targets call it)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(RUN) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || rm -rf $(VENV)
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "Installing into $(VENV); the first time this takes some minutes."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

up: setup  ## Prefect's UI with a worker, all deployments and a sandbox, until Ctrl-C (WITHOUT_SANDBOX=1: your accounts)
	@$(RUN) -m deployments.up $(if $(WITHOUT_SANDBOX),--without-sandbox) $(if $(PORT),--port $(PORT)) $(if $(FOLDER),--folder $(FOLDER))

demo: setup  ## a sandbox factory and two nights of nightly_sync into a SQLite file
	@$(RUN) -m deployments.demo

deploy: setup  ## deploy every flow for every account (ACCOUNTS="one two": for these) with the server of PREFECT_API_URL
	@$(RUN) -m deployments.deploy $(ACCOUNTS)

test: setup  ## the whole test suite, on SQLite and on a real PostgreSQL
	@$(RUN) -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder

lint: setup  ## check style, types and the direction of imports
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: setup  ## format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

docs: setup  ## write the pages that are generated from the code
	@$(RUN) -m tests.support.settings_page --write

images: setup  ## the pictures of the report in docs/images, as the tests see it; look at them
	@TUYAHOUSE_TEST_IMAGES=$(CURDIR)/docs/images $(RUN) -m pytest -q tests/report/test_pages.py

bench: setup  ## ratios against hand-written loops (benchmarks/README.md)
	@$(RUN) -m benchmarks

bench-marts: setup  ## what marts cost on a million and ten million steps (benchmarks/marts.py; half an hour)
	@$(RUN) -m benchmarks.marts
	@$(RUN) -m benchmarks.marts_night

look: setup  ## start make up, drive its UI in a browser, stop it (some minutes)
	@TUYAHOUSE_TEST_UP=1 $(RUN) -m pytest --timeout=900 -o faulthandler_timeout=3600 tests/deployment/test_up.py

containers: setup  ## build the image, run nights in compose and in pods, kill a database (podman; some minutes)
	@CONTAINERS=1 .ci/system
	@TUYAHOUSE_TEST_CONTAINERS=1 $(RUN) -m pytest --timeout=1500 -o faulthandler_timeout=3600 tests/containers

bench-ask-less: setup  ## calls of thirty nights by strategy, without HTTP (benchmarks/ask_less.py)
	@$(RUN) -m benchmarks.ask_less

system:  ## install the system packages that some tests need, if it may
	@.ci/system

fuzz: setup  ## run the fuzz tests with a million generated inputs
	@TUYAHOUSE_TEST_FUZZ=1000000 $(RUN) -m pytest -m fuzz --numprocesses=$(JOBS) --timeout=0 -o faulthandler_timeout=3600

nights: setup  ## thirty nights of 12,000 units: every mart is the truth; ten of 20,000 over HTTP: so is what was asked
	@TUYAHOUSE_TEST_FACTORY=60x200 $(RUN) -m pytest -q tests/marts/test_reference_factory.py --timeout=0 -o faulthandler_timeout=7200
	@TUYAHOUSE_TEST_NIGHTS=10x100x240 $(RUN) -m pytest -q -s tests/flows/test_asking_less.py --timeout=0 -o faulthandler_timeout=7200

kill: setup  ## run the kill tests with fifty kills and fifty pauses at random instants
	@TUYAHOUSE_TEST_KILLS=50 $(RUN) -m pytest -m kill --timeout=0 -o faulthandler_timeout=3600

clean:  ## remove everything that make created
	rm -rf $(VENV) .up .demo .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
