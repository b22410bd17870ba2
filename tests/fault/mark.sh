# shellcheck shell=bash
# Read by every bash of the runbook: `mark [TEXT]` is the effect, a line in the ledger.
mark() {
    local line
    printf -v line 'shell %s %s %s\n' "$RUNBOOK_TOKEN" "$EPOCHREALTIME" "${1:-}"
    printf '%s' "$line" >>"$LEDGER"
}
