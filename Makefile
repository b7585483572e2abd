# `make` lists the targets; `make demo` and `make test` set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/keymount
# One target folder outside the clone: a fresh clone builds on what the last one left.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export KEYMOUNT_PARTS ?= $(CACHE)/parts
CARGO ?= cargo

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## Mount, rotate and refuse, in a temporary folder; needs nothing installed but Rust
	$(CARGO) run --quiet --locked -- demo

.PHONY: parts
parts: ## Install and build the real servers that the tests use, into the cache folder
	tests/parts/build.sh

.PHONY: test
test: parts ## Every test, against real OpenBao, Kubernetes API server, CSI driver and PostgreSQL
	$(CARGO) test --locked

.PHONY: test-unit
test-unit: ## The tests that need no server
	$(CARGO) test --locked --lib --test architecture

.PHONY: lint
lint: ## fmt and clippy, warnings are errors, for every feature lane
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features aws -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features local -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features vault -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --quiet

.PHONY: release
release: ## The release binary
	$(CARGO) build --locked --release
	@ls -l $(CARGO_TARGET_DIR)/release/keymount

.PHONY: bench
bench: release parts ## Ratios of one run: mounts beside the same requests made by hand
	$(CARGO) bench --locked

.PHONY: ci
ci: lint test ## What CI runs
