.DEFAULT_GOAL := help
.PHONY: help install check format test test-services bench screenshots docs lock

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install:  ## make .venv with the developers' tools
	@scripts/setup test

check: install  ## lint, format, types, import contracts, migrations, generated docs: all that needs no server
	@scripts/check

format: install  ## format the code and mend what ruff can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

test:  ## the fast tests
	@./test

test-services:  ## every test, against real servers and a real browser
	@./test --services

bench: install  ## time to a notebook, start and end of a job, cost of idling
	@for file in bench/*.py; do echo "== $$file"; .venv/bin/python "$$file" || exit 1; done

screenshots: install  ## take the docs' pictures of the console anew
	.venv/bin/python scripts/screenshots.py

docs: install  ## write the generated pages of docs/ anew
	.venv/bin/python -m docs.generate

lock: install  ## pin the dependencies of pyproject.toml anew; to renew all pins: scripts/lock --upgrade
	scripts/lock
