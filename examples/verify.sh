#!/bin/bash
# Verifies runs without runbook: with bash, coreutils and jq, and where there are seals ssh-keygen.
#
#   verify.sh [-s ALLOWED-SIGNERS] [-e] [-w REPOSITORY] RUN-FOLDER...
#
#   -s FILE  whose keys may seal, in the format of ssh-keygen(1)
#   -e       a run that is not sealed to its end by one of them is untrusted
#   -w REPO  a git repository that `runbook archive` committed runs to: a run must begin with what
#            it has at HEAD, and one that it has not is untrusted
#
# For each folder it prints a line `VERDICT<TAB>FOLDER`, with what it found below, indented:
#
#   verified    every record has its shape, its number and the SHA-256 of the line before it; the
#               last is the end record, whose own `sum` is right; and every file that a record
#               names has the SHA-256 that the record says, with nothing else in output/
#   incomplete  the same so far, but the end is missing or torn: the engine was stopped, is still
#               at work (`runbook verify` can tell, this script cannot), or the tail was cut
#   untrusted   in order, but sealed by a key that is not among the allowed signers (with -s)
#   damaged     a record or a file was changed, removed, moved or added, a seal does not fit, or the
#               repository has another transcript
#
# Below a run that has seals it says up to which record it is sealed, and by whom.
#
# Exit status: 0 where all are verified, 7 where one is not, 2 where the call is wrong.
#
# What it cannot show: a transcript without seals, and without -w, that somebody wrote anew from its
# first line to its last, with new sums, or cut back to an end that it had before it was resumed.
# Keep the head of a finished run (sha256sum of its last line) where others cannot write.
#
# How it works: `split` makes a file of each line and `sha256sum` digests them, so that one jq can
# compare each line's `prev` with the digest of the line before. A record's `sum` is the SHA-256 of
# its own line up to the key `sum`. A `checkpoint` holds the SHA-256 of a line before it as `head`,
# and an SSH signature of the text of that head in the namespace `runbook-checkpoint`. Zeros behind
# the last line are the reserve of a run that was killed; text there is a line that was torn.
# shellcheck disable=SC2016  # the variables of the jq program are jq's
set -u
export LC_ALL=C
shopt -s nullglob dotglob

usage() {
    echo "usage: verify.sh [-s ALLOWED-SIGNERS] [-e] [-w REPOSITORY] RUN-FOLDER..." >&2
    exit 2
}
signers=
to_end=
repository=
while getopts s:ew: option; do
    case $option in
        s) signers=$OPTARG ;;
        e) to_end=yes ;;
        w) repository=$OPTARG ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
if [ -n "$signers" ] && [ ! -r "$signers" ]; then
    echo "verify.sh: cannot read $signers" >&2
    exit 2
elif [ -n "$to_end" ] && [ -z "$signers" ]; then
    echo "verify.sh: -e needs -s: whose keys may seal?" >&2
    exit 2
elif [ -n "$repository" ] && ! git -C "$repository" rev-parse --git-dir >/dev/null; then
    exit 2
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Reads lines `D index`, `L sha256 sha256-before-sum line`, `E`, and writes, with unit separators (037) between,
# `index F kind line file message` for what is wrong, `index N line file sha256` for a file that is
# to be compared, names percent-encoded, `index C line covers time head signer signature` for a
# checkpoint, its signature in base64; and last of a run `index E ended resumed bad end count`.
program='
def words: split(" ");
def texts: ("run runbook name sha256 plan_sha256 policy_sha256 profile user host terminal cwd engine"
  + " phase step title action effect token status reason error hint message evidence answer by"
  + " comment signal transaction_id head signer signature sum") | words;
def integers: "steps uid pid attempt attempts duration_ms delay_ms exit quorum expires_ms" | words;
def booleans: "dry_run without_effect tolerated not_requester" | words;
def others: ("files git params selection previous objectives item plan result outputs output notes"
  + " approvers checklist hands counts") | words;
