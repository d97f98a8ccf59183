# Each target does its whole set-up by itself; a second call finds the stamps and starts at once. `make help` lists them.
#   make app                              make test PYTHON=python3.12 VENV=/tmp/rangin

VENV ?= .venv
# The first of these that is Python 3.10, 3.11 or 3.12; PYTHON=... decides otherwise.
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.10; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)

# Tests at a time; a third one on two cores saves no time. 0 runs them in one process, for a debugger.
WORKERS ?= 2

BIN = $(VENV)/bin
RUN = $(BIN)/python
APP_READY = $(VENV)/.rangin-app
DEV_READY = $(VENV)/.rangin-dev
BROWSER_READY = $(VENV)/.rangin-browser
BROWSERS = chromium chromium-browser google-chrome google-chrome-stable

.DEFAULT_GOAL := help
.PHONY: help app test browser lint format bench evaluate readme clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

app: $(APP_READY)  ## set up what is missing, then serve the page on http://127.0.0.1:7860
	$(RUN) app.py

test: $(DEV_READY) $(if $(findstring not browser,$(ARGS)),,browser)  ## set up what is missing, then run every test; ARGS="-m 'not browser'" goes to pytest
	$(RUN) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(DEV_READY)  ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV_READY)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_READY)  ## measure speed, start and memory; writes docs/benchmarks.md
	$(RUN) -m bench $(ARGS)

evaluate: $(DEV_READY)  ## measure the models by the protocol; ARGS="--models ... --data ... --labels ... --report ..."
	$(RUN) -m train evaluate $(ARGS)

readme: $(DEV_READY)  ## write README's settings table and docs/recipes.md's table of keys from the code
	$(RUN) -c 'from pathlib import Path; from colorizer import settings; from train.report import update_readme; \
		from train import recipe, recipe_text; \
		update_readme("settings", settings.table(), Path("README.md")); \
		from labeling.settings import LabelSettings; \
		update_readme("label-settings", settings.table(LabelSettings), Path("README.md")); \
		from train.settings import TrainSettings; \
		update_readme("train-settings", settings.table(TrainSettings), Path("README.md")); \
		update_readme("keys", recipe_text.table(recipe.Recipe), Path("docs/recipes.md"))'

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .gradio

# The virtual environment. A half-made one (no stamp) is finished by the next call.
$(RUN):
	@test -n "$(PYTHON)" || { echo "Rangin needs Python 3.10, 3.11 or 3.12, and none was found;" \
		"install one or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; ok = (3, 10) <= v < (3, 13); \
		ok or print(f"Rangin needs Python 3.10, 3.11 or 3.12, and {sys.executable} is {v[0]}.{v[1]};", \
		"name another: make PYTHON=/path/to/python3.11", file=sys.stderr); sys.exit(not ok)'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The virtual environment could not be made; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# With what training needs, since the page's Train tab trains here; a Space installs requirements.txt alone.
$(APP_READY): requirements.txt requirements-train.txt | $(RUN)
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements-train.txt
	@touch $@

$(DEV_READY): requirements.txt requirements-train.txt requirements-dev.txt | $(RUN)
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@ $(APP_READY)

# The tests drive the page in a browser: the system's Chromium, or else Playwright's own, downloaded once.
browser: $(DEV_READY)
	@for browser in $(BROWSERS); do command -v $$browser >/dev/null && exit 0; done; \
	test -e $(BROWSER_READY) && exit 0; \
	echo "No Chromium on this machine: fetching Playwright's."; \
	{ $(RUN) -m playwright install chromium && touch $(BROWSER_READY); } || { \
		echo "No browser for the page's tests: install Chromium (Debian: apt install chromium) and run again," \
		"or leave those tests out: make test ARGS=\"-m 'not browser'\"" >&2; exit 1; }
