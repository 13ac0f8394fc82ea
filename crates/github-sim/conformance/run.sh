#!/bin/sh
# Runs the stand-in's tests, writes down what was asked and answered, and holds it against GitHub's own
# descriptions of REST, webhooks and GraphQL. Needs Node 20 or newer and npm; the descriptions are kept
# between runs outside the repository.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kept=${COUNTERSIGN_CI_TOOLS:-/var/tmp/countersign-ci-tools}/github-sim-conformance
dump=$(mktemp -d)
trap 'rm -rf "$dump"' EXIT

mkdir -p "$kept"
if ! cmp -s "$here/package.json" "$kept/package.json" || [ ! -f "$kept/complete" ]; then
  rm -f "$kept/complete"
  cp "$here/package.json" "$kept/package.json"
  for try in 1 2 3; do
    (cd "$kept" && npm install --silent --no-audit --no-fund --no-package-lock) && touch "$kept/complete" && break
    echo "try $try of 3 failed" >&2
    sleep 5
  done
fi
cp "$here/check.mjs" "$kept/check.mjs"

cd "$here/../../.."
GITHUB_SIM_DUMP=$dump cargo test --quiet -p github-sim --test it
# the program's own calls, too
GITHUB_SIM_DUMP=$dump cargo test --quiet --workspace --test it -- scenarios::approval scenarios::merging scenarios::syncing::delivering scenarios::syncing::commands scenarios::syncing::environments scenarios::syncing::jobs
node "$kept/check.mjs" "$dump"
