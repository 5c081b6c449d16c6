# Every target sets up what it needs: a virtual environment in .venv with the package installed editable, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: census test lint site lock licences sbom lowest bench clean
export NO_MKDOCS_2_WARNING := 1

$(VENV)/installed: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

census: $(VENV)/installed
	$(BIN)/reid census photos=samples/jaguars detections=samples/jaguars/megadetector.json output=runs/jaguars

# two processes with a thread each: half the time on two cores
test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	folder=$$(mktemp -d) && $(BIN)/mkdocs build --strict --quiet --site-dir $$folder && rm -r $$folder
	$(BIN)/python scripts/supply.py audit

site: $(VENV)/installed
	$(BIN)/mkdocs build --strict

# The versions that development uses, each with its hashes: pip install --require-hashes -r requirements/dev.lock
lock: $(VENV)/supply
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --extra dev setup.cfg --output-file requirements/dev.lock

licences: $(VENV)/installed
	$(BIN)/python scripts/supply.py licences

# A bill of materials (CycloneDX) of the locked versions.
sbom: $(VENV)/supply
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements --output-format JSON --output-file dist/sbom.json requirements/dev.lock

# The lowest versions that setup.cfg allows, in an environment of their own, and the quick tests under them. LOWEST_PYTHON
# may name another Python 3.10.
LOWEST_PYTHON ?= python3.10
LOWEST := .venv-lowest
lowest: $(VENV)/supply
	$(BIN)/uv venv --quiet --clear --python $(LOWEST_PYTHON) $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[dev]'
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest --numprocesses 2 --dist worksteal -m 'not slow' tests

$(VENV)/supply: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[supply]'
	touch $@

bench: $(VENV)/installed
	$(BIN)/python benchmarks/embed.py

clean:
	rm -rf $(VENV) build dist *.egg-info
