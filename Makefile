# Every way to run Attune from a fresh clone. Needs Python 3.11 or later, make and a C library.
.DEFAULT_GOAL := help
.PHONY: help install up manage test check screenshots bench-audit bench-isolation bench-masking bench-neighbour prove-jobs fuzz-api \
	bench-ingest bench-upload-faults prove-restarts prove-repeat prove-erasure prove-consent prove-tracking bench-lineage bench-quality bench-robustness bench-scale

# Words to pass on: make test ARGS="-k consent"
ARGS ?=
PYTHON := .venv/bin/python
# The stamps say what was installed last; they are older than a changed list.
LISTS := requirements.txt pyproject.toml
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
INSTALLED_RIVALS := .venv-rivals/.installed
# What runs in production.
PRODUCT := manage.py platform tenants training
# The type checker reads the settings, which have no defaults; it connects to nothing.
SETTINGS := ATTUNE_MODE=test DATABASE_URL=postgresql://nowhere/none REDIS_URL=redis://nowhere \
	SECRET_KEY=types ATTUNE_MASTER_KEY=types

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## Make .venv with everything the product needs

up: $(INSTALLED) ## Run the whole product on this machine; Ctrl-C stops it
	@$(PYTHON) -m launcher.up $(ARGS)

manage: $(INSTALLED) ## manage.py beside a running `make up`: make manage ARGS="audit_verify"
	@$(PYTHON) -m launcher.manage $(ARGS)

# All of them run in two processes; a part that ARGS names runs in one, which starts sooner.
test: $(INSTALLED_DEV) ## Run the tests beside a throw-away database; ARGS goes to pytest
	@$(PYTHON) -m launcher.test $(or $(ARGS),-n 2)

screenshots: $(INSTALLED_DEV) ## Pictures of every page, beside a running `make up`
	@$(PYTHON) tests/screenshots.py $(ARGS)

bench-isolation: $(INSTALLED_DEV) ## Look for leaks between tenants everywhere; what the wall costs
	@$(PYTHON) -m tests.bench.isolation $(ARGS)

prove-restarts: $(INSTALLED) ## Kill training, worker and everything at random; QUICK=1 once each
	@$(PYTHON) tests/bench/restarts.py $(ARGS)

prove-jobs: $(INSTALLED_DEV) ## Many jobs of five tenants while everything that runs them is killed; QUICK=1
	@$(PYTHON) -m tests.bench.jobs $(ARGS)

bench-lineage: $(INSTALLED_DEV) ## Consents of models and back at 1,000,000 events: inverse, and how fast; QUICK=1
	@$(PYTHON) -m tests.bench.lineage $(ARGS)

bench-ingest: $(INSTALLED_DEV) ## 1,000,000 rows in and back, events as they happen, beside plain COPY; QUICK=1
	@$(PYTHON) -m tests.bench.ingest $(ARGS)

bench-upload-faults: $(INSTALLED_DEV) ## Every bad upload and outage, and what its sender is told; QUICK=1
	@$(PYTHON) -m tests.bench.upload_faults $(ARGS)

prove-erasure: $(INSTALLED_DEV) ## Erase a person and look for them in every byte, restored backup too; QUICK=1
	@$(PYTHON) -m tests.bench.erasure $(ARGS)

prove-repeat: $(INSTALLED_DEV) ## A job repeated from its record, and one killed midway: equal weights; QUICK=1
	@$(PYTHON) -m tests.bench.repeat $(ARGS)

prove-tracking: $(INSTALLED_DEV) ## Segment's own Python and Node clients, the web server killed half way; QUICK=1
	@$(PYTHON) -m tests.bench.tracking $(ARGS)

bench-quality: $(INSTALLED_DEV) $(INSTALLED_RIVALS) ## How good the recommendations are beside strong rivals, on real data; QUICK=1
	@$(PYTHON) -m tests.bench.quality $(ARGS)

bench-robustness: $(INSTALLED_DEV) ## What noise, typos, missing texts, bots and stale data do to the answers; QUICK=1
	@$(PYTHON) -m tests.bench.robustness $(ARGS)

bench-scale: $(INSTALLED_DEV) ## Seconds and memory from 1,000 to 1,000,000 items and 1e5 to 1e7 events; QUICK=1
	@$(PYTHON) -m tests.bench.scale $(ARGS)

bench-masking: $(INSTALLED_DEV) ## Recall and precision of the masking of free text, kind by kind
	@$(PYTHON) -m tests.bench.masking $(ARGS)

prove-consent: $(INSTALLED_DEV) ## Random histories of consent against a slow judge and through the product; QUICK=1
	@$(PYTHON) -m tests.bench.prove_consent $(ARGS)

bench-audit: $(INSTALLED_DEV) ## What the audit log costs 64 writers over 1,000 tenants; QUICK=1
	@$(PYTHON) -m tests.bench.audit $(ARGS)

bench-neighbour: $(INSTALLED_DEV) ## What one tenant feels when another offers ten times its limit; QUICK=1
	@$(PYTHON) tests/bench/neighbour.py $(ARGS)

fuzz-api: $(INSTALLED_DEV) ## Schemathesis over the whole OpenAPI document; QUICK=1 for fewer requests
	@$(PYTHON) tests/bench/fuzz_api.py $(ARGS)

check: $(INSTALLED_DEV) ## Format, lint, security lint and types
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m bandit --quiet --configfile pyproject.toml --recursive $(PRODUCT)
	@$(SETTINGS) $(PYTHON) -m mypy

$(INSTALLED): $(LISTS)
	@sh platform/launcher/install.sh requirements.txt
	@touch $@

$(INSTALLED_DEV): $(LISTS) requirements-dev.txt
	@sh platform/launcher/install.sh requirements-dev.txt
	@touch $(INSTALLED) $@

# An environment of its own: a rival's library needs an older numpy than the product.
$(INSTALLED_RIVALS): requirements-rivals.txt $(INSTALLED)
	@$(PYTHON) -m venv .venv-rivals
	@.venv-rivals/bin/python -m pip install -q --disable-pip-version-check -r requirements-rivals.txt
	@touch $@
