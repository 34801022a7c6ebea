# The development manual: every command that matters, in the order of a day.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# What Python compiled is kept, also where the system says otherwise: a process starts in half the time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check bench fuzz soak chaos references lock run browser clean

# One article becomes four weekly emails for 200 invented people, under a fake clock.
# With PROVIDER=mailgun, or another name of `newsletter provider fake`, the mails go through that fake.
demo: $(STAMP)
	@sh $(dir $(lastword $(MAKEFILE_LIST)))tests/process/demo.sh $(BIN)/newsletter $(if $(PROVIDER),$(PROVIDER) $(or $(PORT),9025))

# Every test: SQLite, PostgreSQL, real processes, and a browser where there is one. Most of the time would go by in
# waiting for a disk, though no test pulls the plug: where the system has 4 GB of files in memory, they lie there.
test: $(STAMP) browser
	@free=$$(df -Pk /dev/shm 2>/dev/null | awk 'END {print $$4}'); \
	if [ "$${free:-0}" -gt 4000000 ] && [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi; \
	echo "$(BIN)/python -m pytest -n auto --dist worksteal"; \
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	@for file in $(addprefix benchmarks/,pipeline.py personalisation.py group_commit.py delivery.py); do echo "\$$ $(BIN)/python $$file"; $(BIN)/python $$file; echo; done

# The tests that invent their input, with input that nobody tried yet.
fuzz: $(STAMP)
	$(BIN)/python -m pytest -n auto -m hypothesis --hypothesis-profile fuzz

# The simulator for longer: 20,000 seeds, or SEEDS=…; a failing seed prints how to replay it. Then a list of
# 1,000,000 people, which has to be imported in memory that does not grow with it.
soak: $(STAMP)
	$(BIN)/python tests/simulation/soak.py --seeds $(or $(SEEDS),20000)
	$(BIN)/python benchmarks/importing_people.py --people 1000000 --most-memory 200

# Real processes, killed and stopped at random, against local fakes of the providers: 100 runs, or RUNS=…, half of
# them on PostgreSQL, or all on DATABASE=….
chaos: $(STAMP)
	$(BIN)/python tests/process/chaos.py --runs $(or $(RUNS),100) $(if $(DATABASE),--database $(DATABASE))

# Ask MJML's own implementation again what our templates become, after they changed. Needs node and npm; tests do not.
references: $(STAMP)
	$(BIN)/python tests/rendering/references/make.py

# Serve the sample letter: schedule, deliver, public pages.
run: $(STAMP)
	$(BIN)/newsletter run

# Pin what was tested; the files name no index.
lock: $(STAMP)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/run.txt
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/dev.txt

# Browser tests use the system's Chromium; as root on Debian it is installed, elsewhere they are skipped.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && apt-get install -y -qq chromium fonts-liberation >/dev/null; } || \
	  echo "no Chromium: browser tests are skipped"

clean:
	rm -rf demo $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(STAMP): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)
