#!/usr/bin/env bash
# From a fresh clone to a real disaster-recovery drill: installs what is missing (as root or
# through sudo), builds, and runs examples/dr-drill.yaml. On a terminal the drill asks at its gate;
# without one nothing is asked.
set -euo pipefail

packages="
meson ninja-build gcc libc6-dev pkg-config
libyaml-dev libuv1-dev libjq-dev libpcre2-dev libcurl4-openssl-dev libpq-dev libgit2-dev
libssl-dev libpg-query-dev libprotobuf-c-dev libmd4c-dev libcmocka-dev
postgresql postgresql-client python3 util-linux
"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "quickstart.sh: packages are missing, and there is no sudo to install them: run it as root" >&2
    return 1
  fi
}

install_missing() {
  local package missing=()
  for package in $packages; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get -qq update &&
      apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
  ' sh "${missing[@]}" </dev/null >/dev/null
}

# Where nobody logged in (a container, cron) HOME may be unset, and runs are kept below it.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6) || true
  export HOME
fi

install_missing
if [ ! -f "$build/build.ninja" ]; then
  echo "building in $build"
  meson setup "$build" "$root" -Dbuildtype=release >/dev/null
fi
ninja -C "$build" --quiet

answer=()
[ -t 0 ] || answer=(--yes)
echo "running examples/dr-drill.yaml"
"$build/engine/cli/runbook" exec "$root/examples/dr-drill.yaml" "${answer[@]}"

runbook=$(printf %q "$build/engine/cli/runbook")
drill=$(printf %q "$root/examples/dr-drill.yaml")
cat <<TXT

What next?
  $runbook show last
  $runbook exec $drill --set corrupt_backup=true
  $runbook new my-runbook
TXT
