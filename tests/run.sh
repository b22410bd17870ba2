#!/bin/bash
# Everything that must hold, in one command: installs what is missing (as root or through sudo),
# builds plainly and with sanitizers, and runs lint, unit tests and cases against both builds.
# Prints failures and, last, one line `N passed, N failed`; exit status 1 where something failed.
#
#   tests/run.sh              everything
#   RUNBOOK_BUILDS=/tmp/b …   puts the build folders there instead of at the root
#   RUNBOOK_QUICK=1 …         leaves out clang-tidy, which looks for minutes at a fresh clone
set -u

packages="
meson ninja-build gcc clang llvm libc6-dev pkg-config git
libyaml-dev libuv1-dev libjq-dev libpcre2-dev libcurl4-openssl-dev libpq-dev libgit2-dev
libssl-dev libpg-query-dev libprotobuf-c-dev libmd4c-dev libcmocka-dev
postgresql postgresql-contrib nginx-light openssl ca-certificates curl jq openssh-client openssh-server gpg gpg-agent
prometheus redis-server redis-tools logrotate systemd tzdata libnss-wrapper iproute2
bats expect tmux zsh man-db graphviz procps psmisc util-linux strace
python3 python3-jsonschema python3-yaml
clang-format clang-tidy cppcheck shellcheck libclang-rt-dev
"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
# shellcheck source=tests/support/install.sh
. "$root/tests/support/install.sh"
builds=${RUNBOOK_BUILDS:-$root}
work=$(mktemp -d /tmp/runbook-tests.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
unsteady=

# What the tests see must not depend on who runs them.
export LC_ALL=C.UTF-8 TZ=UTC HOME="${HOME:-$work}" XDG_STATE_HOME="$work/state"
export RUNBOOK_CONFIG=/dev/null
unset RUNBOOK_HOME NO_COLOR COLUMNS LINES MAKEFLAGS
umask 022
exec </dev/null

heading() {
    printf '== %s\n' "$1"
}

# A failure that no suite counts, such as a build that does not compile.
broken() {
    printf '%s\n' "$1"
    failed=$((failed + 1))
}

# suite NAME COMMAND…: runs it, shows its output where something failed, and adds up its last line
# `N passed, N failed`. Where it is one thing or two that fail it is run once more, and what holds
# then counts: machines falter. What failed is shown all the same, and the suite named as unsteady.
suite() {
    local name=$1 log=$work/log begin=$SECONDS
    shift
    heading "$name"
    counted "$log" "$@"
    if [ "$bad" -gt 0 ] && [ "$bad" -le 2 ] && [ "$good" -gt "$bad" ]; then
        failures "$log"
        printf '   unsteady? %s failed; once more\n' "$bad"
        counted "$log" "$@"
        [ "$bad" -gt 0 ] || unsteady="$unsteady $name;"
    fi
    [ "$bad" -eq 0 ] || failures "$log"
    printf '   %s passed, %s failed (%s, %s s)\n' "$good" "$bad" "$name" "$((SECONDS - begin))"
    passed=$((passed + good))
    failed=$((failed + bad))
}

# counted LOG COMMAND…: runs it into LOG, and leaves its figures in $good and $bad.
counted() {
    local log=$1 status line
    shift
    "$@" >"$log" 2>&1
    status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    read -r good _ bad _ <<<"${line:-0 x 0 x}"
    if [ -z "$line" ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        bad=$((bad + 1))
        printf 'ended with status %s and the result "%s"\n' "$status" "$line" >>"$log"
    fi
}

failures() {
    grep -vE '^(ok |[0-9]+ passed, )' "$1"
}

# build NAME SETUP-ARGUMENT…: into $builds/build-NAME.
build() {
    local dir=$builds/build-$1
    shift
    heading "building ${dir##*/}"
    if [ ! -f "$dir/build.ninja" ] && ! meson setup "$dir" "$root" "$@" >"$work/log" 2>&1; then
        rm -rf "$dir"
        tail -n 30 "$work/log"
        broken "meson setup failed for ${dir##*/}"
        return 1
    fi
    if ! ninja -C "$dir" >"$work/log" 2>&1; then
        grep -E -A 6 'error:|FAILED|undefined reference|ERROR' "$work/log" | head -n 60
        broken "${dir##*/} does not build"
        return 1
    fi
}

unit_tests() {
    meson test -C "$1" --no-rebuild --quiet >"$work/meson" 2>&1
    python3 "$root/tests/support/meson_results.py" "$1/meson-logs/testlog.json"
}

# All that is tested against one build: the unit tests, then every tests/SUITE/run, and programs of
# suites that stand for themselves.
test_build() {
    local name=$1 dir=$builds/build-$1 run
    suite "unit tests, $name" unit_tests "$dir"
    if [ ! -x "$dir/engine/cli/runbook" ]; then
        broken "${dir##*/} has no engine/cli/runbook"
        return
    fi
    for run in "$root"/tests/*/run "$root"/tests/fault/pg_commit; do
        if [ -f "$run" ] && [ -x "$run" ]; then
            local of=${run%/run}
            # The world itself knows no engine.
            [ "${of##*/}" != world ] || [ "$name" = plain ] || continue
            suite "${of##*/}, $name" \
                env RUNBOOK="$dir/engine/cli/runbook" RUNBOOK_BUILD="$dir" "$run"
        fi
    done
}

tidy_result() {
    wait "$tidy"
    local status=$?
    cat "$work/tidy"
    return "$status"
}

# Whoever has npm from elsewhere keeps it: Debian's would not go beside it.
command -v npm >/dev/null || packages="$packages nodejs npm"
# shellcheck disable=SC2086  # a list of words
install_missing $packages || broken "packages could not be installed"
suite "lint" python3 "$root/tests/lint/lint.py"
suite "lint of the lint" python3 "$root/tests/lint/selftest.py"

if CC=gcc build plain; then
    # It needs minutes of processors that tests leave idle while they wait for servers.
    if [ -z "${RUNBOOK_QUICK:-}" ]; then
        nice -n 19 "$root/tests/lint/tidy.py" "$builds/build-plain" >"$work/tidy" 2>&1 &
        tidy=$!
    fi
    test_build plain
    [ -n "${RUNBOOK_QUICK:-}" ] || suite "clang-tidy" tidy_result
fi

# The other compiler, so that both find it clean.
if CC=clang build asan -Db_sanitize=address,undefined -Db_lundef=false -Dmodules=builtin; then
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    # What is slow in the procedures is not the engine.
    export RUNBOOK_FEW=1
    export LSAN_OPTIONS="suppressions='$root/tests/support/lsan.supp':print_suppressions=0"
    test_build asan
fi

[ -z "$unsteady" ] || printf 'unsteady:%s\n' "${unsteady%;}"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
