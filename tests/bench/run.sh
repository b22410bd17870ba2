#!/bin/bash
# Figures, not verdicts: installs what is missing, builds in release mode and measures the engine,
# what people use instead (make, ninja, a bash loop, ansible where it is installed) and the floor
# (small C programs beside this), interleaved, medians of several rounds. Prints Markdown tables;
# build-bench/bench.json has all.
#
#   tests/bench/run.sh [--steps N] [--output GIB] [--rounds N] [--growth] [NAME…]     see --help
#   RUNBOOK_BUILDS=/tmp/b …   puts build-bench there instead of at the root
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${RUNBOOK_BUILDS:-$root}/build-bench
# shellcheck source=tests/support/install.sh
. "$root/tests/support/install.sh"

install_missing meson ninja-build make gcc libc6-dev pkg-config python3 curl nginx-light postgresql \
    libyaml-dev libuv1-dev libjq-dev libpcre2-dev libcurl4-openssl-dev libpq-dev libgit2-dev \
    libssl-dev libpg-query-dev libprotobuf-c-dev libmd4c-dev libcmocka-dev >&2

[ -f "$build/build.ninja" ] || meson setup "$build" "$root" -Dbuildtype=release >/dev/null
ninja -C "$build" --quiet engine/cli/runbook engine/guard/runbook-guard \
    engine/io/runbook_{git,http,pg}.so steps/runbook_sql.so \
    tests/bench/{measure,floor,spawn,yaml_events,floor_get,floor_sql,floor_copy,floor_jq,floor_records,floor_append,append} >&2
exec python3 "$root/tests/bench/bench.py" "$build" "$@"
