# `make check` takes minutes from a warm target folder: format, lints, unit tests and the contracts on the embedded target.
# `make test` installs what it needs, below the target folder, and runs every check and test. At its end it prints the
# processor time of each part, whose sum stays below 8 times that of a cold `cargo build --release`.
# `make test-stack` tests the whole stack on local AWS with the binaries that users get, which takes long to build.
# `make bench` measures the release binary; `make bench-compare` compares it with another one.

export CARGO_TARGET_DIR ?= $(CURDIR)/target
TOOLS := $(CARGO_TARGET_DIR)/tools
RECEIVERS := $(CARGO_TARGET_DIR)/receivers
CLIENTS := $(CARGO_TARGET_DIR)/clients
AWS := $(CARGO_TARGET_DIR)/aws
CONSOLE := $(CARGO_TARGET_DIR)/console
OBSERVABILITY := $(CARGO_TARGET_DIR)/observability
DEBUG := $(CARGO_TARGET_DIR)/debug
TIMES := $(CARGO_TARGET_DIR)/processor-times
PART := @tests/part.sh $(TIMES)

.PHONY: check test test-stack package lint lint-code deny tools bench bench-compare console-pictures

# The suites of `tests` that need local AWS, other processes or software of others are left to `make test`, and so are the
# simulation and its mutations.
check: lint-code deny
	cargo test --workspace --exclude hookline-tests --exclude hookline-simulation
	cargo test --package hookline-tests --test api_contract -- router:: ports::

test:
	@mkdir -p $(CARGO_TARGET_DIR) && rm -f $(TIMES)
	$(PART) tools $(MAKE) --no-print-directory tools
	$(PART) lints $(MAKE) --no-print-directory lint
	$(PART) "software of others" tests/foreign/receivers/install.sh $(RECEIVERS)
	$(PART) "software of others" tests/foreign/clients/install.sh $(CLIENTS)
	$(PART) "local AWS" tests/stack/install.sh $(AWS)
	$(PART) console tests/console/install.sh $(CONSOLE)
	$(PART) observability tests/observability/install.sh $(OBSERVABILITY)
	$(PART) template tests/stack/check.sh $(AWS)
	$(PART) build cargo build --workspace
	$(PART) demo $(DEBUG)/hookline demo
	$(PART) console node tests/console/run.mjs $(DEBUG)/hookline $(CONSOLE)
	$(PART) observability tests/observability/check.sh $(DEBUG)/hookline $(OBSERVABILITY)
	$(PART) documentation python3 tests/docs/run.py $(DEBUG)
	$(PART) documentation python3 tests/docs/receivers.py $(DEBUG) $(RECEIVERS)
	$(PART) documentation python3 tests/docs/aws.py $(DEBUG) $(AWS)
	$(PART) stack env PREBUILT=$(DEBUG) tests/stack/stack_test.sh $(AWS) $(CARGO_TARGET_DIR)/sam-debug
	$(PART) console node tests/console/functions.mjs $(AWS) $(CARGO_TARGET_DIR)/sam-debug/package $(CONSOLE)
	$(PART) "largest function" tests/stack/build.sh $(AWS) $(CARGO_TARGET_DIR)/sam-largest WebhooksApi
	$(PART) "start of a function" $(AWS)/venv/bin/python tests/stack/start_test.py $(CARGO_TARGET_DIR)/sam-largest
	$(PART) "build of the suites" cargo test --workspace --no-run
	$(PART) suites cargo test --workspace
	$(PART)

# Builds the functions as `sam build` does for users, deploys the template to local AWS, and tests what runs there.
# `make test` does the same with the functions of its own build, and measures only the largest as users get it.
test-stack:
	tests/stack/install.sh $(AWS)
	tests/stack/stack_test.sh $(AWS) $(CARGO_TARGET_DIR)/sam

# Makes target/package/hookline-VERSION-ARCHITECTURE.zip for arm64 and x86_64: a template with built functions, which deploys without a
# Rust toolchain. cargo-lambda and zig build both here.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
PACKAGES := $(CARGO_TARGET_DIR)/package
package:
	python3 infra/check_tools.py
	for architecture in arm64 x86_64; do \
		sam build --no-cached --build-dir $(PACKAGES)/built-$$architecture --parameter-overrides "Architecture=$$architecture MailSender=hooks@example.com" && \
		python3 infra/package.py $(PACKAGES)/built-$$architecture $(PACKAGES)/hookline-$(VERSION)-$$architecture $$architecture && \
		(cd $(PACKAGES) && rm -f hookline-$(VERSION)-$$architecture.zip && python3 -m zipfile -c hookline-$(VERSION)-$$architecture.zip hookline-$(VERSION)-$$architecture) || exit 1; \
	done

lint: lint-code deny
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

lint-code:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

deny: tools
	$(TOOLS)/bin/cargo-deny --log-level error check bans licenses sources

# Built without optimisation: that is faster than what it saves.
tools:
	cargo install --quiet --locked --debug --root $(TOOLS) --target-dir $(TOOLS)/build cargo-deny@0.20.2

# Makes the pictures of docs/console.md.
console-pictures:
	tests/console/install.sh $(CONSOLE)
	cargo build --workspace
	node tests/console/screenshots.mjs $(DEBUG)/hookline $(CONSOLE)

bench:
	cargo build --release --package hookline --package hookline-bench
	$(CARGO_TARGET_DIR)/release/hookline-bench

# Compares a release binary of before with this one: make bench-compare OLD=path/to/hookline
bench-compare:
	cargo build --release --package hookline --package hookline-bench
	$(CARGO_TARGET_DIR)/release/hookline-bench compare $(OLD)
