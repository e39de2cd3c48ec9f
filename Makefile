# `make test` installs what it needs, below the target folder, and runs every check and test.
# `make test-stack` tests the whole stack on local AWS with the binaries that users get, which takes long to build.
# `make bench` measures the release binary.

export CARGO_TARGET_DIR ?= $(CURDIR)/target
TOOLS := $(CARGO_TARGET_DIR)/tools
RECEIVERS := $(CARGO_TARGET_DIR)/receivers
CLIENTS := $(CARGO_TARGET_DIR)/clients
AWS := $(CARGO_TARGET_DIR)/aws

.PHONY: test test-stack package lint tools bench

test: lint
	tests/foreign/receivers/install.sh $(RECEIVERS)
	tests/foreign/clients/install.sh $(CLIENTS)
	tests/stack/install.sh $(AWS)
	tests/stack/check.sh $(AWS)
	cargo build --workspace
	$(CARGO_TARGET_DIR)/debug/hookline demo
	python3 tests/docs/run.py $(CARGO_TARGET_DIR)/debug
	python3 tests/docs/receivers.py $(CARGO_TARGET_DIR)/debug $(RECEIVERS)
	python3 tests/docs/aws.py $(CARGO_TARGET_DIR)/debug $(AWS)
	PREBUILT=$(CARGO_TARGET_DIR)/debug tests/stack/stack_test.sh $(AWS) $(CARGO_TARGET_DIR)/sam-debug
	tests/stack/build.sh $(AWS) $(CARGO_TARGET_DIR)/sam-largest WebhooksApi
	$(AWS)/venv/bin/python tests/stack/start_test.py $(CARGO_TARGET_DIR)/sam-largest
	cargo test --workspace

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

lint: tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	$(TOOLS)/bin/cargo-deny --log-level error check bans licenses sources

# Built without optimisation: that is faster than what it saves.
tools:
	cargo install --quiet --locked --debug --root $(TOOLS) --target-dir $(TOOLS)/build cargo-deny@0.20.2

bench:
	cargo build --release --package hookline --package hookline-bench
	$(CARGO_TARGET_DIR)/release/hookline-bench
