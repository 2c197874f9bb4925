# Everything that a developer, Jenkins and CI call; "make" alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 5000
export XDG_CACHE_HOME ?= $(HOME)/.cache

VENV := .venv
BIN := $(VENV)/bin
LOGS := build/log
SAMPLE := build/example-service
SAMPLE_COMMAND := $(SAMPLE)/.venv/bin/example-service
TEMPLATE := cookiecutter.json $(shell find hooks '{{cookiecutter.project_slug}}' -type f 2>/dev/null)
CHASSIS := setup.py setup.cfg MANIFEST.in requirements.txt $(shell find src/debonair -type f ! -name '*.pyc')
PACKAGING := PYTHONPATH=src python3 -B -m debonair.deb

# What the tests of package and host need beyond make, git and python3-venv.
PACKAGES := adequate apt-utils autopkgtest build-essential ca-certificates chromium curl debhelper dh-virtualenv \
    diffoscope-minimal fakeroot faketime gpg iproute2 lintian logrotate metadata-json-lint mmdebstrap piuparts \
    postgresql prometheus puppet puppet-lint puppet-module-puppetlabs-stdlib puppet-strings python3-pytest \
    python3-setuptools python3-wheel rabbitmq-server ruby-rspec-puppet shellcheck systemd-container valgrind wrk

# The tests of hosts that are run on Debian 13 too, with the package that is built for it.
ON_EACH_RELEASE := debian_tools host installed upgrade

# $(call step,what it does,name of its log,command): one line while it works, its log when it fails.
define step
	@mkdir -p $(LOGS); echo "$(1) (log: $(LOGS)/$(2).log)"; \
	{ $(3); } > $(LOGS)/$(2).log 2>&1 || { \
	    tail -n 15 $(LOGS)/$(2).log >&2; echo "error: failed; the full log is $(LOGS)/$(2).log" >&2; exit 1; }
endef

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

$(BIN)/cookiecutter: setup.cfg
	$(call step,1/4 Making the virtual environment $(VENV),venv, \
	    { test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV); } && $(BIN)/pip install 'cookiecutter>=2.6$(comma)<2.7' 'setuptools>=70.1')
	@touch $@

comma := ,

$(BIN)/pytest: setup.cfg
	$(call step,Installing the chassis and its tools into $(VENV),install, \
	    { test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV); } && $(BIN)/pip install 'setuptools>=70.1' -e '.[test$(comma)docs$(comma)servers]')
	@touch $@

$(BIN)/debonair: $(BIN)/pytest

