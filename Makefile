# Every target sets up what it needs: a virtual environment in .venv with the package installed editable, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: census test lint site bench clean
export NO_MKDOCS_2_WARNING := 1

$(VENV)/installed: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

census: $(VENV)/installed
	$(BIN)/reid census photos=samples/jaguars detections=samples/jaguars/megadetector.json output=runs/jaguars

test: $(VENV)/installed
	$(BIN)/python -m pytest

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	folder=$$(mktemp -d) && $(BIN)/mkdocs build --strict --quiet --site-dir $$folder && rm -r $$folder

site: $(VENV)/installed
	$(BIN)/mkdocs build --strict

bench: $(VENV)/installed
	$(BIN)/python benchmarks/embed.py

clean:
	rm -rf $(VENV) build dist *.egg-info
