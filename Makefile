# strnet: `make demo` and `make test` need nothing but Python 3.11 or later and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
WORKERS ?= 2
IMAGENET := $(VENV)/mobilenet_v2-b0353104.pth
# One thread a worker: two workers on two cores otherwise wait for each other.
PYTEST = OMP_NUM_THREADS=1 STRNET_MOBILENET_WEIGHTS=$(IMAGENET) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.PHONY: help install demo test check format bench reproduce-strnet reproduce-knee-qus reproduce-lumbar-two-views \
	reproduce-lumbar-bmd reproduce-lumbar-sagittal reproduce-lumbar-regions reproduce-chest clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(IMAGENET): $(VENV)/.installed
	-$(BIN)/python -m experiments.imagenet_weights $(VENV) # without them one test is skipped

install: $(VENV)/.installed ## virtual environment with strnet and what its tests need

demo: install ## the whole way on a phantom knee cohort: some minutes after installation
	$(BIN)/python -m experiments.demo.run

test: install $(IMAGENET) ## every test, with coverage
	$(PYTEST) --cov=strnet --cov-report=term:skip-covered --cov-fail-under=90

check: install $(IMAGENET) ## lint, format, types, architecture, unit tests: under two minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -q -m 'not slow'

format: install ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## every measurement in benchmarks/, with the peers it is held against
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	# Without what it asks for: its bound on setuptools would bring an older torch.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'confidenceinterval>=1.0.4'
	$(BIN)/python benchmarks/run_all.py

reproduce-strnet: install ## STR-Net on 1,570 phantom films, and the ablation: under 90 minutes, resumable
	$(BIN)/python -m experiments.strnet_knee.run

reproduce-knee-qus: install ## five folds on the real knee films: make reproduce-knee-qus DATA=FOLDER
	$(BIN)/python -m experiments.knee_qus.run --data "$(DATA)"

reproduce-lumbar-two-views: install ## five networks on AP and on lateral lumbar phantom films, then both views
	$(BIN)/python -m experiments.lumbar_two_views.run

reproduce-lumbar-bmd: install ## BMD at two sites from AP lumbar phantom films, five folds
	$(BIN)/python -m experiments.lumbar_bmd.run

reproduce-lumbar-sagittal: install ## four pretrained networks on 254 lateral phantom films, and 1,000 more to judge them
	$(BIN)/python -m experiments.lumbar_sagittal_transfer.run

reproduce-lumbar-regions: install ## a segmenter on scanners it has not seen, and what its regions are worth
	$(BIN)/python -m experiments.lumbar_regions.run

reproduce-chest: install ## the chest phantom; the real films too: make reproduce-chest DATA=FOLDER
	$(BIN)/python -m experiments.chest.run $(if $(DATA),--data "$(DATA)")

clean: ## remove what the targets made, but not the environment
	rm -rf demo reproduce .mypy_cache .ruff_cache .pytest_cache .coverage*
