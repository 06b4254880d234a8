# The commands of this project; `make` alone lists them.
# Everything is incremental: what is up to date is not done again.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help dev test build size reset bench bench-broadcast bench-engine bench-segments bench-send
.PHONY: bench-cold bench-import bench-mjml bench-records bench-short bench-templates simulate
.PHONY: simulate-defects
.PHONY: lint fmt clean test-native test-e2e try-dev cli

NPM_STAMP := node_modules/.stamp
WASM_STAMP := build/.stamp
DEV_STAMP := build-dev/.stamp
DATABASE_STAMP := .wrangler/state/.migrated
WASM_SOURCES := Cargo.toml Cargo.lock build.rs rust-toolchain.toml scripts/worker askama.toml \
	$(wildcard scripts/bindings/*) \
	$(shell find src -type f -not -path 'src/native/*' -not -path 'src/bin/*')
STEP := scripts/step
# SQLite without statistics of its memory: they take a lock at each allocation.
FAST := env LIBSQLITE3_FLAGS=-DSQLITE_DEFAULT_MEMSTATUS=0

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

dev: ## Run dripline at http://localhost:8787, with samples and a local mailbox
	@scripts/need rust
	@$(MAKE) --jobs=4 $(NPM_STAMP) cli $(DEV_STAMP) $(DATABASE_STAMP)
	@node scripts/dev.mjs

try-dev: ## Start `make dev`, open its pages, and stop it again
	@$(STEP) "make dev" scripts/try-dev

test: lint test-native test-e2e ## Check the formatting, lint, and run every test

build: $(WASM_STAMP) ## Build the worker into build/
	@gzip -c build/index_bg.wasm | wc -c | \
		awk '{ printf "build/index_bg.wasm: %.2f MB gzipped\n", $$1 / 1e6 }'

size: $(WASM_STAMP) ## Show what each dependency weighs in the worker
	@node scripts/wasm-size.mjs

reset: ## Forget the local database, messages and secrets of `make dev`
	@rm -rf .wrangler .dev.vars
	@echo "Local state wiped."

bench: $(WASM_STAMP) cli bench/node_modules/.stamp ## Benchmark form capture against TypeScript (SECONDS=2: short)
	@node bench/capture.mjs

bench-cold: $(WASM_STAMP) cli bench/node_modules/.stamp ## Measure first requests of a worker that was just started (STARTS=5: short)
	@node bench/cold.mjs

bench-short: $(WASM_STAMP) cli bench/node_modules/.stamp ## Every measurement for some seconds, with its checks: what CI runs after `test`
	@scripts/bench-short

bench-engine: ## Measure the engine: journey steps a second, statements a step, memory (PEOPLE_MAX=1000 HOURS=4: short)
	@scripts/need rust
	@$(FAST) cargo bench --quiet --profile fast --bench engine

bench-broadcast: ## Measure a broadcast: recipients decided a second, statements a recipient, memory (PEOPLE_MAX=1000: short)
	@scripts/need rust
	@$(FAST) cargo bench --quiet --profile fast --bench broadcast

bench-records: ## Measure lists, searches and edits among many records (CONTACTS=50000: short)
	@scripts/need rust
	@$(FAST) cargo bench --quiet --profile fast --bench records

bench-import: ## Measure an import of contacts: rows a second, rows written, memory (ROWS=20000: short)
	@scripts/need rust
	@$(FAST) cargo bench --quiet --profile fast --bench import

bench-segments: ## Benchmark rules: judging a contact, filling a segment (CONTACTS=100000: short)
	@scripts/need rust
	@$(FAST) cargo bench --quiet --profile fast --bench segments

bench-send: ## Measure sending: statements, round trips, calls and CPU for 1,000 mails (MESSAGES=1000)
	@scripts/need rust
	@$(FAST) cargo bench --quiet --profile fast --bench send

bench-templates: bench/node_modules/.stamp ## Benchmark mails and MJML against handlebars.js, LiquidJS and mjml
	@scripts/need rust
	@$(FAST) node bench/templates.mjs

bench-mjml: bench/node_modules/.stamp ## Compare MJML with npm's mjml, as Chromium draws both (TEMPLATES=folder)
	@scripts/need rust
	@$(FAST) node bench/mjml.mjs

simulate: ## Try to break the engine with faults (SECONDS=60, RUNS=100), one JSON report at the end
	@scripts/need rust
	@$(STEP) "simulator" $(FAST) cargo build --quiet --profile fast --bin dripline
	@target/fast/dripline simulate --faults $(or $(SECONDS),60) --seed $(or $(SEED),1) \
		$(if $(RUNS),--runs $(RUNS))

simulate-defects: ## Put known defects in, and count the seeds until each is caught
	@scripts/need rust
	@$(STEP) "simulator" $(FAST) cargo build --quiet --profile fast --bin dripline
	@target/fast/dripline simulate --defects

lint: ## Check formatting and lint, warnings denied, natively and for the edge
	@scripts/need rust
	@$(STEP) "formatting" cargo fmt --check
	@$(STEP) "clippy, native" cargo clippy --quiet --workspace --all-targets -- -D warnings
	@$(STEP) "clippy, edge" cargo clippy --quiet --lib --target wasm32-unknown-unknown -- -D warnings

fmt: ## Format the Rust sources
	@scripts/need rust
	@cargo fmt

test-native: ## Run the native tests only
	@scripts/need rust
	@$(STEP) "native tests" cargo test --quiet --workspace

test-e2e: $(WASM_STAMP) cli ## Run the end-to-end tests on workerd only
	@$(STEP) "end-to-end tests" node --test --test-reporter=spec --test-timeout=120000 tests/e2e/*.test.mjs

clean: ## Remove everything that was built here
	@rm -rf build build-dev target node_modules bench/node_modules bench/build

# The command line, target/debug/dripline, and what scripts/worker needs, in one go.
cli:
	@scripts/need rust
	@$(STEP) "command line" cargo build --quiet --workspace --bins

$(WASM_STAMP): $(WASM_SOURCES) $(NPM_STAMP)
	@scripts/need rust
	@$(STEP) "worker for the edge" scripts/worker release build
	@touch $@

# The same worker, built in a minute: neither optimised nor small.
$(DEV_STAMP): $(WASM_SOURCES) $(NPM_STAMP)
	@scripts/need rust
	@$(STEP) "worker for this machine" scripts/worker dev build-dev
	@touch $@

# Beside the build, because starting wrangler takes seconds.
$(DATABASE_STAMP): $(NPM_STAMP) $(wildcard migrations/*.sql)
	@mkdir -p $(@D)
	@$(STEP) "local database" env CI=1 WRANGLER_SEND_METRICS=false node_modules/.bin/wrangler \
		d1 migrations apply DB --local --persist-to $(@D)
	@touch $@

$(NPM_STAMP): package.json package-lock.json .npmrc
	@scripts/need node
	@$(STEP) "npm packages" npm ci --no-progress
	@touch $@

bench/node_modules/.stamp: bench/package.json bench/package-lock.json $(NPM_STAMP)
	@$(STEP) "npm packages of the benchmark" npm ci --no-progress --prefix bench
	@touch $@
