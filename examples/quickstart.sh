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
# shellcheck source=tests/support/install.sh
. "$root/tests/support/install.sh"

# Where nobody logged in (a container, cron) HOME may be unset, and runs are kept below it.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6) || true
  export HOME
fi

# shellcheck disable=SC2086  # a list of words
install_missing $packages
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
