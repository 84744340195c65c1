# make run and make test are all that one needs: they call the other targets, which do nothing when nothing is to do.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run test test-engines chaos soak-tests soak-services soak soak-engine soak-kills acceptance check fields fuzz bench venv engine images install uninstall clean

BIN := .venv/bin
ARGS ?=
RUNS ?= 20
SECONDS ?= 600
SUITE ?= sid
PREFIX ?= /usr/local
export PYTHON
# The tests of the engine wait most of their time; WORKERS=0 runs all tests in one process.
WORKERS ?= $(shell echo $$(( $$(nproc) < 4 ? 2 * $$(nproc) : 8 )))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

run: venv engine images ## run the demo in specs/ until Ctrl-C
	@exec $(BIN)/orchestrator run specs --live --down-on-exit

test: venv engine images ## all tests: unit, component, contract, e2e (ARGS="-k L10" picks some)
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup --durations=10 $(ARGS)

test-engines: venv engine images ## contract and e2e tests on Debian's newest engine (SUITE=trixie for that release's)
	@$(BIN)/python -m tests.needs
	@SUITE=$(SUITE) scripts/newest_engine.sh $(BIN)/pytest -n $(WORKERS) --dist loadgroup --durations=10 tests/contract tests/e2e $(ARGS)

soak-tests: venv engine images ## the tests that race, twenty times; the first failure ends it (RUNS=5 for less)
	@for run in $$(seq $(RUNS)); do \
		echo "run $$run of $(RUNS)"; $(BIN)/pytest -n $(WORKERS) --dist loadgroup -x -q -m races -p no:cacheprovider $(ARGS) || exit 1; \
	done

soak-services: venv engine images ## 200 rolling restarts, and 30 s without a daemon, under a stream of requests
	@SOAK_SERVICES=1 $(BIN)/pytest -x -q -s -p no:cacheprovider tests/e2e/test_service_soak.py $(ARGS)

chaos: venv engine images ## kill -9 at every operation boundary of a pod's life; a table of what came of it (ARGS="--every 10" for less)
	@$(BIN)/python -m tests.chaos $(ARGS)

soak-engine: venv engine images ## an engine in trouble, a minute of each kind
	@SOAK_ENGINE=1 $(BIN)/pytest -x -q -s -p no:cacheprovider tests/e2e/test_engine_trouble.py tests/e2e/test_dockerd.py $(ARGS)

soak: venv engine images ## 40 pods, random edits, crashes, troubles and kills for ten minutes (SECONDS=3600 for more)
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(ARGS)

soak-kills: venv engine images ## a thousand daemons killed one after another (simulated engine), and fifty on the real one
	@SOAK_KILLS=1000 $(BIN)/pytest -x -q -p no:cacheprovider tests/component/node/test_many_lives.py tests/e2e/test_many_lives.py $(ARGS)

fuzz: venv ## hostile bytes for the loader of specs, for ten minutes (SECONDS=60 for less)
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

check: venv ## linters, formatting, types, import rules
	@failed=0; for tool in "ruff check ." "ruff format --check ." mypy lint-imports; do \
		$(BIN)/$$tool || failed=1; \
	done; exit $$failed

acceptance: venv engine ## real manifests against a real daemon (the cases are not in this repository)
	@$(BIN)/python -m scripts.acceptance $(ARGS)

fields: venv ## docs/fields.md from the types
	@$(BIN)/python -m scripts.fields

bench: venv engine images ## measure against the bare Engine API
	@$(BIN)/python -m tests.bench $(ARGS)

venv: $(BIN)/orchestrator ## the virtual environment .venv with .venv/bin/orchestrator
	@:

$(BIN)/orchestrator: pyproject.toml
	@scripts/venv.sh

engine: ## a container engine that answers (installs Docker as root on Debian and Ubuntu)
	@scripts/engine.sh

images: engine ## the demo's image, made from Debian packages
	@$$(scripts/python.sh) -m images.build

install: ## install as a system service (PREFIX=/usr/local, DESTDIR=)
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install.sh

uninstall: ## remove it again; pods, specs and state stay (PURGE=1 removes the state)
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) PURGE=$(PURGE) scripts/uninstall.sh

clean: ## remove .venv and caches; running pods and images stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
