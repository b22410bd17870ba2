#include "lang/step.h"

#include <stddef.h>

#include "lang/tables.h"

#define AT(member) offsetof(struct step, member)
/* Where few steps say something: behind the step, see parse_slot. */
#define MORE(member) (sizeof(struct step) + offsetof(struct step_more, member))

const struct step_more step_plain = {.concurrency = 1};

static const struct field text_item = {.kind = FIELD_STRING, .doc = "Text."};
static const struct field name_item = {.kind = FIELD_NAME, .doc = "The id of a step."};
static const struct field template_item = {.kind = FIELD_TEXT,
                                           .doc = "The value; `${{ … }}` is rendered."};

static const struct field regex_item = {
    .kind = FIELD_REGEX, .doc = "A regular expression (PCRE2) that the value must match."};
static const struct field result_item = {
    .kind = FIELD_EXPR, .flags = FIELD_RESULT, .doc = "A jq condition on the result."};

const struct field retry_fields[] = {
    {.key = "attempts",
     .kind = FIELD_INTEGER,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct retry, attempts),
     .doc = "How many attempts in all, the first included.",
     .example = "3",
     .minimum = 1,
     .maximum = 1000000},
    {.key = "delay",
     .kind = FIELD_DURATION,
     .offset = offsetof(struct retry, delay_ms),
     .doc = "The pause before the second attempt.",
     .example = "2s"},
    {.key = "backoff",
     .kind = FIELD_NUMBER,
     .offset = offsetof(struct retry, backoff),
     .doc = "Each later pause is the one before times this.",
     .example = "2",
     .minimum = 1,
     .maximum = 1000,
     .fallback = 1},
    {.key = "max_delay",
     .kind = FIELD_DURATION,
     .offset = offsetof(struct retry, max_delay_ms),
     .doc = "No pause is longer than this.",
     .example = "30s"},
    {.key = "jitter",
     .kind = FIELD_NUMBER,
     .offset = offsetof(struct retry, jitter),
     .doc = "A pause varies at random by up to this share of it, either way.",
     .example = "0.2",
     .maximum = 1},
    {.key = "when",
     .kind = FIELD_EXPR,
     .flags = FIELD_RESULT,
     .offset = offsetof(struct retry, when),
     .doc = "A jq condition on the failed attempt's result: only where it holds, another follows.",
     .example = "'.status == 503'"},
    FIELD_END,
};

static const struct field matches_fields[] = {
    {.key = "matches",
     .kind = FIELD_REGEX,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct expect_text, matches),
     .doc = "A regular expression (PCRE2) that must match somewhere.",
     .example = "'^ready$'"},
    FIELD_END,
};

static const struct field rows_fields[] = {
    {.key = "exactly",
     .kind = FIELD_INTEGER,
     .offset = offsetof(struct expect_rows, exactly),
     .doc = "So many rows.",
     .example = "1",
     .maximum = INT64_MAX,
     .fallback = -1},
    {.key = "min",
     .kind = FIELD_INTEGER,
     .offset = offsetof(struct expect_rows, min),
     .doc = "At least so many rows.",
     .example = "1",
     .maximum = INT64_MAX,
     .fallback = -1},
    {.key = "max",
     .kind = FIELD_INTEGER,
     .offset = offsetof(struct expect_rows, max),
     .doc = "At most so many rows.",
     .example = "10",
     .maximum = INT64_MAX,
     .fallback = -1},
    FIELD_END,
};

static const struct field expect_fields[] = {
    {.key = "exit",
     .kind = FIELD_LIST,
     .flags = FIELD_ONE,
     .offset = offsetof(struct expect, exit),
     .doc = "The exit status, or those that count as success. Unsaid: 0.",
     .example = "[0, 3]",
     .item =
         &(const struct field){.kind = FIELD_INTEGER, .doc = "An exit status.", .maximum = 255}},
    {.key = "status",
     .kind = FIELD_LIST,
     .flags = FIELD_ONE,
     .offset = offsetof(struct expect, status),
     .doc = "The HTTP status, or those that count as success. Unsaid: 2xx.",
     .example = "200",
     .item =
         &(const struct field){
             .kind = FIELD_INTEGER, .doc = "An HTTP status.", .minimum = 100, .maximum = 599}},
    {.key = "stdout",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct expect, standard_output),
     .doc = "What standard output must match.",
     .example = "{matches: '^ready$'}",
     .fields = matches_fields,
     .size = sizeof(struct expect_text)},
    {.key = "stderr",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct expect, standard_error),
     .doc = "What standard error must match.",
     .example = "{matches: 'done'}",
     .fields = matches_fields,
     .size = sizeof(struct expect_text)},
    {.key = "body",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct expect, body),
     .doc = "What the response's body must match.",
     .example = "{matches: 'ok'}",
     .fields = matches_fields,
     .size = sizeof(struct expect_text)},
    {.key = "header",
     .kind = FIELD_MAP,
     .flags = FIELD_ANY_KEY,
     .offset = offsetof(struct expect, header),
     .doc = "What the response's headers must match, by name.",
     .example = "{content-type: '^application/json'}",
     .item = &regex_item},
    {.key = "rows",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct expect, rows),
     .doc = "How many rows the last statement must have returned or touched.",
     .example = "{min: 1, max: 10}",
     .fields = rows_fields,
     .size = sizeof(struct expect_rows),
     .shorthand = "exactly"},
    {.key = "time",
     .kind = FIELD_DURATION,
     .offset = offsetof(struct expect, time_ms),
     .doc = "The attempt must not have taken longer.",
     .example = "500ms",
     .minimum = 1,
     .maximum = INT64_MAX},
    {.key = "tls_days_left",
     .kind = FIELD_INTEGER,
     .offset = offsetof(struct expect, tls_days_left),
     .doc = "The server's certificate must be valid for at least so many more days.",
     .example = "14",
     .minimum = 1,
     .maximum = 36500},
    {.key = "jq",
     .kind = FIELD_LIST,
     .flags = FIELD_ONE | FIELD_RESULT,
     .offset = offsetof(struct expect, jq),
     .doc = "A jq condition on the result, or several; `.` is the result, `$run` the run.",
     .example = "'.rows[0].n > 0'",
     .item = &result_item},
    FIELD_END,
};

static const struct field output_fields[] = {
    {.key = "jq",
     .kind = FIELD_EXPR,
     .flags = FIELD_RESULT,
     .offset = offsetof(struct output, jq),
     .doc = "A jq expression on the result.",
     .example = "'.rows[0].leads'"},
    {.key = "regex",
     .kind = FIELD_REGEX,
     .offset = offsetof(struct output, regex),
     .doc = "Group 1 of its first match in standard output, or in the response's body.",
     .example = "'version (\\S+)'"},
    {.key = "file",
     .kind = FIELD_TEXT,
     .flags = FIELD_ITEM,
     .offset = offsetof(struct output, file),
     .doc = "The content of this file, without its final newline.",
     .example = "\"${{ .run.dir }}/checksum\""},
    {.key = "secret",
     .kind = FIELD_BOOL,
     .offset = offsetof(struct output, secret),
     .doc = "The value is a secret: it is redacted wherever it would appear.",
     .example = "true"},
    FIELD_END,
};

static const struct field output_item = {.kind = FIELD_OBJECT,
                                         .doc = "How the value is taken from the result.",
                                         .example = "{jq: '.rows[0].leads'}",
                                         .fields = output_fields,
                                         .size = sizeof(struct output)};

static const char *const on_failure_choices[] = {"rollback", "stop", "continue", NULL};
static const char *const effect_choices[] = {"read", "idempotent", "once", NULL};

/* Rows that several tables share, each written once. */
#define TITLE                                                                                      \
    {                                                                                              \
        .key = "title", .kind = FIELD_STRING, .offset = AT(title),                                 \
        .doc = "What people read in plans, progress and reports.",                                 \
        .example = "Keep what is there now"                                                        \
    }
#define DESCRIPTION                                                                                \
    {                                                                                              \
        .key = "description", .kind = FIELD_STRING, .offset = MORE(description),                   \
        .doc = "Why the step is there and what to know about it.",                                 \
        .example = "The dump is the way back if the restore fails."                                \
    }
#define WHEN                                                                                       \
    {                                                                                              \
        .key = "when", .kind = FIELD_EXPR, .flags = FIELD_ITEM, .offset = MORE(when),              \
        .doc = "A jq condition on the run; where it is false the step is skipped.",                \
        .example = "'.params.env == \"production\"'"                                               \
    }
#define TARGET                                                                                     \
    {                                                                                              \
        .key = "target", .kind = FIELD_TEXT, .flags = FIELD_ITEM, .offset = MORE(target),          \
        .doc = "The target of `targets` that the command runs on, or the request goes "            \
               "through; `\"${{ .item }}\"` where `foreach` goes over their names.",               \
        .example = "web"                                                                           \
    }
#define DATABASE                                                                                   \
    {                                                                                              \
        .key = "database", .kind = FIELD_NAME, .offset = MORE(database),                           \
        .doc =                                                                                     \
            "The database of `databases` that statements run on; unsaid where there is only one.", \
        .example = "primary"                                                                       \
    }
#define ENVIRONMENT                                                                                \
    {                                                                                              \
        .key = "env", .kind = FIELD_MAP,                                                           \
        .flags = FIELD_ANY_KEY | FIELD_ENV_KEY | FIELD_SECRETS | FIELD_ITEM, .offset = MORE(env),  \
        .doc = "Environment variables of the command: the way for values and secrets into it.",    \
        .example = "{BACKUP: \"${{ .params.backup }}\"}", .item = &template_item                   \
    }
#define FOLDER                                                                                     \
    {                                                                                              \
        .key = "cwd", .kind = FIELD_TEXT, .flags = FIELD_ITEM, .offset = MORE(cwd),                \
        .doc = "The folder that the command runs in.", .example = "/var/backups"                   \
    }
#define INPUT                                                                                      \
    {                                                                                              \
        .key = "stdin", .kind = FIELD_TEXT, .flags = FIELD_SECRETS | FIELD_ITEM,                   \
        .offset = MORE(input),                                                                     \
        .doc = "What the command reads from standard input; unsaid: nothing.",                     \
        .example = "\"${{ .steps.fetch.stdout }}\""                                                \
    }
#define TIMEOUT                                                                                    \
    {                                                                                              \
        .key = "timeout", .kind = FIELD_DURATION, .offset = AT(timeout_ms),                        \
        .doc = "How long one attempt may take.", .example = "10m"                                  \
    }
#define DEADLINE                                                                                   \
    {                                                                                              \
        .key = "deadline", .kind = FIELD_DURATION, .offset = MORE(deadline_ms),                    \
        .doc = "How long all attempts may take together, pauses included.", .example = "1h"        \
    }
#define GRACE                                                                                      \
    {                                                                                              \
        .key = "grace", .kind = FIELD_DURATION, .offset = MORE(grace_ms),                          \
        .doc = "The time from SIGTERM to SIGKILL when a command is ended; unsaid: 10s.",           \
        .example = "30s"                                                                           \
    }
#define RETRY                                                                                      \
    {                                                                                              \
        .key = "retry", .kind = FIELD_OBJECT, .offset = MORE(retry),                               \
        .doc = "How often and when a failed attempt is repeated.",                                 \
        .example = "{attempts: 3, delay: 2s, backoff: 2}", .fields = retry_fields,                 \
        .size = sizeof(struct retry)                                                               \
    }
#define EXPECT                                                                                     \
    {                                                                                              \
        .key = "expect", .kind = FIELD_OBJECT, .offset = MORE(expect),                             \
        .doc = "What must hold for the step to have succeeded.",                                   \
        .example = "{exit: 0, stdout: {matches: 'ok'}}", .fields = expect_fields,                  \
        .size = sizeof(struct expect)                                                              \
    }
#define LOCK                                                                                       \
    {                                                                                              \
        .key = "lock", .kind = FIELD_STRING, .offset = MORE(lock),                                 \
        .doc = "A name; two steps or runs that hold the same name never run together.",            \
        .example = "production-database"                                                           \
    }
#define EFFECT                                                                                     \
    {                                                                                              \
        .key = "effect", .kind = FIELD_CHOICE, .offset = AT(effect_override),                      \
        .doc = "What the step does to the world, where the derived effect is not right.",          \
        .example = "idempotent", .choices = effect_choices                                         \
    }
#define EFFECT_REASON                                                                              \
    {                                                                                              \
        .key = "effect_reason", .kind = FIELD_STRING, .offset = MORE(effect_reason),               \
        .doc = "Why `effect` is right; required where it says something else of SQL.",             \
        .example = "the function only logs"                                                        \
    }
#define DESTROYS                                                                                   \
    {                                                                                              \
        .key = "destroys", .kind = FIELD_LIST, .flags = FIELD_ONE, .offset = MORE(destroys),       \
        .doc = "What this step's SQL or push may destroy, named exactly as `check` names it; "     \
               "what is not "                                                                      \
               "named needs an `approval` above the step whose message names it.",                 \
        .example = "[table leads]", .item = &text_item                                             \
    }
#define SENSITIVE                                                                                  \
    {                                                                                              \
        .key = "sensitive", .kind = FIELD_BOOL, .offset = AT(sensitive),                           \
        .doc = "Its output is not kept at all.", .example = "true"                                 \
    }

static const struct field phase_fields[] = {
    {.key = "rto",
     .kind = FIELD_DURATION,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct objectives, rto_ms),
     .doc = "How long the group may take, from its start to its end.",
     .example = "15m"},
    FIELD_END,
};

