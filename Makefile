# `make` lists the targets; `make demo` and `make test` set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/keymount
# One target folder outside the clone: a fresh clone builds on what the last one left.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export KEYMOUNT_PARTS ?= $(CACHE)/parts
CARGO ?= cargo
FUZZ_SECONDS ?= 60
CARGO_HOME ?= $(HOME)/.cargo
# Programs that only release work needs, such as cargo-cyclonedx.
TOOLS ?= $(CACHE)/tools
part = $(shell sed -n 's/^$(1)=//p' $(KEYMOUNT_PARTS)/env 2>/dev/null)

# musl where its standard library is installed (rustup target add), else glibc: static either way.
MUSL = $(shell uname -m)-unknown-linux-musl
STATIC_TARGET ?= $(if $(wildcard $(shell rustc --print target-libdir --target $(MUSL))/libstd-*.rlib),$(MUSL),$(shell uname -m)-unknown-linux-gnu)
STATIC ?= $(CARGO_TARGET_DIR)/$(STATIC_TARGET)/release/keymount
# No path of this machine in the binary.
PLACES = $(CURDIR)=/src $(CARGO_TARGET_DIR)=/target $(CARGO_HOME)=/cargo
IMAGE ?= keymount:$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
PLATFORMS ?= linux/amd64,linux/arm64

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
	$(CARGO) clippy --locked --all-targets --features cluster-test -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features aws -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features local -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features vault -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --quiet

.PHONY: docs
docs: ## The documents as a site, into the target folder; installs mdbook into the cache folder
	@test -x $(CACHE)/tools/bin/mdbook || $(CARGO) install mdbook --version ^0.5 --locked --no-default-features --root $(CACHE)/tools
	$(CACHE)/tools/bin/mdbook build docs --dest-dir $(CARGO_TARGET_DIR)/book

.PHONY: docs-reference
docs-reference: ## docs/reference, made anew of the code
	KEYMOUNT_UPDATE_DOCS=1 $(CARGO) test --locked --test operator -- reference

.PHONY: release
release: ## The release binary
	$(CARGO) build --locked --release
	@ls -l $(CARGO_TARGET_DIR)/release/keymount

.PHONY: static
static: ## The release binary without shared libraries, the same bytes on every machine
	RUSTFLAGS="-C target-feature=+crt-static $(PLACES:%=--remap-path-prefix=%)" \
	CFLAGS="$(PLACES:%=-ffile-prefix-map=%)" \
	  $(CARGO) build --locked --release --bin keymount --target $(STATIC_TARGET)
	@built=$(CARGO_TARGET_DIR)/$(STATIC_TARGET)/release/keymount; \
	  if [ "$$built" != "$(STATIC)" ]; then install -D -m 755 "$$built" "$(STATIC)"; fi; ls -l "$(STATIC)"

.PHONY: reproducible
reproducible: ## Two static builds in two folders, compared byte for byte
	manifests/image/reproducible.sh

.PHONY: image
image: ## The image, by docker: IMAGE=NAME:TAG PLATFORMS=linux/amd64,linux/arm64
	docker buildx build --platform $(PLATFORMS) -f manifests/image/Dockerfile -t $(IMAGE) .

.PHONY: image-oci
image-oci: static ## The image without docker, as an OCI layout in the cache folder
	CRANE_BIN=$(call part,CRANE_BIN) manifests/image/oci.sh $(STATIC) $(CACHE)/image

.PHONY: sbom
sbom: ## What is in the binary (CycloneDX) and under which licences, in the cache folder
	@[ -x $(TOOLS)/bin/cargo-cyclonedx ] || $(CARGO) install --locked --root $(TOOLS) cargo-cyclonedx@0.5.9
	mkdir -p $(CACHE)/sbom
	PATH="$(TOOLS)/bin:$$PATH" SOURCE_DATE_EPOCH=0 $(CARGO) cyclonedx --format json --spec-version 1.5 --describe binaries --target $(STATIC_TARGET)
	sed 's,$(CURDIR),/src,g' keymount_bin.cdx.json >$(CACHE)/sbom/keymount.cdx.json && rm keymount_bin.cdx.json
	$(CARGO) tree --locked --edges normal --target $(STATIC_TARGET) --prefix none --format '{l}|{p}' | sed 's,\(|[^ ]* [^ ]*\).*,\1,; s,|,: ,' | sort -u >$(CACHE)/sbom/licences.txt
	@ls -l $(CACHE)/sbom

.PHONY: manifests
manifests: ## Render manifests/keymount.yaml from the chart, and write the binary's flags into its schema
	KEYMOUNT_BLESS=1 $(CARGO) test --locked --quiet --test chart -- the_schema_knows
	KEYMOUNT_BLESS=1 $(CARGO) test --locked --quiet --test chart -- the_plain_manifest_is

.PHONY: cluster-test
cluster-test: ## Against the cluster of KUBECONFIG, with KEYMOUNT_IMAGE=NAME:TAG on its nodes (docs/cluster.md)
	$(CARGO) test --locked --features cluster-test --test cluster -- --nocapture

.PHONY: bench
bench: release parts ## Ratios of one run: mounts beside the same requests made by hand
	$(CARGO) bench --locked

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZ_SECONDS (60); needs cargo-fuzz and a nightly toolchain
	@cd fuzz && set -e; for target in $$(cargo +nightly fuzz list); do \
	  mkdir -p corpus/$$target; echo "== $$target"; \
	  cargo +nightly fuzz run $$target corpus/$$target seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1; \
	done

.PHONY: ci
ci: lint test ## What CI runs
