# TrueOrder's tasks. `make` alone lists them. Needed beforehand: Python 3.11 or newer, pip and make; nothing else.
# A certain Python: make PYTHON=/path/to/python3.12 ...        Fewer test processes: make test WORKERS=2

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo serve test lint types bench faults docs messages lock clean

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
UV := 0.13.9
PACKAGES := ordering forecasting allocation jobs web tests benchmarks

# pip's own settings (PIP_*, pip.conf) are respected: none is set here.
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Both locks hold for Python 3.11 and newer, on Linux and macOS; they name no registry.
COMPILE = $(VENV)/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-emit-build-options --custom-compile-command "make lock" --extra build $(UPGRADE)
# Estimates may not depend on how many threads add them up; one thread each also keeps parallel workers from crowding the machine.
export OMP_NUM_THREADS ?= 1

help: ## list the tasks
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r task says; do printf '%-14s %s\n' "$$task" "$$says"; done

demo: export TRUEORDER_DATABASE = sqlite:///demo/trueorder.db
demo: $(VENV)/runtime.stamp ## install, make up a city, run a night over it, print the rates and where the report lies
	rm -rf demo
	$(BIN)/trueorder sample demo/city --truth demo/truth
	$(BIN)/trueorder init
	$(BIN)/trueorder import demo/city
	$(BIN)/trueorder nightly --date "$$(cat demo/truth/cutoff.txt)"
	$(BIN)/trueorder publish
	$(BIN)/trueorder report --to demo/report
	$(BIN)/trueorder users demo

serve: export TRUEORDER_DATABASE = sqlite:///demo/trueorder.db
serve: ## look at the demo in a browser, at http://localhost:8000, in the week that it was made for (after make demo)
	$(BIN)/trueorder serve --workers 1 --at "$$(cat demo/truth/cutoff.txt)T10:30"

test: $(VENV)/dev.stamp ## run every test
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/dev.stamp ## check style, formatting and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp ## check the types of the packages that compute
	$(BIN)/mypy

bench: $(VENV)/dev.stamp ## time the sharing out of a whole city, and count breaches of its laws
	$(BIN)/python -m benchmarks.allocation --threads 2
	$(BIN)/python -m benchmarks.laws

faults: $(VENV)/dev.stamp ## try every fault that the service must survive, thousands of times (FAULTS="--background", --status, --only F4,F6, --share 0.1)
	$(BIN)/python -m tests.faults $(FAULTS)

docs: $(VENV)/dev.stamp ## draw the figures of the documents anew, and take the pictures of the guides
	$(BIN)/python -m benchmarks.figures
	$(BIN)/python -m benchmarks.pictures

messages: $(VENV)/dev.stamp ## bring the list of texts to translate (web/locale/zh.po) up to date with the pages
	$(BIN)/pybabel -q extract -F config/messages.cfg -k mark --no-location --sort-output -o $(VENV)/messages.pot web
	$(BIN)/pybabel -q update -i $(VENV)/messages.pot -o web/locale/zh.po -l zh --no-fuzzy-matching --ignore-obsolete --width 140

lock: $(VENV)/python.stamp ## renew the two lock files from pyproject.toml (UPGRADE=--upgrade: to the newest releases)
	$(PIP) install --quiet --upgrade --target $(VENV)/lock uv==$(UV)
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --extra dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## remove what the tasks have made: .venv, demo, caches
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A virtual environment from the first Python that is new enough. Where the system's Python comes without ensurepip
# (Debian and Ubuntu without python3-venv), pip is put in by the pip outside.
$(VENV)/python.stamp:
	@set -e; for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
	  echo 'No Python 3.11 or newer was found$(if $(PYTHON), at $(PYTHON)). Install one, or name it: make PYTHON=/path/to/python3.12' >&2; exit 1; \
	fi; \
	echo "Using $$("$$found" --version) ($$found)"; \
	rm -rf $(VENV); \
	if ! "$$found" -m venv $(VENV) >/dev/null 2>&1; then \
	  rm -rf $(VENV); \
	  if ! { "$$found" -m venv --without-pip $(VENV) && "$$found" -m pip --python $(VENV)/bin/python install --quiet pip; }; then \
	    rm -rf $(VENV); \
	    echo 'This Python cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; \
	  fi; \
	fi; \
	touch $@

# The project itself is installed in place, so that an edit is in force at once.
$(VENV)/runtime.stamp: requirements.lock pyproject.toml | $(VENV)/python.stamp
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/runtime.stamp
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
