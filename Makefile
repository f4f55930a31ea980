# The two commands: `make demo` and `make test`. Both set up everything that they need in .venv.
#
#   PYTHON    interpreter to build the virtual environment with (3.11 or newer)
#   PIP_ARGS  more arguments for pip, e.g. an index that carries CPU builds of torch
#   OUT       where `make demo` writes, and `make reconstructions`, which takes KODAK
#   WORKERS   tests at a time, each on one thread and in up to 4 GB of memory

PYTHON ?= python3
PIP_ARGS ?=
OUT ?= demo
KODAK ?= kodak
WORKERS ?= 2
VENV ?= .venv
BIN := $(VENV)/bin

# Every distribution of the tree, those named here with extras.
EXTRAS := core[deep] plugins/evaluation[all] plugins/classic[jxl] plugins/ntc[torch] plugins/flow[torch] plugins/diffusers[torch] plugins/ldm[torch] plugins/batch[remote] plugins/doors[all]
FOLDERS := formats core $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
DISTRIBUTIONS := $(foreach folder,$(FOLDERS),./$(or $(filter $(folder)[%,$(EXTRAS)),$(folder)))

.PHONY: demo test lint bench clean docs js page tested-page dist try-dist distributions reconstructions

demo: $(VENV)/.installed
	$(BIN)/gcodec mix --embed ntc,webp --recon preview,flow --bpp 0.3 tests/images/kodim23.png -o $(OUT) --force

# Tests of what reads models of transformers, or is compared with CompressAI.
BESIDE := tests/test_captioners.py plugins/diffusers/tests/test_captioner.py plugins/diffusers/tests/pipelines/test_prompts.py plugins/diffusers/tests/driven plugins/ntc/tests/zoo/test_compressai.py plugins/compressai/tests

PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadscope

test: $(VENV)/.installed-dev $(VENV)/.installed-beside lint js tested-page
	$(PYTEST)
	PYTHONPATH=$(abspath $(VENV))/beside $(PYTEST) $(BESIDE)

# The reader in JavaScript. Its tests need Node alone; npm brings what checks its types.
js:
	@if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then \
		echo "formats/js is not tested: there is no Node 20 or newer here (on Debian: apt install nodejs npm)"; \
	else cd formats/js && { node --test >tests.log 2>&1 || { grep -A25 '^not ok' tests.log; exit 1; }; } && grep '^# pass' tests.log && \
		if ! command -v npm >/dev/null; then echo "the types of formats/js are not checked: there is no npm here"; \
		else npm ci --silent --no-audit --no-fund && npx tsc; fi; \
	fi

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation, into site/: it works from a disk. Whatever leads nowhere, or is not said of a method, fails.
docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# What `gcodec view` shows, built from plugins/view/page. Needs Node 20 or newer and npm.
page:
	cd plugins/view/page && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error && npm run --silent build

# Where its tests can run; elsewhere they say what is missing.
tested-page:
	@if command -v npm >/dev/null && command -v chromium >/dev/null; then $(MAKE) --no-print-directory page; fi

# A wheel and an sdist of every distribution, and the npm package, in dist/.
dist: page $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt "hatchling>=1.27"
	rm -rf dist
	for folder in $(FOLDERS); do (cd $$folder && $(abspath $(BIN))/python -m hatchling build -d $(CURDIR)/dist >/dev/null) || exit 1; done
	cd formats/js && npm pack --silent --pack-destination $(CURDIR)/dist

# Installs what `make dist` made in environments of its own and runs the README's commands, out of reach of this folder.
try-dist:
	$(BIN)/python tools/try_dist.py dist $(PIP_ARGS)

# What is installed, a folder and its extras each.
distributions:
	@echo '$(DISTRIBUTIONS)'

# What lies behind docs/kodak: hours on two cores. KODAK is a folder with the 24 photographs, and LPIPS needs its weights
# (docs/evaluation.md). The same command again goes on where it was.
reconstructions: $(VENV)/.installed-dev
	$(BIN)/gcodec eval $(KODAK) --embed ntc,webp,avif,jxl,jpeg --recon preview,flow,bridge --bpp 0.06,0.1,0.15,0.2,0.3,0.5,1.0 --baseline webp+preview --range 0.1,1.0 --keep -o $(OUT)/kodak
	$(BIN)/python docs/reconstructions.py docs/kodak $(OUT)/kodak

bench: $(VENV)/.installed-dev
	for script in */benchmarks/*.py plugins/*/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

clean:
	rm -rf $(VENV) $(OUT) dist site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { echo "a virtual environment cannot be made; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip

# One pip call: dependencies are resolved together, under the constraints that keep torch's CPU build (see constraints.txt).
$(VENV)/.installed: $(VENV)/bin/python constraints.txt $(FOLDERS:%=%/pyproject.toml)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt $(DISTRIBUTIONS:%=-e %)
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed pyproject.toml
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt --group dev
	touch $@

# In a folder of their own: where transformers is installed, diffusers imports it, and every process takes seconds longer.
$(VENV)/.installed-beside: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt --no-deps --upgrade --target $(VENV)/beside --group beside
	touch $@
