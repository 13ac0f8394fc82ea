# List the recipes
default:
    @just --list

# Everything a pull request must pass, without outside programs
check: fmt clippy test

# Formatting
fmt:
    cargo fmt --all --check

# Lints, warnings denied
clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# All tests
test:
    cargo test --workspace

# The pure crates alone, in seconds
pure:
    cargo test -p countersign-core -p sops-file

# The whole story on one machine
demo:
    cargo run --release -- demo

# What CI runs
ci:
    bash .ci/run

# Licences, advisories, sources
deny:
    cargo deny --workspace check
