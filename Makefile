# Every target is one thing that a person would type. What they do stands in local/.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
T ?= tests
JOBS ?= 2

.PHONY: help setup setup-tests dev test lint check fmt migrate bundle audit-restore reconcile clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is needed into .venv and node_modules (TESTS=1: what the tests need, too)
	@$(PYTHON) local/setup.py $(if $(TESTS),--tests)

setup-tests:
	@$(PYTHON) local/setup.py --tests

dev: setup ## Run everything on this machine (PORT=8090; MEDIA=s3: videos in a bucket; ARGS="--no-demo": options of local/)
	@$(if $(PORT),PORT=$(PORT)) $(if $(MEDIA),MEDIA=$(MEDIA)) $(BIN)/python -m local $(ARGS)

test: setup-tests ## Run the tests (T=tests/local: only these; JOBS=0: in one process; ARGS="-x -k login": options of pytest)
	@$(BIN)/python -m pytest -n $(JOBS) $(T) $(ARGS)

lint: setup-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if [ -d terraform ] && command -v terraform >/dev/null; then terraform fmt -check -recursive terraform; fi

check: lint test ## Do what CI does: lint, types, tests

fmt: setup-tests ## Format the code, write the README's table of functions
	@$(BIN)/ruff check --fix --quiet --exit-zero . && $(BIN)/ruff format .
	@$(BIN)/python -m local.readme_table
	@if [ -d terraform ] && command -v terraform >/dev/null; then terraform fmt -recursive terraform; fi

migrate: setup ## Apply supabase/migrations to the Supabase project at DATABASE_URL (ARGS=--yes: do not ask; --dry-run)
	@$(BIN)/python -m local.migrate $(ARGS)

bundle: setup ## Build dist/<function>.zip for every function
	@$(BIN)/python -m local.bundle

audit-restore: setup ## Put audit events from a log file back (LOG=file; ARGS="--state DIR": another state directory)
	@test -n "$(LOG)" || { echo "Name the file: make audit-restore LOG=file" >&2; exit 1; }
	@$(BIN)/python -m local.restore_audit $(ARGS) "$(LOG)"

reconcile: setup ## Compare the media host with the database (FIX=orphans,missing,sizes: put that right; ARGS="--state DIR")
	@$(BIN)/python -m local.reconcile $(if $(FIX),--fix $(FIX)) $(ARGS)

clean: ## Remove .local and .local-s3 (all local data and secrets), dist and caches
	@rm -rf .local .local-s3 dist .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -type d -not -path './.venv*' -not -path './node_modules/*' -prune -exec rm -rf {} +
