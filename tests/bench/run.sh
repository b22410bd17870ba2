#!/bin/bash
# Figures, not verdicts: builds in release mode and measures the engine, what people use instead
# where it is installed (make, ninja, a bash loop), and the floor (small C programs beside this),
# interleaved, medians of several rounds. Prints Markdown tables; build-bench/bench.json has all.
#
#   tests/bench/run.sh [--steps N] [--rounds N] [--growth] [NAME…]     see --help
#   RUNBOOK_BUILDS=/tmp/b …   puts build-bench there instead of at the root
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${RUNBOOK_BUILDS:-$root}/build-bench

[ -f "$build/build.ninja" ] || meson setup "$build" "$root" -Dbuildtype=release >/dev/null
ninja -C "$build" --quiet engine/cli/runbook engine/guard/runbook-guard \
    engine/io/runbook_{git,http,pg}.so steps/runbook_sql.so \
    tests/bench/{measure,floor,spawn,yaml_events,floor_get,floor_sql,floor_copy,floor_jq,append} >&2
exec python3 "$root/tests/bench/bench.py" "$build" "$@"
