# make demo: from nothing to map@5 answers on a map; make test: everything CI checks; make notebooks: runs them and
# looks at what they show; make browser: the explorer in Debian's Chromium (apt-get install chromium);
# make qgis: results and the toolbox in QGIS (apt-get install qgis);
# make docs: the pages, in docs/_build/html;
# make campaigns: the reliability campaigns at the sizes of CI, make nightly: at those of a night. All set themselves up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo docs test notebooks browser qgis campaigns nightly lint install clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

demo: $(READY)
	$(BIN)/georetrieval demo

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -n -W --keep-going -q -b html docs docs/_build/html

$(VENV)/.docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder \
		-m "not notebook and not browser and not qgis"

notebooks: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m notebook tests/docs

browser: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,browser]'
	OMP_NUM_THREADS=1 $(BIN)/pytest -m browser tests/serve -rs

qgis: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m qgis tests/cli -rs

# Each file in a process of its own, two at a time, its report printed whole: children are forked from it by the ten
# thousand, the quicker the smaller it is.
TWO_AT_A_TIME = OMP_NUM_THREADS=1 xargs -P 2 -I FILE sh -c \
	'told=$$($(BIN)/python -m pytest -rfEP --show-capture=stdout --disable-warnings FILE 2>&1); code=$$?; \
	echo "== FILE"; echo "$$told"; exit $$code'

campaigns: $(READY)
	ls tests/reliability/test_*.py | GEORETRIEVAL_CAMPAIGN=ci $(TWO_AT_A_TIME)

nightly: $(READY)
	ls tests/reliability/test_*.py tests/tasks/test_running.py tests/geo/test_paint_anything.py | \
		GEORETRIEVAL_CAMPAIGN=nightly $(TWO_AT_A_TIME)

clean:
	rm -rf $(VENV) demo docs/_build docs/api .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
