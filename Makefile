# support-service: everything a person needs, with Python 3.11+ and make alone.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check stack stack-down bench load campaign-events campaign-cases lock clean
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PORT ?= 8360
OLIST ?=
ONLY ?=
SET ?=
ARGS ?=
UPGRADE ?= --upgrade
LOCK := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo '  Variables: PORT=8360 and OLIST=folder (demo), ARGS="..." (test: given to pytest; load: --seconds, --rate), UPGRADE= (lock: only what is new)'

setup: ## make .venv from the hashed locks (the other targets do it by themselves)
	@tools/bootstrap

demo: setup ## run the whole service with a simulated shop on PORT; Ctrl-C ends it
	@exec $(BIN)/support-service demo --port $(PORT) $(if $(OLIST),--olist "$(OLIST)")

test: setup ## run the tests
	@$(BIN)/pytest -n 2 $(ARGS)

check: setup ## format, lint, types, import contracts and the contracts of events; changes nothing
	@$(BIN)/ruff format --check --quiet --output-format=concise . \
		|| { echo 'check: .venv/bin/ruff format mends that'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }
	@$(BIN)/python -m tools.contracts check
	@echo 'check: all good'

stack: setup ## provision and start the real components (ONLY="postgres redis", SET="trino.heap=2G"), each on a free port
	@$(BIN)/python -m tools.stack up $(ONLY) $(addprefix --set ,$(SET))

stack-down: setup ## end them; what they keep stays in .stack/
	@$(BIN)/python -m tools.stack down $(ONLY)

bench: setup ## measure the service beside its rivals, all figures or ONLY="name name"; kept in bench/results/latest.json
	@$(BIN)/python -m bench $(ONLY)

load: setup ## 1,000 connections on a real Trino and Redis, told second by second: all scenarios or ONLY="hot-open trino-killed"
	@$(BIN)/python -m bench.load_scenarios $(ARGS) $(ONLY)

campaign-events: setup ## shop events shuffled, doubled and poisoned, through 200 kills and every fault, then counted (OLIST=folder)
	@PYTHONPATH=tests $(BIN)/python -m campaign events $(if $(OLIST),--olist "$(OLIST)") $(ARGS)

campaign-cases: setup ## a busy desk while API and worker are killed 200 times and at every point, then counted (ARGS="--kills 500")
	@PYTHONPATH=tests $(BIN)/python -m campaign cases $(ARGS)

lock: setup ## lock the newest versions that pyproject.toml allows
	@$(LOCK) $(UPGRADE) pyproject.toml --output-file requirements/runtime.txt
	@$(LOCK) $(UPGRADE) pyproject.toml --group dev --extra uvicorn --constraint requirements/runtime.txt --output-file requirements/dev.txt
	@printf '%s\n' django-helpdesk gunicorn 'psycopg[binary]' | $(LOCK) $(UPGRADE) - --output-file requirements/peer.txt
	@echo uv | $(LOCK) --constraint requirements/dev.txt - --output-file requirements/bootstrap.txt

clean: ## remove .venv and caches (the demo's data stays)
	@rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist build
	@find src tests tools bench examples -name __pycache__ -type d -prune -exec rm -rf {} +