def required: {
  "run.started": "run runbook name sha256 plan_sha256 user uid host pid engine",
  "run.resumed": "user uid host pid engine plan_sha256",
  "run.finished": "status exit sum",
  "step.skipped": "phase step reason",
  "step.waiting": "phase step reason",
  "step.started": "phase step attempt",
  "step.committing": "phase step attempt",
  "step.ready": "phase step duration_ms",
  "step.ended": "phase step duration_ms",
  "step.retrying": "phase step attempt delay_ms",
  "step.finished": "phase step status duration_ms",
  "step.in_doubt": "phase step reason",
  "step.resolved": "phase step status reason",
  "gate.opened": "phase step message",
  "gate.answered": "phase step answer by",
  "gate.escalated": "phase step",
  "gate.closed": "phase step answer",
  "rollback.begun": "reason",
  "rollback.finished": "status",
  "signal.received": "signal",
  "clock.jumped": "duration_ms",
  "checkpoint": "head sum"
} | map_values(words);
def kinds: [(texts[] | {(.): "text"}), (integers[] | {(.): "integer"}),
  (booleans[] | {(.): "boolean"}), (others[], "v", "seq", "prev", "time", "mono_ns", "type"
  | {(.): "any"})] | add;

def is_sum: type == "string" and test("^[0-9a-f]{64}$");
def is_integer: type == "number" and . == floor and . <= 9007199254740991
  and . >= -9007199254740991;
def fits($kind):
  if $kind == "text" then type == "string" or . == null
  elif $kind == "integer" then is_integer
  elif $kind == "boolean" then type == "boolean"
  else $kind == "any" end;
# A line without its strings, so that jq, which takes more than JSON, can be held to JSON.
def skeleton: split("\\\\") | join("") | split("\\\"") | join("") | split("\"")
  | [range(0; length; 2) as $at | .[$at]] | join("s");
def is_json: test("^(?:[\\[\\]{}:, s]|true|false|null"
  + "|-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?(?![-+.0-9eE]))*$");
def key_count: [.. | objects | length] | add;
def is_time: test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$")
  and .[0:4] >= "1678" and .[0:4] <= "2261"
  and ((.[0:19] + "Z") as $second | (try ($second | fromdateiso8601 | todateiso8601) catch "") == $second);

# What is wrong with the record, or null. `.` is the record.
def wrong($line; $own; $kinds; $required):
  . as $record
  | ($line | skeleton) as $bones
  | if type != "object" then "the line is not a JSON object"
    elif ($bones | is_json | not) then "the line is not JSON"
    elif ($bones | split(":") | length - 1) != key_count then "a key stands twice in the record"
    elif .v != 1 or (.seq | is_integer | not) or (.prev | is_sum | not)
      or (.mono_ns | is_integer | not) or (.time | type != "string") or (.time | is_time | not)
      or (.type | type != "string") or ($required[.type] == null) then "the record has no proper head"
    elif ("{\"v\":1,\"seq\":\(.seq),\"prev\":\"\(.prev)\",\"time\":\"\(.time)\",\"mono_ns\":" as $head
      | $line | startswith($head) and (.[$head | length:] | test("^(0|[1-9][0-9]*),\"type\":\"" + $record.type + "\"")) | not)
      then "the record is not written as the engine writes it"
    elif ([to_entries[] | select($kinds[.key] as $kind | .value | fits($kind) | not)] | length) > 0
      then "a key of the record is unknown, or its value has the wrong type"
    elif ([$required[.type][] | select(. as $key | ($record | has($key) | not)
      or ($kinds[$key] == "text" and $record[$key] == null))] | length) > 0
      then "the record lacks a key"
    elif has("sum") and .sum != $own then "`sum` is not the SHA-256 of the line before it"
    else null end;

def stored: type == "object" and length == 3 and (.bytes | type == "number") and (.sha256 | is_sum)
  and (.file | type == "string" and startswith("output/"));
