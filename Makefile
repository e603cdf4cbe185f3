# Two commands: `make lab` opens the course, `make test` proves that it works. README.md says the rest.
#   make run [LESSON=03] [PROFILE=quick|standard|full]   execute headless, leave HTML in build/
#   make test [LESSON=03]                                everything CI runs, or one lesson's part of it
#   PYTHON=...                                           make .venv with this Python

# The Python of an existing .venv goes first, so that the choice once made stays. The second probe takes
# whatever runs at all (a pyenv shim may not): bootstrap.py then says in one line what is wrong with it.
CAN_BUILD := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
ifndef PYTHON
PYTHON := $(shell for probe in "$(CAN_BUILD)" "import sys"; do \
  for python in .venv/bin/python python3 python3.13 python3.12 python3.11 python; do \
    $$python -c "$$probe" >/dev/null 2>&1 && echo $$python && exit; done; done)
endif

RUN := .venv/bin/python -m course_utils
# Two at a time, a file each: the cells of a lesson share a kernel.
PYTEST := .venv/bin/python -m pytest -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-cell-timeout=120
ROOT_MAY := $(if $(filter 0,$(shell id -u)),--allow-root)

ifdef LESSON
ifeq ($(wildcard notebooks/$(LESSON)_*.ipynb),)
$(error There is no lesson "$(LESSON)". Give its two digits, such as LESSON=03)
endif
endif

.PHONY: lab run test lint execute data clean ready

lab: ready
	.venv/bin/jupyter-lab $(ROOT_MAY) notebooks/00_start_here.ipynb

run: ready
	$(RUN) execute $(LESSON) --profile $(or $(PROFILE),quick)

# Lessons have a number; a reader's own Untitled.ipynb and Jupyter's checkpoints are not the course's to test.
test: lint
	COURSE_PROFILE=quick $(PYTEST) tests notebooks/$(or $(LESSON),[0-9][0-9])_*.ipynb $(if $(LESSON),-k "$(LESSON)_")

lint: ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

execute: ready
	$(RUN) execute $(LESSON) --profile $(or $(PROFILE),standard) --commit

data: ready
	.venv/bin/python -m pip install --quiet --no-build-isolation -c requirements.txt -e '.[data]'
	.venv/bin/python data/build_data.py

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache

ready:
	@$(or $(PYTHON),python3) -c "" 2>/dev/null || { echo "No Python runs here$(if $(PYTHON), as '$(PYTHON)'). Install Python 3.11, 3.12 or 3.13 and run the same command again."; exit 1; }
	@$(PYTHON) course_utils/bootstrap.py
