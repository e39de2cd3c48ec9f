#!/bin/sh
# Builds the functions with `sam build` for this machine's processor: build.sh TOOLS FOLDER
# TOOLS is what install.sh made; FOLDER gets the built template and the executables. The release profile is given the
# values of the profile `ci`, since `sam build` knows no other, and the compiler is this machine's own.
set -eu
cd "$(dirname "$0")/../.."
export PATH="$1/sam/bin:$PATH" SAM_CLI_TELEMETRY=0
export CARGO_LAMBDA_COMPILER=cargo
export CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=2
case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
exec sam build --build-dir "$2" --parameter-overrides "Architecture=$architecture MailSender=hooks@example.com"