# [file, sha256] for each file that the record names; a null where it names none properly.
def pair($path; $folder): if type == "object" and (.[$path] | type == "string") and (.sha256 | is_sum)
  and (.[$path] | startswith($folder) and (index("\u0000") | not)
    and (.[$folder | length:] | length > 0 and . != "." and . != ".." and (index("/") | not)))
  then [.[$path], .sha256] else null end;
# What is short stands in the record itself.
def is_inline: type == "object" and length == 2 and (.text | type == "string")
  and (.bytes | type == "number");
def named:
  (if (.files | type) == "array" then .files[] | pair("copy"; "") elif .files == null then empty else null end),
  (if (.output | type) == "object" then .output[] | select(is_inline | not) | pair("file"; "output/") elif .output == null then empty else null end),
  (.result, .outputs | select(stored) | pair("file"; "output/"));

def found($kind; $file; $message): ["F", $kind, "\(.count + 1)", $file, $message];
def step($text; $kinds; $required):
  .out = []
  | if $text[0:2] == "D " then {index: $text[2:], head: ("0" * 64), count: 0, bad: false,
      ended: false, end: 0, resumed: false, heads: {}, out: []}
    elif $text == "E" then .out = [["E", "\(.ended)", "\(.resumed)", "\(.bad)", "\(.end)", "\(.count)"]]
    elif .bad then .
    else $text[2:66] as $sha | $text[67:131] as $own | $text[132:] as $line
    | (try ($line | fromjson) catch null) as $record
    | ($record | wrong($line; $own; $kinds; $required)) as $wrong
    | if $wrong then .out = [found("record"; ""; $wrong)] | .bad = true
      elif $record.seq != .count + 1 then .bad = true
        | .out = [found("record"; ""; "the record has number \($record.seq), expected \(.count + 1)")]
      elif $record.prev != .head then .bad = true
        | .out = [found("record"; ""; "the chain is broken: `prev` is not the SHA-256 of the line before")]
      else (if ($record.type == "run.started") != (.count == 0)
          then .out = [found("start"; ""; "`run.started` is not the first record, alone")] else . end)
      | (if .ended and ($record.type | IN("run.resumed", "checkpoint") | not) then .out += [found("record"; "";
          "a record stands behind the end of the run, and no `run.resumed` before it")] else . end)
      | .out += [$record | named | if . == null then ["F", "file.name", "\($record.seq)", "",
          "the record does not name a file of the run and its SHA-256"]
          else ["N", "\($record.seq)", (.[0] | @uri), .[1]] end]
      | (if $record.type == "checkpoint" then .out += [.heads[$record.head] as $covered
          | ["C", "\($record.seq)", "\($covered[0] // 0)", $covered[1] // "", $record.head,
            $record.signer // "", ($record.signature | if . == null then "" else "=" + @base64 end)]]
          else . end)
      | .heads[$sha] = [$record.seq, $record.time]
      | .head = $sha | .count += 1
      | .ended = ($record.type == "run.finished" or (.ended and $record.type == "checkpoint"))
      | .end = (if $record.type == "run.finished" then $record.seq elif .ended then .end else 0 end)
      | .resumed = (.resumed or $record.type == "run.resumed")
      end
    end;
kinds as $kinds | required as $required
| foreach inputs as $text ({}; step($text; $kinds; $required); . as $state | .out[] | [$state.index] + . | join("\u001f"))
'

# note INDEX KIND LINE FILE MESSAGE; `level` becomes the worst so far: 3 damaged, 2 untrusted, 1
# incomplete.
declare -a findings levels
note() {
    local place=${3:+ line $3}
    findings[$1]+="    $2$place${4:+ $4}: $5"$'\n'
    case $2 in
        torn | end) [ "${levels[$1]}" -gt 1 ] || levels[$1]=1 ;;
        seal.foreign | seal.missing | witness.none) [ "${levels[$1]}" -gt 2 ] || levels[$1]=2 ;;
        file.unnamed | seal | seal.failed | seal.unchecked) ;;
        *) levels[$1]=3 ;;
    esac
}

# judge_tail INDEX TRANSCRIPT COUNT: judges bytes that no record has, and what stands behind the last of
# COUNT lines; leaves the lines that may be records in the file `clean`.
judge_tail() {
    local body=$work/body length text
    head -n "$3" "$2" >"$body"
    tr -cd '\n -\177' <"$body" >"$work/clean"
    length=$(stat -c %s "$body")
    text=$(tail -c "+$((length + 1))" "$2" | tr -d '\0' | wc -c)
    if [ "$length" -ne "$(stat -c %s "$work/clean")" ]; then
        # A last line with zeros in it, and nothing but zeros behind it, was torn.
        if [ "$(head -n -1 "$body" | tr -d '\n -\177' | wc -c)" -gt 0 ] || [ "$text" -gt 0 ] ||
            [ "$(tail -n 1 "$body" | tr -cd '\0' | wc -c)" -eq 0 ]; then
            note "$1" record "" "" "bytes stand in the transcript that no record has"
        else
            note "$1" torn "$3" "" "the last line was torn"
        fi
        head -n "$(($3 - 1))" "$body" | tr -cd '\n -\177' >"$work/clean"
    elif [ "$text" -gt 65535 ]; then
        note "$1" record "$(($3 + 1))" "" "the line is longer than 65536 bytes"
    elif [ "$text" -gt 0 ]; then
        note "$1" torn "$(($3 + 1))" "" "$text bytes behind the last record are no record"
    fi
}

