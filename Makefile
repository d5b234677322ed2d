# Two commands: `make demo` and `make test`; and `make prove` for the promise. The plain commands behind them are in the README.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test prove check lock

demo: $(VENV)/ready
	$(BIN)/portaria demo

test: $(VENV)/ready
	$(BIN)/python -m pytest -n auto

# The promise, put to the proof on both set-ups: two minutes each, or as long as MINUTES says.
MINUTES ?= 2
prove: $(VENV)/ready
	$(BIN)/portaria prove --store sqlite --minutes $(MINUTES)
	$(BIN)/portaria prove --store postgres --minutes $(MINUTES)

check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# After a change of the dependencies in pyproject.toml (needs uv).
lock:
	uv pip compile pyproject.toml --extra dev --extra learn --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock
