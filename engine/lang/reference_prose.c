#include "lang/reference_prose.h"

#include <stddef.h>

const char *const reference_opening[] = {
    "# Description",
    "A runbook is a YAML file: what must be there, what is asked, and steps that are run in order. "
    "Every step declares, or lets the engine derive, its effect on the world, and dry run, retry "
    "and rollback follow from it.",
    "    runbook: 1\n"
    "name: restore\n"
    "params:\n"
    "  backup: {type: path, required: true, description: The dump to restore}\n"
    "secrets:\n"
    "  database_url: {env: DATABASE_URL}\n"
    "steps:\n"
    "  - id: safety_copy\n"
    "    shell: pg_dump -Fc -f \"$COPY\" \"$DATABASE_URL\"\n"
    "    env: &db\n"
    "      BACKUP: \"${{ .params.backup }}\"\n"
    "      COPY: \"${{ .run.dir }}/work/before.dump\"\n"
    "      DATABASE_URL: \"${{ .secrets.database_url }}\"\n"
    "  - id: go\n"
    "    approval: \"Replace the database with ${{ .params.backup }}?\"\n"
    "  - id: restore\n"
    "    shell: pg_restore --clean --if-exists --single-transaction -d \"$DATABASE_URL\" "
    "\"$BACKUP\"\n"
    "    env: *db\n"
    "    rollback:\n"
    "      shell: pg_restore --clean --if-exists --single-transaction -d \"$DATABASE_URL\" "
    "\"$COPY\"\n"
    "      env: *db",
    "# Values",
    "- Names (ids of steps, parameters, secrets, databases, targets, outputs) are lower-case "
    "letters, digits and `_`, so that `.steps.safety_copy` is jq as it stands.",
    "- Durations are `500ms`, `10s`, `5m`, `4h`, `30d`, and sums such as `1h30m`.",
    "- Sizes are `64KiB`, `5GiB`, `10MB`, or a number of bytes.",
    "- Where a duration, a size or a number stands, a parameter may give it: "
    "`timeout: ${{ .params.limit }}`, and nothing else beside it. It is put in place while the "
    "file is read, so that `plan` shows the value; in a runbook that is called, the call must give "
    "it as a constant or hand on a parameter of its own.",
    "- Regular expressions are PCRE2, and match anywhere unless `^` and `$` say otherwise.",
    "- YAML is read strictly: `yes`, `no`, `0644` and `1:30` are text, a key that stands twice is "
    "an error, as are tabs that indent. Anchors, aliases and `<<` work.",
    "- Paths of files that the runbook itself names (`file:` of `sql`, `call`) are relative to the "
    "runbook. Commands run in the folder that `runbook` was started in, unless `cwd` says "
    "otherwise; `${{ .run.runbook_dir }}` is the runbook's folder.",
    NULL,
};

const char *const reference_configuration[] = {
    "# Configuration",
    "What holds for all runs of a person or a machine stands in a YAML file: `$RUNBOOK_CONFIG`, "
    "else `$XDG_CONFIG_HOME/runbook/config.yaml`, else `~/.config/runbook/config.yaml`. With "
    "`RUNBOOK_CONFIG=/dev/null` there is none. Relative paths in it are relative to the file, and "
    "`~/` is the home folder.",
    "    signing:\n"
    "  key: ~/.ssh/id_ed25519.pub\n"
    "  allowed_signers: allowed_signers",
    "With `signing.key` a run's transcript holds `checkpoint` records with an SSH signature: "
    "behind "
    "the end, and in a run that takes longer when it begins, when a rollback begins and ends, "
    "before `finally`, and every hour. A key that does not answer within 30 seconds fails no run: "
    "the record says why it has no signature, and `verify` what is not sealed.",
    "`runbook verify` asks ssh-keygen about each signature, in the namespace "
    "`runbook-checkpoint`; `--sealed` calls a run untrusted that is not sealed to its end by one "
    "of the allowed signers.",
    NULL,
};

const char *const reference_closing[] = {
    "# Order",
    "- A step needs the step above it. `needs: [a, b]` replaces that; `needs: []` starts at once. "
    "`needs` names steps of the same list.",
    "- `steps` is a group in order, `parallel` one whose members start at once. Groups nest.",
    "- A skipped step satisfies those that need it; so does one that failed under `on_failure: "
    "continue`.",
    "- Cycles, unknown ids and ids that stand twice in a file are errors of `check`.",
    "- At most `--jobs` steps run at the same time, 64 where nothing is said. Waiting for people "
    "or for time does not count.",
    "- In transcripts and on the command line a step of a group has its own id, an item of "
    "`foreach` is `step[2]`, counted from 0, and a step within a `foreach` group or a called "
    "runbook is `outer[2]/inner` or `outer/inner`.",

    "# Expressions",
    "Expressions are jq. In `when`, `foreach`, `assert` and templates `.` is the run:",
    "- `.params.NAME`, `.env.NAME` (the engine's environment, not the runbook's own `env`), "
    "`.secrets.NAME` where it is allowed.",
    "- `.steps.ID`: what that step came to. `status` is its state (`succeeded`, `failed`, "
    "`skipped`, …); an HTTP answer's status is `http_status`. Also `attempts`, `duration_ms`, "
    "`error`, `outputs`, and all that the action's result holds.",
    "- `.run`: `id`, `name`, `title`, `dir`, `runbook_dir`, `status`, `dry_run`, `started_at`, "
    "`user`, `host`, `profile`, `failed_step`, `error`.",
    "- `.item` and `.index` within `foreach`.",
    "In `expect`, `outputs` and `retry.when` `.` is the step's result and `$run` the run. A "
    "command's result holds `exit_code`, `stdout`, `stderr` and `json` (standard output, where it "
    "is JSON); `sql` has `rows`, `row_count` and `commands`; `http` has `status`, `headers` (names "
    "in lower case), `body`, `json`, `time_ms`, `timing`, `tls_days_left`, `url`, `redirects`; "
    "`git` has what its section tells.",
    "- Trailing newlines of `stdout` and `stderr` are cut, as the shell's `$(…)` does. Of each, "
    "expressions see the first MiB; the whole is kept with the run, and "
    "`runbook show RUN --output STEP` prints it.",
    "- Numbers are those of jq: integers beyond 2^53, and decimals that a double cannot hold, "
    "travel as strings of digits.",
    "- An expression ends with an error when it runs for more than 2 seconds.",
    "Templates `${{ … }}` stand in text. A value that is one template keeps its type; inside "
    "longer text it is rendered as text, and there, as in an environment variable, null is an "
    "error. They never stand in `shell` or `sql` text: values enter a command through `env`, and "
    "SQL through `args`, as `:name`, bound by the server. `{{ .params.x }}` without the `$` is an "
    "error, as it would go on as it stands; `${{ \"{{\" }}` stands for the braces themselves.",

    "# Secrets",
    "- `.secrets` may be used in `env`, `stdin`, `databases`, `targets` in `http`, `notify` "
    "and the credentials of `git`; `check` refuses it elsewhere.",
    "- A secret's value, also base64, hex, URL-, JSON-, XML- and shell-encoded, is cut out of all "
    "that is shown or stored and becomes `[redacted:NAME]`.",
    "- A variable that a secret is taken from is not in the environment of commands.",
    "- `redact` adds patterns; `sensitive: true` keeps no output of a step at all.",

    "# Commands",
    "`shell` and `exec` run in the engine's environment, then the runbook's `env`, "
    "`defaults.env`, and the step's `env`. There are also `RUNBOOK_OUTPUT`, `RUNBOOK_RUN_ID`, "
    "`RUNBOOK_RUN_DIR`, `RUNBOOK_STEP` and `RUNBOOK_TOKEN`, which is unique to the attempt.",
    "- Lines `name=value`, or a JSON object, written to the file `$RUNBOOK_OUTPUT` become outputs.",
    "- An output named `recovery_point`, a time as `2026-01-02T03:04:05Z` or a number of seconds "
    "since 1970, "
    "is what the RPO is measured from: the age of the newest data that came back."
    "- The RTO is measured from the start of the run to its end. Where a run did not succeed, "
    "nothing came back: its RTO is missed once the limit has passed and not known before, and its "
    "RPO is not known.",
    "- When a step ends, all processes that it left behind end with it: SIGTERM, and SIGKILL "
    "after `grace`. With `background: true` that is so at the end of the run, behind `finally`.",
    "- `ready` is asked every 200 ms until it holds, for at most the step's `timeout`, or a "
    "minute.",

    "# Targets",
    "A command with a `target` runs there, and behaves as it would here: its environment and "
    "folder arrive, quoted, its input, both streams, its exit status and what it wrote to "
    "`$RUNBOOK_OUTPUT` come through. Of the engine's own environment nothing goes along, and the "
    "step's travels over standard input: neither values nor secrets stand on a command line.",
    "- `via` are words before the command, such as `[docker, compose, exec, -T, postgres]`, "
    "`[kubectl, exec, -i, pod, --]`, `[nsenter, -t, \"1\", -m]`, `[srun, -w, node7]` or "
    "`[sudo, -n, -u, postgres]`. They must hand on standard input, output and error as they are, "
    "without a terminal.\n"
    "- `ssh` is a host, as OpenSSH takes it: a name of the user's own configuration, "
    "`user@host` or `ssh://user@host:port`. All steps share one connection, made by the first that "
    "needs it and ended with the run; where more than eight run on a host at once there are more. "
    "Nobody is asked for a password. A host's key must be in `known_hosts`, whatever the "
    "configuration says but for `StrictHostKeyChecking accept-new`. A host that does not answer is "
    "given up after 10 seconds, and a link that went silent after 20 (`ConnectTimeout` and "
    "`ServerAliveInterval`, where the configuration says nothing).",
    "An `http` step with an `ssh` target is made from there, through a tunnel in the same "
    "connection: its URL's host is looked up there, and is the one that the certificate must "
    "carry. A redirect to another host is refused, and the environment's proxies are not asked. "
    "`defaults.target` is for commands alone.",
    "A database with an `ssh` target (`databases: {main: {url: …, target: web}}`) is reached the "
    "same way by all that asks it: steps, probes, a dry run, and what settles a COMMIT in doubt. "
    "The host of its `url` is looked up there, `localhost` is the target itself, and a folder is "
    "that of a socket there. Where `sslmode` is `require`, `verify-ca` or `verify-full` the "
    "server's certificate counts as ever, and the tunnel begins at a free port of 127.0.0.1, which "
    "other accounts of this machine can connect to; otherwise it begins at a socket that is "
    "private, and the part between the target and its server is not encrypted. There a password is "
    "in the `url` or in PGPASSWORD: `~/.pgpass` is not looked up by the server's name. A `url` "
    "with several hosts, or none, is refused.",
    "A loop over hosts has their names as its items, `target: \"${{ .item }}\"`, and as much "
    "`concurrency` and `max_fail` as the rest of the hosts bears; `check` knows the names where "
    "the list stands there.",
    "The other side needs a POSIX shell called `sh`, `mktemp`, `grep`, `wc` and `head`.",
    "- A time limit and a cancel reach what runs there by a second way to the same target: "
    "SIGTERM, "
    "and SIGKILL after `grace`, to all processes that have the step's `RUNBOOK_THERE` in their "
    "environment, and all in their sessions. The same ends what a command leaves behind. Not "
    "reached is what has neither, where the target's system has no `/proc`, and what belongs to "
    "another user.\n"
    "- A way that does not come about (the launcher missing or failing, the host refusing, its key "
    "unknown) is a failure without effect. One that is lost while the command runs leaves it in "
    "doubt, as it may go on there; where its effect is `read` or `idempotent` it has failed, and "
    "`retry` repeats it.\n"
    "- Where the engine dies, what leads to a target goes on with the command, and `resume` hears "
    "how it ended. The connection ends with the last command that needs it.",

    "# Git",
    "A `git` step does one thing to one repository. It begins with a look: what would move, from "
    "where to where, is in the transcript before anything does. So a run that died is settled "
    "from the repository itself, and of a push from the remote.",
    "- Where a step has no `rollback`, what it did is taken back: a tag or a branch that it made "
    "is "
    "deleted, one that it deleted is there again, a branch that it moved is put back, with its "
    "files, and what it committed is staged again. A push is taken back on the remote, too. What "
    "has moved on since is left alone, and told. `undo: false` leaves all of it; `fetch` has "
    "nothing to undo.",
    "- `checkout`, `merge`, `revert` and `pull` begin only where no tracked file is changed. "
    "`merge` and `revert` touch nothing where there are conflicts; `pull` only moves forward.",
    "- `push` moves each branch and tag only from where it was seen, and forward, unless its "
    "refspec begins with `+`; `:NAME` deletes. Where the remote refuses one, the others are put "
    "back. An answer that was lost is in doubt, and the remote is asked.",
    "- Results: `status` has `branch`, `oid`, `clean`, `staged`, `changed`, `untracked`, "
    "`conflicted`, `upstream`, `ahead`, `behind`; `log` has `commits` (each `oid`, `short`, "
    "`subject`, `message`, `author`, `committer`, `parents`, `tags`), `count`, `more`; all that "
    "writes has `before`, `after`, `oid`, `unchanged`, and where files may change `files` and "
    "`changes`; `fetch` and `push` have `remote`, `url` and `updates`.",
    "- Who commits is `$GIT_AUTHOR_NAME` and the like, or `user.name` and `user.email`; commits "
    "and "
    "tags are signed where `commit.gpgsign` and `tag.gpgsign` say so.",
    "- By ssh it is OpenSSH, with your configuration, agent and known_hosts, and "
    "`$GIT_SSH_COMMAND` or `core.sshCommand`; a host key that is not known is refused. By https "
    "credentials come from the step; git's credential helpers are not asked, and certificates are "
    "always checked, with `http.sslCAInfo` where it is set.",
    "- **Hooks are not run**: neither `pre-commit`, `commit-msg` and `pre-push` of the repository, "
    "nor those of a remote that is a path on this machine; a server runs its own. What they check "
    "belongs into steps before it. Filters such as Git LFS are not run either: use `shell` there.",

    "# Effects",
    "`read` changes nothing, `idempotent` may be repeated, `once` must not be repeated blindly.",
    "- Commands are `once`. SQL is judged by what its statements do. GET, HEAD and OPTIONS are "
    "`read`, PUT and DELETE `idempotent`, other requests `once`. `assert`, `wait` and `approval` "
    "are `read`; a group or a call is as strong as the strongest of its members.",
    "- `effect` on a step overrides that; weakening what was derived for SQL needs "
    "`effect_reason`. SQL that is `read`, derived or said, runs in a READ ONLY transaction.",
    "- A `once` step is retried only where `retry` stands on that very step; that of `defaults` "
    "does not reach it.",

    "# What SQL and pushes destroy",
    "PostgreSQL's own parser tells what statements do; the plan shows for each what it touches, "
    "the lock it takes, whether it rewrites a table, and what it destroys. `check` refuses a step "
    "that may destroy something, unless `destroys` on the step names it, or an `approval` above "
    "the step names it in its message.",
    "- Named are objects that are dropped (`table leads`, `column leads.email`, `schema sales` "
    "with all that is in it), `rows of leads` (TRUNCATE, DELETE without a condition), `values of "
    "leads.status` (UPDATE without one), `type of leads.id`, `name of leads` (RENAME, SET SCHEMA), "
    "`constraint leads.one_name`, `not null of leads.email`, `storage of leads` (VACUUM FULL, "
    "CLUSTER), and with CASCADE `dependents of leads`. A condition that names no column of the "
    "table is none; beside other tables a column counts only where it is qualified.",
    "- Code that nobody has read may destroy anything: a DO block, EXECUTE and COPY with a PROGRAM "
    "are `anything`, a function, operator or procedure that is not the server's own is `anything "
    "by "
    "purge()`. `effect: read` with a reason lifts that, as the step then runs READ ONLY. What "
    "triggers, rules and foreign keys destroy in their turn no statement tells.",
    "- What the same script has made itself, temporary tables above all, it may destroy.",
    "- A `push` destroys what it overwrites by force (`+main`) or deletes (`:old`) on its remote: "
    "`ref main of origin`, or `branch` and `tag` where the refspec is written out (`+refs/heads/"
    "main`). A `+` or `:` that comes from a value is refused when it is rendered. A branch or tag "
    "that is deleted in the repository itself is put back by a rollback, and is no loss.",
    "- `destroys` names what is destroyed exactly; what it names beyond that is an error.",
    "- A gate counts where the step needs it, directly or not, nobody comes past it (no `when`, no "
    "`done_when`, no `foreach`, no `on_failure: continue`, also on groups around it), and the "
    "words of its "
    "message, templates left aside, hold every part of the name: `Empty archive.leads?`. It stands "
    "above the step's rollback as well.",
    "- Each file stands for itself: a gate in front of a `call` does not count within what is "
    "called. Gates among `steps` do not count for `finally`, which runs whatever was answered.",
    "- On a database with `protected: true` only a gate with `approvers` counts, and `destroys` "
    "does not. `check` tells what holds under one of the profiles only, and under which.",

    "# Failure and rollback",
    "- A step fails when its action fails or `expect` does not hold, after its last attempt. "
    "Unsaid, `expect` is exit status 0, a 2xx status, no SQL error.",
    "- Then no new step starts; running ones finish, unless `--cancel-running` ends them.",
    "- Rollbacks run in the reverse order of the graph: a handler starts when the handlers of all "
    "steps that needed its step are done; independent ones run in parallel. The failed step's own "
    "handler runs too, unless it is certain that nothing happened, as when its transaction was "
    "rolled back.",
    "- A handler that fails stops those that would follow it; the others go on. The run ends with "
    "exit status 3 and lists what is left to be done by hand, in order.",
    "- `finally` runs in each ending; its failure makes a success a failure.",
    "- Once a step with `point_of_no_return` has succeeded, nothing above it is rolled back.",

    "# Loops and calls",
    "- `max_fail` says how many items of a `foreach` may fail: `2`, or `25%` of them, rounded "
    "down. Up to there the step succeeds, and `.steps.ID.results` has each item's `status`. The "
    "next failure fails the step: no more items begin, and those that run may end.\n"
    "- `foreach` runs its items in order unless `concurrency` is more than 1. `.steps.ID.results` "
    "holds each item's result, and `.steps.ID.outputs.NAME` an array. Of a group, an item's result "
    "holds its members' results in `steps`, and their outputs together.",
    "- `call` shows the outputs of the called runbook's steps as its own; a later step's output "
    "wins over one of the same name. Its rollbacks are part of the caller's, and its `finally` "
    "runs at the end of the call.",

    "# Dry run",
    "`exec --dry-run` walks the same graph, changes nothing, and says for each step what it did "
    "about it:",
    "- `ran`: its effect is `read`, and it really ran, with its retries.\n"
    "- `tried`: its `dry_run` ran in its place, or its SQL was carried out in a transaction that "
    "was rolled back.\n"
    "- `checked`: it did not run, but what it needs was looked at.\n"
    "- `shown`: nothing is claimed about it, and the reason is told. Gates, checklists and waits "
    "are shown.",
    "It goes on behind what would fail, tells all of it, and then ends with exit status 1. Nothing "
    "is rolled back, but the handlers are checked, too, behind the steps and in their order.",
    "- Of commands, their names are found in the shell's text (in pipelines, lists, substitutions, "
    "behind `sudo`, `env`, `timeout`, `xargs` and their like) and looked for where the step would "
    "run, on its target and with its environment (which also fills names such as `$BIN/tool`); its "
    "shell reads the text without carrying it "
    "out (`-n`). What is missing in a branch, behind `||` or in a function is told and is no "
    "failure; a name that is computed is told, and not guessed.\n"
    "- SQL is tried where a rollback undoes all of it: where neither the text nor what the "
    "server's catalog has for its tables (defaults, triggers, rules, policies, types) counts in a "
    "sequence, sends, writes files, or runs code that nobody has read. It waits for a lock as long "
    "as the database's `lock_timeout` says, or 2s, and no statement takes longer than 10s. What "
    "is not tried is prepared on the server, which then knows its tables and columns, where "
    "PREPARE takes it.\n"
    "- Of requests, the values are rendered, the file that would be sent is looked for, the host "
    "is connected to and its certificate checked. Nothing is sent.",
    "`.steps.ID` of a step that was not really run is not known: a condition, a list of `foreach` "
    "or a value that looks at it is not guessed, and what depends on it is shown. Outputs of a "
    "step with `dry_run` are taken from that command's result, as `outputs` says. What fails only "
    "as things are, because a step above it that would have made or changed the table was not "
    "really run, is shown; so is a command that is missing where such a step, on the same target, "
    "names it as a package to install or writes it into a folder called `bin` or `sbin`.",
    NULL,
};

const char *const reference_policy[] = {
    "# House rules",
    "A file of rules that plans must hold to. `runbook check --policy FILE` tries it, "
    "without a profile and with each; with `policy:` in the configuration `check` and `exec` hold "
    "every runbook to it, `exec` refuses what breaks "
    "a "
    "rule (exit status 2; a dry run tells it and goes on), and its SHA-256 is in the transcript. "
    "What was begun is resumed and rolled back all the same.",
    "Conditions are jq over the plan, as `runbook plan --json` prints it and `runbook schema plan` "
    "describes it. `examples/policy.yml` shows three.",
    NULL,
};
