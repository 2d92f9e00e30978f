# The project's own commands; CI runs the same ones, in the order of `ci`.
#
# One shape of build: everything here builds with `--workspace`. With `-p` the shared dependencies would get other features and
# be compiled a second time. What CI runs builds `--all-targets` too, which are the very units that `cargo test` needs.

# What cargo installed comes first, however `just` itself was started.
export PATH := env("CARGO_HOME", home_directory() / ".cargo") / "bin:" + env("PATH")

target := absolute_path(env("CARGO_TARGET_DIR", justfile_directory() / "target"))
program := target / "debug/matricula"
xtask := target / "debug/matricula-xtask"

# List the recipes
[private]
default:
    @just --list --unsorted

# Type-check everything
check:
    cargo check --workspace --all-targets

# Format everything
fmt:
    cargo fmt --all

# Fail if something is not formatted
fmt-check:
    cargo fmt --all --check

# Lint everything; a warning fails
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Check the rules of ARCHITECTURE.md: crates, contexts, files
arch: xtask
    {{ quote(xtask) }} arch

# Check licences, bans and sources of the dependencies
deny:
    cargo deny check --hide-inclusion-graph licenses bans sources

# Build the documentation; a warning fails
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Check that the domain stands alone, for services that embed it
embed:
    cargo check -p matricula-domain
    cargo check -p matricula-domain --all-features

# Build all programs and tests
build:
    cargo build --workspace --all-targets

# Run all tests
test:
    cargo test --workspace

# Write openapi.json
openapi: build
    {{ quote(program) }} openapi > openapi.json.new
    mv openapi.json.new openapi.json

# Fail if openapi.json is not what the program says
openapi-check: build
    @{{ quote(program) }} openapi | diff -u openapi.json - || { echo 'openapi.json is not what the program says: run `just openapi`' >&2; exit 1; }

# Call every operation of the API with what it expects and what it does not
schemathesis seconds="120" *options: build
    .config/schemathesis.sh {{ quote(program) }} {{ seconds }} {{ options }}

# Add a record by the how-to page, word for word, to a copy, and run the tests of all records there
how-to: build
    {{ quote(xtask) }} how-to

# Look at the public site with a browser and with others' validators
site: build
    npm ci --prefix tests/browser --no-audit --no-fund --silent
    node tests/browser/check.mjs {{ quote(program) }}

# Kill the server under load and compare what it acknowledged with what it kept
crash *options="--kills 20": build
    {{ quote(xtask) }} crash {{ options }}

# Do what the README says in a fresh clone of the last commit
fresh:
    #!/usr/bin/env bash
    set -euo pipefail
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    git clone --quiet . "$folder/matricula"
    cd "$folder/matricula"
    env -u CARGO_TARGET_DIR cargo test --workspace

# Print the files of a context, domain first
ctx context: xtask
    @{{ quote(xtask) }} ctx {{ quote(context) }}

# Serve a believable provider from a temporary database
demo *options:
    cargo build --workspace --bin matricula
    {{ quote(program) }} demo {{ options }}

# Measure the optimized program
bench *options:
    cargo build --profile dist --workspace --bin matricula --bin matricula-bench
    {{ quote(target / "dist/matricula-bench") }} {{ options }}

# Run everything that CI runs, and say how long each step took
ci:
    #!/usr/bin/env bash
    set -euo pipefail
    took=()
    for step in fmt-check deny arch embed lint build test docs openapi-check schemathesis crash site how-to; do
        printf '\n=== %s\n' "$step"
        started=$SECONDS
        {{ quote(just_executable()) }} "$step" || { printf '=== %s failed after %d s\n' "$step" $((SECONDS - started)); exit 1; }
        took+=("$(printf '%-14s %5d s' "$step" $((SECONDS - started)))")
        printf '=== %s: %d s\n' "$step" $((SECONDS - started))
    done
    printf '\n'
    printf '%s\n' "${took[@]}" "$(printf '%-14s %5d s' all "$SECONDS")"

# The checks alone, which need no other crate to compile
[private]
xtask:
    @cargo build --quiet --workspace --bin matricula-xtask
