# shellcheck shell=bash
# What the cases of procedures use. A case is bash text, run with -euo pipefail in the site's folder
# ($SITE) of a world that is as new. `run` sets:
#
#   FILE     the runbook                     PARAMS   a file with the parameters of all its runs
#   CASE     a folder of the case's own      FIXTURE  the program tests/support/world
#   SUPPORT  tests/support                   WORLD and all that its `env` exports

said=$CASE/said
status=

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# Gates name groups of people. The tester is a member of those of the site, for the engine alone, by
# libnss_wrapper, in a way that sanitizers bear; with NOBODY=1 of none.
engine() {
    local group=$CASE/group
    [ -z "${NOBODY:-}" ] || group=$CASE/group.nobody
    env LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_DISABLE_DEEPBIND=1 \
        NSS_WRAPPER_PASSWD="$CASE/passwd" NSS_WRAPPER_GROUP="$group" "$@"
}

# exec_it [FLAG…]: the procedure, without a terminal. Leaves what it said in $said, and $status.
exec_it() {
    status=0
    engine runbook exec "$FILE" --params "$PARAMS" "$@" >"$said" 2>&1 </dev/null || status=$?
    cat "$said"
}

# ends STATUS [FLAG…]: it must end with this exit status.
ends() {
    local wanted=$1
    shift
    exec_it "$@"
    [ "$status" = "$wanted" ] || fail "exit status $status, expected $wanted"
}

well() {
    ends 0 "$@"
}

# answers STATUS [--see REGEX --type TEXT]… [-- FLAG…]: the same at a terminal, with a person who
# types. \n is the return key.
answers() {
    local wanted=$1 acts=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        acts+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    status=0
    engine "$SUPPORT/at_terminal" "${acts[@]}" -- \
        runbook exec "$FILE" --params "$PARAMS" "$@" >"$said" 2>&1 || status=$?
    cat "$said"
    [ "$status" = "$wanted" ] || fail "exit status $status, expected $wanted"
}

# says REGEX…: each was said (extended regular expressions).
says() {
    local regex
    for regex in "$@"; do
        grep -qE -- "$regex" "$said" || fail "was not said: $regex"
    done
}

says_not() {
    local regex
    for regex in "$@"; do
        ! grep -qE -- "$regex" "$said" || fail "was said: $regex"
    done
}

# step_is ID STATE [ID STATE]…: how steps of the last run ended; `rollback:ID` is the step's handler,
# `finally:ID` one of the end. The path of a step within a call or a group's item is CALL/STEP.
step_is() {
    local records seen phase
    records=$(runbook show last --json)
    while [ $# -gt 0 ]; do
        phase=run
        case $1 in *:*) phase=${1%%:*} ;; esac
        seen=$(jq -r --arg step "${1#*:}" --arg phase "$phase" '
            map(select(.step == $step and (.phase // "run") == $phase)
                | if .type == "step.skipped" then "skipped"
                  elif .type == "step.finished" then .status else empty end)
            | last // "not run"' <<<"$records")
        [ "$seen" = "$2" ] || fail "step $1: $seen, expected $2"
        shift 2
    done
}

# is_unchanged [REGEX]: the world is as the case found it, but for lines that match.
is_unchanged() {
    "$FIXTURE" digest "$WORLD" >"$CASE/now"
    diff <(grep -vE -- "${1:-^$}" "$CASE/start") <(grep -vE -- "${1:-^$}" "$CASE/now") >"$CASE/diff" ||
        { cat "$CASE/diff"; fail "the world is not as it was"; }
}

# is_changed REGEX…: the digest has another line that matches each.
is_changed() {
    local regex
    "$FIXTURE" digest "$WORLD" >"$CASE/now"
    for regex in "$@"; do
        ! { diff "$CASE/start" "$CASE/now" || true; } | grep -qE -- "^[<>] .*$regex" || continue
        fail "nothing changed that matches $regex"
    done
}

# ledger_is <<END: what the stand-ins were asked, all of it, in this order.
ledger_is() {
    diff -u - "$LEDGER" >"$CASE/diff" || { cat "$CASE/diff"; fail "the ledger differs"; }
}

# ledger_has REGEX…: lines that match stand in the ledger, in this order.
ledger_has() {
    local regex from=0 at
    for regex in "$@"; do
        at=$(tail -n "+$((from + 1))" "$LEDGER" | grep -nE -m 1 -- "$regex" | cut -d: -f1) || true
        [ -n "$at" ] || { cat "$LEDGER"; fail "not in the ledger (behind line $from): $regex"; }
        from=$((from + at))
    done
}

ledger_has_not() {
    ! grep -E -- "$1" "$LEDGER" || fail "is in the ledger: $1"
}

# app SERVICE JSON: how the service behaves from now on.
app() {
    "$FIXTURE" app "$WORLD" "$@"
}

# fault NAME REGEX STATUS [TIMES]: the stand-in fails where its arguments match.
fault() {
    "$FIXTURE" fault "$WORLD" "$@"
}

# sql DATABASE STATEMENT: as the superuser; prints unaligned rows.
sql() {
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

# sql_is DATABASE STATEMENT VALUE
sql_is() {
    local seen
    seen=$(sql "$1" "$2")
    [ "$seen" = "$3" ] || fail "$2 yields '$seen', expected '$3'"
}

mail_has() {
    local regex
    for regex in "$@"; do
        grep -qsE -- "$regex" "$MAILS" || { cat "$MAILS" 2>/dev/null; fail "no mail has $regex"; }
    done
}

# hook_has PATH REGEX: the sink of this path (/chat, /pager, …) was sent a body that matches.
hook_has() {
    jq -r --arg path "$1" 'select(.path == $path) | .body' "$HOOKS" 2>/dev/null | grep -qE -- "$2" ||
        { cat "$HOOKS" 2>/dev/null; fail "$1 was not sent $2"; }
}

hook_has_not() {
    ! jq -r --arg path "$1" 'select(.path == $path) | .body' "$HOOKS" 2>/dev/null | grep -E -- "$2" ||
        fail "$1 was sent $2"
}

# kept_secret TEXT…: it is in nothing that the runs of this case have left, nor was it said.
kept_secret() {
    local text
    for text in "$@"; do
        ! grep -rlF -- "$text" "$RUNBOOK_HOME" "$said" || fail "a secret was kept"
    done
}