# digests FILE...: `sha256sum` of many files, by parts, as a command line has an end.
digests() {
    local -a some
    for ((; $#; )); do
        some=("${@:1:1000}")
        shift "${#some[@]}"
        sha256sum --zero -- "${some[@]}" 2>/dev/null
    done
}

# lines INDEX TRANSCRIPT: its whole lines, as `L` lines on descriptor 3.
lines() {
    local index=$1 at line digest part=$work/$1 count size rest
    local -a all=() digests=()
    local -A own=()
    tr -cd '\n -\177' <"$2" >"$work/clean"
    mapfile -t all <"$work/clean"
    { read -r count size _ && read -r _ rest _; } < <(wc -lc "$2" "$work/clean")
    if [ "$size" -ne "$rest" ] || [ "$count" -ne ${#all[@]} ]; then
        judge_tail "$index" "$2" "$count"
        mapfile -t all <"$work/clean"
    fi
    count=${#all[@]}
    [ "$count" -gt 0 ] || return 0
    mkdir "$part"
    split -a 8 -d -l 1 "$work/clean" "$part/l"
    for ((at = 0; at < count; at++)); do
        line=${all[at]}
        if [ ${#line} -gt 65535 ]; then
            note "$index" record "$((at + 1))" "" "the line is longer than 65536 bytes"
        fi
        if [ ${#line} -gt 74 ] && [[ ${line: -74} == ',"sum":"'*'"}' ]]; then
            printf '%s' "${line:0:-74}" >"$part/s$at"
        fi
    done
    while IFS= read -r -d '' digest; do
        case $digest in
            */l*) digests+=("${digest:0:64}") ;;
            *) own[${digest##*/s}]=${digest:0:64} ;;
        esac
    done < <(digests "$part"/l* "$part"/s*)
    for ((at = 0; at < count; at++)); do
        printf 'L %s %s %s\n' "${digests[at]}" "${own[$at]:-$none}" "${all[at]}"
    done >&3
    rm -rf "$part"
}

# files INDEX FOLDER: compares what is in the arrays `names`, `sums` and `places`.
files() {
    local index=$1 dir=$2 at name digest path
    local -A found=()
    local -a there=()
    for name in "${names[@]}"; do
        path=$dir/$name
        if [[ $name == output/* && -L $dir/output ]]; then
            continue
        elif [ -f "$path" ] && [ ! -L "$path" ]; then
            there+=("$path")
        fi
    done
    if [ ${#there[@]} -gt 0 ]; then
        while IFS= read -r -d '' digest; do
            found[${digest:66}]=${digest:0:64}
        done < <(digests "${there[@]}")
    fi
    for at in "${!names[@]}"; do
        digest=${found[$dir/${names[at]}]:-}
        if [ -z "$digest" ]; then
            note "$index" file.missing "${places[at]}" "${names[at]@Q}" "the file is not there"
        elif [ "$digest" != "${sums[at]}" ]; then
            note "$index" file.changed "${places[at]}" "${names[at]@Q}" "the file has other bytes"
        fi
    done
}

# extra INDEX FOLDER KIND: what lies in output/ and was not named.
extra() {
    local path name asked=0
    local -A known=()
    for name in "${names[@]}"; do
        known[$name]=1
    done
    [ ! -L "$2/output" ] || return 0
    for path in "$2"/output/*; do
        name=output/${path##*/}
        [ -z "${known[$name]:-}" ] || continue
        if [ "$3" = file.extra ] && left "$path" "$2/transcript.jsonl"; then
            note "$1" file.unnamed "" "${name@Q}" "a record holds what is in this file"
        else
            note "$1" "$3" "" "${name@Q}" "no record names this file"
        fi
    done
}

# left FILE TRANSCRIPT: whether it is a short output that a record holds, and that was not removed.
left() {
    asked=$((asked + 1))
    [ "$asked" -le 16 ] && [ -f "$1" ] && [ ! -L "$1" ] && [ -s "$1" ] &&
        [ "$(stat -c %s "$1")" -le 1024 ] || return 1
    tr -d '\0' <"$2" | jq -en --rawfile text "$1" \
        'any(inputs | .output | objects | .[]; (.text? // empty) == $text)' >/dev/null 2>&1
}

# ask VERB OPTION...: `ssh-keygen -Y` about the signature in the file `signature`; its answer, which
# ends with the fingerprint, is left in `said`, and what is wrong in the file `wrong`.
ask() {
    said=$(printf '%s' "$head" | ssh-keygen -Y "$1" -s "$work/signature" "${@:2}" 2>"$work/wrong")
}

# judge: sets `trust` to trusted, unknown, foreign or bad for the signature of `head`, `by` to whose
# it is. The key had to be valid when the record that it covers was written.
judge() {
    local -a when=(-O "verify-time=${time//[!0-9]/}Z") name=(-n runbook-checkpoint)
    trust=bad
    by="an unknown key"
    if [ -n "$signers" ] && ask find-principals -f "$signers" "${when[@]}" &&
        ask verify -f "$signers" -I "$(grep -v -m 1 '^!' <<<"$said")" "${name[@]}" "${when[@]}"; then
        trust=trusted
        by=${said#*signature for }
        by=${by% with * key *}
    elif ask check-novalidate "${name[@]}"; then
        trust=${signers:+foreign}
        trust=${trust:-unknown}
    fi
    [ "${said##* }" = "$signer" ] || trust=bad
}

# seals INDEX END COUNT: judges what is in the array `seals`, and says how far the run is sealed.
seals() {
    local line covers time head signer signature said trust by best=0 about=''
    for seal in "${seals[@]}"; do
        IFS=$'\037' read -r line covers time head signer signature <<<"$seal"
        time=${time%.*}
        if [ -z "$signature" ]; then
            note "$1" seal.failed "$line" "" "the checkpoint has no signature"
            [ "$covers" -gt 0 ] || note "$1" seal.bad "$line" "" "no record before it has its head"
            continue
        fi
        base64 -d <<<"${signature#=}" >"$work/signature"
        if [ "$covers" -eq 0 ]; then
            note "$1" seal.bad "$line" "" "no record before it has its head"
            continue
        elif ! command -v ssh-keygen >/dev/null; then
            note "$1" seal.unchecked "$line" "" "there is no ssh-keygen"
            continue
        fi
        judge
        case $trust in
            bad) note "$1" seal.bad "$line" "" "BAD signature: $(tail -n 1 "$work/wrong")" ;;
            foreign) note "$1" seal.foreign "$line" "" "$signer is not among the allowed signers" ;;
            *)
                if [ "$covers" -gt "$best" ]; then
                    best=$covers
                    about="sealed up to record $covers of $3, written ${time}Z, by $by ($signer)"
                fi
                ;;
        esac
    done
    if [ "$2" -eq 0 ] || [ "$best" -lt "$2" ]; then
        about=${about:+$about; what stands behind it is not sealed}
    fi
    [ -z "$about" ] || note "$1" seal "" "" "$about"
    if [ -n "$to_end" ] && { [ "$2" -eq 0 ] || [ "$best" -lt "$2" ]; }; then
        note "$1" seal.missing "" "" "it is not sealed to its end by a key that may"
    fi
}

# witness INDEX FOLDER: holds the transcript against the copy in the repository.
witness() {
    local run copy=$work/copy transcript=$2/transcript.jsonl
    run=$(head -n 1 "$transcript" 2>/dev/null | tr -d '\0' | jq -r .run 2>/dev/null)
    if ! git -C "$repository" cat-file blob "HEAD:runs/$run/transcript.jsonl" >"$copy" 2>/dev/null; then
        note "$1" witness.none "" "" "the repository has no copy of it"
    elif [ ! -s "$copy" ] || ! cmp -s -n "$(stat -c %s "$copy")" "$copy" "$transcript"; then
        note "$1" witness.other "" "" "the repository has another transcript of it"
    fi
}

none=$(printf '%064d' 0 | tr 0 -)
dirs=("$@")
exec 3>"$work/stream"
for index in "${!dirs[@]}"; do
    transcript=${dirs[index]}/transcript.jsonl
    findings[index]=
    levels[index]=0
    if [ ! -d "${dirs[index]}" ]; then
        echo "verify.sh: ${dirs[index]} is not a folder" >&2
        exit 2
    fi
    printf 'D %d\n' "$index" >&3
    if [ -L "$transcript" ] || [ ! -f "$transcript" ]; then
        note "$index" transcript "" "" "there is no transcript"
    else
        lines "$index" "$transcript"
    fi
    printf 'E\n' >&3
done
exec 3>&-

jq -nRr "$program" <"$work/stream" >"$work/answer" || {
    echo "verify.sh: jq failed" >&2
    exit 2
}
names=()
sums=()
places=()
seals=()
status=0
while IFS=$'\037' read -r index what a b c d more; do
    case $what in
        F) note "$index" "$a" "$b" "$c" "$d" ;;
        N)
            printf -v name '%b' "${b//%/\\x}"
            names+=("$name")
            sums+=("$c")
            places+=("$a")
            ;;
        C) seals+=("$a"$'\037'"$b"$'\037'"$c"$'\037'"$d"$'\037'"$more") ;;
        E)
            seals "$index" "$d" "$more"
            [ -z "$repository" ] || witness "$index" "${dirs[index]}"
            files "$index" "${dirs[index]}"
            if [ "$c" = false ]; then
                [ "$a" = true ] || note "$index" end "" "" "the end record is missing"
                if [ "$a" = true ] && [ "$b" = false ]; then
                    extra "$index" "${dirs[index]}" file.extra
                else
                    extra "$index" "${dirs[index]}" file.unnamed
                fi
            fi
            case ${levels[index]} in
                0) verdict=verified ;;
                1) verdict=incomplete status=7 ;;
                2) verdict=untrusted status=7 ;;
                *) verdict=damaged status=7 ;;
            esac
            printf '%s\t%s\n%s' "$verdict" "${dirs[index]}" "${findings[index]}"
            names=()
            sums=()
            places=()
            seals=()
            ;;
    esac
done <"$work/answer"
exit "$status"