$(SAMPLE)/.baked: $(BIN)/cookiecutter $(TEMPLATE) $(CHASSIS)
	@# What an older template left would stay; the environment, the data and the packages are kept.
	@[ ! -d $(SAMPLE) ] || find $(SAMPLE) -mindepth 1 -maxdepth 1 ! -name .venv ! -name instance ! -name dist -exec rm -r {} +
	$(call step,2/4 Baking $(SAMPLE),bake, \
	    $(BIN)/cookiecutter --no-input --overwrite-if-exists --output-dir build $(CURDIR))
	$(call step,3/4 Installing it into $(SAMPLE)/.venv,sample, \
	    $(MAKE) -C $(SAMPLE) install PYTHON=$(PYTHON) && \
	    $(SAMPLE)/.venv/bin/pip install --force-reinstall --no-deps $(SAMPLE)/vendor/*.whl)
	@touch $@

.PHONY: bake
bake: $(SAMPLE)/.baked ## bake and install a service with the default answers into build/example-service

.PHONY: run
run: bake ## bake, migrate and serve the sample on PORT (5000)
	@echo "4/4 Migrating its database, and serving: Ctrl-C ends it"
	@$(SAMPLE_COMMAND) --set server.port=$(PORT) check-config > /dev/null
	@$(SAMPLE_COMMAND) db upgrade
	@echo "  curl -X POST http://127.0.0.1:$(PORT)/checkin/alice"
	@echo "  curl http://127.0.0.1:$(PORT)/last-seen/alice"
	@echo "  curl 'http://127.0.0.1:$(PORT)/check-ins?user=alice&sort=-at'"
	@echo "  http://127.0.0.1:$(PORT)/docs  /health/ready  /metrics  /openapi.json"
	@exec $(SAMPLE_COMMAND) --set server.port=$(PORT) serve

.PHONY: check
check: $(BIN)/pytest lint bake ## the fast tests: chassis, template, style
	@$(BIN)/python -m pytest -n auto --dist loadfile -m 'not acceptance'

.PHONY: lint
lint: $(BIN)/pytest ## style, types and weaknesses
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --recursive --configfile bandit.yaml src/debonair hooks

.PHONY: format
format: $(BIN)/pytest ## format the code, and correct what ruff can correct
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: sizes
sizes: $(BIN)/pytest ## print the lines of each room, the longest modules and functions
	@PYTHONPATH=src $(BIN)/python -m tests.project.sizes

.PHONY: puppet-test
puppet-test: ## unit tests of the Puppet module, with Debian's rspec-puppet
	@cd puppet/modules/debonair && rspec

.PHONY: audit
audit: $(BIN)/pytest ## ask the package index whether a locked package has a known weakness
	@$(BIN)/pip install --quiet pip-audit
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.txt

.PHONY: packages
packages: ## install the Debian packages that the tests need, as root
	@missing=$$(for name in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q ' installed' || echo $$name; done); \
	if [ -z "$$missing" ]; then exit 0; \
	elif [ $$(id -u) -eq 0 ]; then \
	    mkdir -p $(LOGS); echo "Installing" $$missing "(log: $(LOGS)/apt.log)"; \
	    if [ ! -e /usr/sbin/policy-rc.d ]; then \
	        printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; \
	        trap 'rm -f /usr/sbin/policy-rc.d' EXIT; fi; \
	    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; } \
	        > $(LOGS)/apt.log 2>&1 || { tail -n 5 $(LOGS)/apt.log >&2; exit 1; }; \
	else echo "Not root: the tests of package and host are left out; they need: apt-get install" $$missing; fi

.PHONY: test
test: packages $(BIN)/pytest lint bake ## everything; as root also the package, the Debian host, r10k and Puppet
	@mkdir -p $(LOGS); echo "The tests on Debian hosts run beside the others (log: $(LOGS)/hosts.log)"; \
	$(MAKE) test-hosts > $(LOGS)/hosts.log 2>&1 & hosts=$$!; trap 'kill $$hosts' INT TERM; \
	status=0; for part in 'not acceptance' acceptance; do \
	    $(BIN)/python -m pytest -n auto --dist loadfile -m "$$part" --ignore src/tests/acceptance || status=$$?; \
	done; \
	wait $$hosts || status=$$?; cat $(LOGS)/hosts.log; exit $$status

.PHONY: test-hosts
test-hosts: packages $(BIN)/pytest bake ## the tests on Debian hosts, as root: of Debian 13 in part, and of Debian 12
	@status=0; \
	TEST_RELEASE=trixie $(BIN)/python -m pytest -m acceptance $(ON_EACH_RELEASE:%=src/tests/acceptance/test_%.py) || status=$$?; \
	$(BIN)/python -m pytest -m acceptance src/tests/acceptance || status=$$?; exit $$status

.PHONY: lock
lock: ## write requirements.txt from setup.cfg
	@$(BIN)/pip install --quiet uv
	@$(PACKAGING) lock

.PHONY: deb
deb: ## build the Debian packages into dist/; RELEASE=bookworm or trixie: in a clean build root
	@RELEASE=$(RELEASE) $(PACKAGING) build

.PHONY: reproduce
reproduce: bake ## build the packages twice for both releases, and compare them byte by byte
	@$(PACKAGING) reproduce $(or $(RELEASE),bookworm trixie)
	@$(MAKE) -C $(SAMPLE) reproduce RELEASE=$(RELEASE)

.PHONY: publish
publish: ## put the packages into a signed apt repository: REPOSITORY=directory SIGN_WITH=key
	@SIGN_WITH=$(SIGN_WITH) $(PACKAGING) publish $(REPOSITORY)

.PHONY: release
release: ## write VERSION into all places, commit and tag it
	@$(PACKAGING) release $(VERSION)

.PHONY: wheelhouse
wheelhouse: ## fetch and check the locked wheels that the package is built from
	@$(PACKAGING) wheelhouse

.PHONY: host
host: ## leave a Debian host running with the sample on it, or with another service: SERVICE=directory
	@test $$(id -u) -eq 0 || { echo "error: the test host needs root, for systemd-nspawn: run make host as root" >&2; exit 1; }
	@$(if $(SERVICE),test -f '$(SERVICE)/debian/control' || { echo "error: $(SERVICE) is not the directory of a service" >&2; exit 1; })
	@$(if $(SERVICE),,$(MAKE) bake)
	@$(MAKE) -C '$(or $(SERVICE),$(SAMPLE))' deb
	@PYTHONPATH=src $(PYTHON) -m tests.acceptance.host up "$$(ls -t '$(or $(SERVICE),$(SAMPLE))'/dist/*.deb | head -n 1)"

.PHONY: host-stop
host-stop: ## stop that host and remove it
	@PYTHONPATH=src $(PYTHON) -m tests.acceptance.host down

.PHONY: bench
bench: bake $(BIN)/pytest ## measure, and print ratios
	@PYTHONPATH=src $(BIN)/python -m tests.bench

.PHONY: bench-resources
bench-resources: $(BIN)/pytest ## measure the resources alone, beside other frameworks
	@PYTHONPATH=src $(BIN)/python -m tests.bench.resources

.PHONY: docs
docs: $(BIN)/pytest ## build the documentation
	@$(MAKE) -C docs html SPHINXBUILD=$(CURDIR)/$(BIN)/sphinx-build

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf $(VENV) build dist instance docs/build docs/source/generated .coverage .mypy_cache .pytest_cache .ruff_cache src/*.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
