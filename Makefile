# Two commands matter: `make demo` and `make test`. Both set everything up.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	then echo $$p; break; fi; done)
VENV := .venv
PY := $(VENV)/bin/python
export PYTHONPATH := functions:.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A process that finds byte code starts a third of a second sooner: images of containers often forbid to write it.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast soak format lint check build deploy undeploy clean-deploy bench examples openapi asl watch diagrams lock clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# What is said, and asked, before an environment is set up.
define begin
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; found none on PATH" >&2; exit 1; }
	@echo "Setting up $(1) with $$($(PYTHON) --version) (about a minute the first time)"
endef

# pip compiles what it installs on one core, this on all; what cannot be compiled is no module of this Python.
define install
	@$(1)/bin/pip install --quiet --no-deps --no-compile --require-hashes -r $(2)
	@$(1)/bin/python -m compileall -q -j 0 $(1)/lib >/dev/null || true
endef

$(VENV)/.ready: requirements/dev.txt
	$(call begin,$(VENV))
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	$(call install,$(VENV),requirements/dev.txt)
	@touch $@

setup: $(VENV)/.ready ## install what the project needs into .venv

demo: $(VENV)/.ready ## run the loop end to end on this machine; SOURCE=<profile> DATA=<folder> for your files
	@ONA_CALLED_AS=./ona $(PY) -m ops demo $(if $(SOURCE),--source "$(SOURCE)") $(if $(DATA),--data "$(DATA)")

test: $(VENV)/.ready ## all tests
	@$(PY) -m pytest -n 2 --dist loadgroup

test-fast: $(VENV)/.ready ## unit tests, contract tests and the examples in docstrings
	@$(PY) -m pytest -n 2 tests/unit tests/contract functions ops local scripts

soak: $(VENV)/.ready ## the long tests: kills, thousands of files, fuzzing (half an hour and more)
	@$(PY) -m pytest -m soak --timeout=3600

.venv-sam/.ready: requirements/sam.txt
	$(call begin,.venv-sam)
	@rm -rf .venv-sam
	@$(PYTHON) -m venv .venv-sam
	$(call install,.venv-sam,requirements/sam.txt)
	@touch $@

format: $(VENV)/.ready ## write the code in the one form, imports in order
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

lint: $(VENV)/.ready .venv-sam/.ready ## every check that CI runs, except the tests
	@scripts/lint

check: lint test-fast ## lint and the fast tests: what to run before a commit

build: ## sam build, and the sizes of what it made (needs python3.13)
	@scripts/build --can-build
	@$(MAKE) --no-print-directory .venv-sam/.ready
	@scripts/build

# PROFILE: of ~/.aws/config, or `environment` for the shell's own credentials. DRY_RUN=1 says what would be done.
# PARAMETERS: "Name=value Name=value", they win over samconfig.toml.
PROFILE ?= environment
DEPLOY = ONA_CALLED_AS=./ona ONA_MADE_BY="make $@" $(PY) -m ops deploy $(1) --env $(ENV) --profile $(PROFILE) \
	$(foreach given,$(PARAMETERS),-p '$(given)') $(if $(DRY_RUN),--dry-run) $(if $(YES),--yes)
define env_is_given
	@test -n "$(ENV)" || { echo "say which environment: make $@ ENV=dev|staging|prod" >&2; exit 1; }
endef

deploy: $(VENV)/.ready ## build, check, deploy to AWS, validate: ENV=dev|staging|prod PROFILE=<profile> [PARAMETERS=Name=value] [DRY_RUN=1] [YES=1]
	$(env_is_given)
	@$(call DEPLOY,run)

undeploy: $(VENV)/.ready ## delete a deployment; data stays unless WITH_DATA=1: ENV=... PROFILE=... [DRY_RUN=1]
	$(env_is_given)
	@$(call DEPLOY,remove) $(if $(WITH_DATA),--with-data)

clean-deploy: $(VENV)/.ready ## remove what failed or older deployments left: ENV=... PROFILE=... [WITH_DATA=1] [DRY_RUN=1]
	$(env_is_given)
	@$(call DEPLOY,leftovers) $(if $(WITH_DATA),--with-data)

.venv-bench/.ready: requirements/bench.txt
	$(call begin,.venv-bench)
	@rm -rf .venv-bench
	@$(PYTHON) -m venv .venv-bench
	$(call install,.venv-bench,requirements/bench.txt)
	@touch $@

bench: .venv-bench/.ready ## accuracy and speed tables, beside their peers
	@.venv-bench/bin/python -m benchmarks

examples: $(VENV)/.ready ## run the notebooks of examples/ and store their outputs
	@set -e; for notebook in examples/*.ipynb; do echo "$$notebook"; $(PY) examples/execute.py "$$notebook"; done

openapi: $(VENV)/.ready ## write docs/openapi.json from the routes, and the catalogue's schema
	@$(PY) -m ops.openapi

asl: $(VENV)/.ready ## write statemachines/expanded/ from the workflows and their shared retries
	@$(PY) -m ops.asl

watch: $(VENV)/.ready ## write stacks/watch.yaml and its catalogue from the stacks and configs/operations/alarms.yaml
	@$(PY) -m ops.watch

diagrams: $(VENV)/.ready ## write docs/diagrams/ from the state machines
	@$(PY) scripts/diagrams.py

lock: ## write requirements/*.txt again (needs uv)
	uv pip compile requirements/dev.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links -o requirements/dev.txt --custom-compile-command "make lock"
	uv pip compile requirements/sam.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links -o requirements/sam.txt --custom-compile-command "make lock"
	uv pip compile requirements/bench.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links -o requirements/bench.txt --custom-compile-command "make lock"

clean: ## remove environments, builds and the embedded cloud's state
	rm -rf $(VENV) .venv-sam .venv-bench .aws-sam .ona .demo reports .pytest_cache .mypy_cache .ruff_cache