const struct field step_fields[] = {
    {.key = "id",
     .kind = FIELD_NAME,
     .offset = AT(id),
     .doc = "The step's name in expressions and on the command line; unsaid: made from the title.",
     .example = "safety_copy"},
    TITLE,
    DESCRIPTION,
    {.key = "needs",
     .kind = FIELD_LIST,
     .offset = AT(needs),
     .doc = "The steps of the same list that must be done first; unsaid: the one above.",
     .example = "[safety_copy, go]",
     .item = &name_item},
    WHEN,
    {.key = "foreach",
     .kind = FIELD_VALUE,
     .flags = FIELD_JQ,
     .offset = MORE(foreach),
     .doc = "A list, or a jq expression that yields one; the step runs for each `.item`.",
     .example = "'.params.hosts'"},
    {.key = "concurrency",
     .kind = FIELD_INTEGER,
     .flags = FIELD_PRESET,
     .offset = MORE(concurrency),
     .doc = "How many items of `foreach` run at the same time.",
     .example = "4",
     .minimum = 1,
     .maximum = 10000,
     .fallback = 1},
    {.key = "max_fail",
     .kind = FIELD_TEXT,
     .offset = MORE(max_fail),
     .doc = "So many items of `foreach`, or so many percent of them, may fail without the step "
            "failing; the next one fails it, and no more begin.",
     .example = "25%"},
    TARGET,
    DATABASE,
    ENVIRONMENT,
    FOLDER,
    INPUT,
    TIMEOUT,
    DEADLINE,
    GRACE,
    RETRY,
    EXPECT,
    {.key = "outputs",
     .kind = FIELD_MAP,
     .offset = MORE(outputs),
     .doc = "Named values taken from the result, for later steps.",
     .example = "{leads: {jq: '.rows[0].leads'}}",
     .item = &output_item},
    {.key = "rollback",
     .kind = FIELD_STEP,
     .flags = FIELD_ITEM,
     .offset = MORE(rollback),
     .doc = "The step that takes this one back.",
     .example = "{shell: rm -f new.conf}"},
    {.key = "on_failure",
     .kind = FIELD_CHOICE,
     .offset = AT(on_failure),
     .doc = "What follows when the step has failed: roll back, leave all as it is, or go on.",
     .example = "continue",
     .choices = on_failure_choices},
    {.key = "dry_run",
     .kind = FIELD_STEP,
     .flags = FIELD_ITEM,
     .offset = MORE(dry_run),
     .doc = "What a dry run does in the step's place; it must leave no trace.",
     .example = "{shell: rsync --dry-run -a src/ dst/}"},
    {.key = "done_when",
     .kind = FIELD_PROBE,
     .flags = FIELD_ITEM,
     .offset = MORE(done_when),
     .doc = "A read-only probe; where it holds before the step, the step is done already.",
     .example = "{shell: test -e /var/backups/done}"},
    {.key = "background",
     .kind = FIELD_BOOL,
     .offset = AT(background),
     .doc = "The command is a service that runs beside later steps until the end of the run.",
     .example = "true"},
    {.key = "ready",
     .kind = FIELD_PROBE,
     .flags = FIELD_ITEM,
     .offset = MORE(ready),
     .doc = "The probe that says that a background command is up.",
     .example = "{http: \"http://localhost:8080/health\"}"},
    {.key = "point_of_no_return",
     .kind = FIELD_BOOL,
     .offset = AT(point_of_no_return),
     .doc = "Once this step has succeeded, nothing above it is rolled back any more.",
     .example = "true"},
    LOCK,
    EFFECT,
    EFFECT_REASON,
    DESTROYS,
    SENSITIVE,
    {.key = "objectives",
     .kind = FIELD_OBJECT,
     .offset = MORE(objectives),
     .doc =
         "What a group (`steps`, `parallel`) is measured by: its share of the time. A missed one "
         "is told in the run's summary, and fails nothing; for that there is `timeout`.",
     .example = "{rto: 15m}",
     .fields = phase_fields,
     .size = sizeof(struct objectives)},
    {.key = "tags",
     .kind = FIELD_LIST,
     .offset = AT(tags),
     .doc = "Words to find the step by.",
     .example = "[restore, slow]",
     .item = &text_item},
    FIELD_END,
};

const struct field handler_fields[] = {
    TITLE,  DESCRIPTION,   WHEN,     TARGET,    DATABASE,  ENVIRONMENT, FOLDER,
    INPUT,  TIMEOUT,       DEADLINE, GRACE,     RETRY,     EXPECT,      LOCK,
    EFFECT, EFFECT_REASON, DESTROYS, SENSITIVE, FIELD_END,
};

const struct field probe_fields[] = {
    TITLE, TARGET, DATABASE, ENVIRONMENT, FOLDER,    INPUT,     TIMEOUT,
    GRACE, RETRY,  EXPECT,   EFFECT,      SENSITIVE, FIELD_END,
};
