#!/usr/bin/env bash
# Gets the program that belongs to this commit of the action, and hands over to it.
#
# Everything of the workflow arrives in variables; none of it is ever read as text of this script. Nothing is run whose digest is not
# the one in this tree.
set -euo pipefail
unset BASH_ENV ENV CDPATH

here=${GITHUB_ACTION_PATH:?the runner sets it}
there=${RUNNER_TEMP:?the runner sets it}/countersign

refuse() { printf '::error title=countersign::%s%%0Ahelp: %s\n' "$1" "$2"; exit 1; }

digest() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

target() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    *) ;;
  esac
}

# Prints nothing and leaves the program at $there/countersign, or fails with 3: this commit has no release for this machine.
released() {
  local version target file expected url schemes='=https'
  version=$(sed -n 's/^version //p' "$here/action/release")
  if [ -n "${ACTION_VERSION:-}" ] && [ "${ACTION_VERSION#v}" != "$version" ]; then
    refuse "this commit of the action does not belong to the version that was asked for" \
      "pin the commit of that version, or leave version out"
  fi
  target=$(target)
  file=countersign-$version-$target.tar.gz
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $file\$/\1/p" "$here/action/release")
  [ -n "$version" ] && [ -n "$target" ] && [ -n "$expected" ] || return 3
  url=${COUNTERSIGN_RELEASES_URL:-https://github.com/${ACTION_REPOSITORY:?}/releases/download}/v$version/$file
  case "$url" in http://127.0.0.1:*) schemes='=http' ;; esac
  curl --proto "$schemes" --tlsv1.2 -fsSL --retry 3 --max-time 300 -o "$there/$file" "$url" ||
    refuse "the release cannot be loaded" "try again; or name a program with binary-path, or build it with fallback: source"
  if [ "$(digest "$there/$file")" != "$expected" ]; then
    rm -f "$there/$file"
    refuse "the release is not the one that belongs to this commit: its SHA-256 is another" \
      "do not run it; pin another commit of the action, and tell its maintainers"
  fi
  tar -xzf "$there/$file" -C "$there" countersign
}

built() {
  local word name hide=()
  # secrets of targets stand beside the hosts they may go to
  for name in $(compgen -e); do
    case "$name" in *_HOSTS) hide+=(-u "${name%_HOSTS}") ;; *) ;; esac
  done
  command -v cargo >/dev/null || refuse "there is no cargo to build with" "install Rust first, or leave fallback out"
  word=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  # what a build prints is no command for the runner; and it builds without the secrets of this step
  printf '::stop-commands::%s\n' "$word"
  env -u COUNTERSIGN_ACTION_TOKEN -u COUNTERSIGN_SIGNING_KEY -u SOPS_AGE_KEY -u ACTIONS_ID_TOKEN_REQUEST_TOKEN -u COUNTERSIGN_KUBERNETES_TOKEN ${hide[@]+"${hide[@]}"} \
    cargo install --locked --quiet --path "$here" --root "$there" 2>&1 || { printf '\n::%s::\n' "$word"; return 1; }
  printf '\n::%s::\n' "$word"
  mv "$there/bin/countersign" "$there/countersign"
}

mkdir -p "$there"
if [ -n "${ACTION_BINARY_PATH:-}" ]; then
  program=$ACTION_BINARY_PATH
  [ -x "$program" ] || refuse "binary-path names no program" "name an executable file"
else
  program=$there/countersign
  if [ ! -x "$program" ]; then
    status=0
    released || status=$?
    if [ "$status" -eq 3 ] && [ "${ACTION_FALLBACK:-none}" = source ]; then
      status=0
      built || status=$?
      [ "$status" -eq 0 ] || refuse "this commit cannot be built here" "the lines above say why"
    elif [ "$status" -eq 3 ]; then
      refuse "this commit of the action has no release for this machine" \
        "pin a commit of a release, or name a program with binary-path, or set fallback: source"
    fi
    [ "$status" -eq 0 ] || exit "$status"
  fi
fi

# one stream, so that what is said and what the runner is told keep their order
exec "$program" action 2>&1
