#include "report/outline.h"
#include "report/shape.h"

/* The members of each object of an outline. A test holds them to real plans. */

#define SURE "\"enum\": [\"known\", \"rendered\"]"
#define LIVE "\"enum\": [\"live\"]"
#define FACT_MEMBERS                                                                               \
    {"text", TEXT, "as it will be used, or with the templates that are rendered later", true},     \
        {"is", SURE, "known: it is what will be used; rendered: at run time", true},               \
        {"from", TEXTS, "what it is rendered from, such as steps.counts or secrets.token", false}, \
    {                                                                                              \
        "holds", FLAG, "of a condition that looks at parameters only: whether it holds", false     \
    }

static const struct member fact[] = {FACT_MEMBERS, {0}};
static const struct member line[] = {
    FACT_MEMBERS,
    {"label", TEXT, "what the text is: command, statement, request, gate, ...", true},
    {0}};

static const struct member retry[] = {
    {"attempts", COUNT, "how many at most", true},
    {"delay_ms", COUNT, "pause before the second", false},
    {"max_delay_ms", COUNT, "the longest pause", false},
    {"backoff", "\"type\": \"number\"", "each pause is the one before times this", false},
    {"when", TEXT, "only where this holds on the result", false},
    {0}};

static const struct member gate[] = {
    {"by_hand", FLAG, "a person does something, instead of answering", true},
    {"message", A("fact"), "what people are asked", true},
    {"approvers", TEXTS, "who may answer; empty: anybody", true},
    {"quorum", COUNT, "how many must say yes", true},
    {"not_requester", FLAG, "who started the run may not answer", true},
    {"expires_ms", COUNT, "how long people have", false},
    {0}};

static const struct member expected[] = {
    {"p50_ms", COUNT, "half of them were as short", true},
    {"p90_ms", COUNT, "nine of ten were as short", true},
    {"runs", COUNT, "how many were looked at; 0: its author says so", true},
    {0}};

#define ACTION_MEMBERS                                                                             \
    {"title", TEXT, "for people", false}, {"action", TEXT, "its type, such as shell", true},       \
        {"lines", LIST("line"), "what it does", true}, {"gate", A("gate"), "whom it asks", false}, \
        {"env", "\"type\": \"object\", \"additionalProperties\": {\"$ref\": \"#/$defs/fact\"}",    \
         "the variables that the runbook gives a command", false},                                 \
        {"cwd", A("fact"), "the folder of a command", false},                                      \
        {"stdin", A("fact"), "the input of a command", false},                                     \
        {"target", TEXT, "where a command runs or a connection goes through, if not this machine", \
         false},                                                                                   \
        {"database", TEXT, "where statements run", false},                                         \
        {"timeout_ms", COUNT, "of one attempt", false},                                            \
        {"deadline_ms", COUNT, "of all attempts", false},                                          \
        {"retry", A("retry"), "how often it is tried", false},                                     \
        {"lock", TEXT, "what it holds meanwhile", false},                                          \
        {"on_failure", "\"enum\": [\"rollback\", \"stop\", \"continue\"]",                         \
         "where the step says so", false},                                                         \
    {                                                                                              \
        "expected", "\"oneOf\": [{\"$ref\": \"#/$defs/expected\"}, {\"type\": \"null\"}]",         \
            "how long it takes by past runs; null: not known", false                               \
    }

static const struct member handler[] = {
    ACTION_MEMBERS,
    {"is", LIVE, "of a probe: what it finds is checked live, when the run comes to it", false},
    {"steps", LIST("handler"), "its members", false},
    {0}};

static const struct member step[] = {
    ACTION_MEMBERS,
    {"path", TEXT, "its id, behind those of what it stands in", true},
    {"id", TEXT, "unique in its file", true},
    {"description", TEXT, "for people", false},
    {"file", TEXT, "where it stands", false},
    {"line", COUNT, "where it stands", true},
    {"column", COUNT, "where it stands", true},
    {"effect", "\"enum\": [\"read\", \"idempotent\", \"once\"]", "what it does to the world", true},
    {"effect_reason", TEXT, "why its author knows better", false},
    {"wave", COUNT, "steps of one wave may run at once", true},
    {"depth", COUNT, "in how many groups it stands", true},
    {"needs", TEXTS, "ids of the steps that must be done before it", true},
    {"when", A("fact"), "it is skipped where this does not hold", false},
    {"skipped", TEXT, "why it will not run", false},
    {"foreach", A("fact"), "it runs once for each of these", false},
    {"concurrency", COUNT, "how many of them at once", false},
    {"destroys", TEXTS, "what its author lets its statements destroy", false},
    {"losses", TEXTS, "the same, and what else its statements destroy", false},
    {"tags", TEXTS, "for people", false},
    {"background", FLAG, "a service that lives until the end", false},
    {"sensitive", FLAG, "its output is not kept", false},
    {"point_of_no_return", FLAG, "once it has succeeded, nothing above it is undone", false},
    {"probe", A("handler"), "what it asks again and again", false},
    {"done_when", A("handler"), "where this holds before the step, it is done already", false},
    {"ready", A("handler"), "what says that a service answers", false},
    {"dry_run", A("handler"), "what a dry run does instead", false},
    {"rollback", A("handler"), "what undoes it", false},
    {"objectives", A("objectives"), "what the group or the called runbook is judged by", false},
    {"undo", TEXTS, "paths of what would be undone if it failed, in that order", false},
    {"undo_more", COUNT, "how many more there are", false},
    {"undo_beside", TEXTS, "and these, where they have begun by then", false},
    {"steps", LIST("step"), "members that have a graph of their own", false},
    {0}};

static const struct member objectives[] = {
    {"rto_ms", COUNT, "how long it may take", false},
    {"rpo_ms", COUNT, "how old the data may be", false},
    {"rto_expected", "\"type\": [\"boolean\", \"null\"]",
     "whether nine of ten runs were as short; null: not known", false},
    {0}};
static const struct member drill[] = {
    {"profile", TEXT, "what it is run with", false},
    {"every_ms", COUNT, "how often it is due", false},
    {"last", "\"type\": [\"string\", \"null\"]", "when one succeeded; null: not known", false},
    {"due", FLAG, "whether one is", false},
    {0}};

static const struct member file[] = {
    {"path", TEXT, "as it is opened", true},
    {"sha256", HASH, "of its bytes", true},
    {"bytes", COUNT, "its length", true},
    {"lines", TEXT, "of a plan in a file: a mark for each line", false},
    {0}};
static const struct member git[] = {
    {"commit", "\"type\": [\"string\", \"null\"]", "what is checked out", false},
    {"branch", "\"type\": [\"string\", \"null\"]", "its name", false},
    {"dirty", FLAG, "some file differs, or the runbook is not in it", false},
    {"error", TEXT, "why nothing is known", false},
    {0}};
static const struct member policy[] = {
    {"path", TEXT, "the file", true}, {"sha256", HASH, "of its bytes", true}, {0}};
static const struct member secret[] = {{"name", TEXT, "its name", true},
                                       {"from", TEXT, "the variable that holds it", false},
                                       {"file", TEXT, "the file that holds it", false},
                                       {"command", TEXTS, "the command that prints it", false},
                                       {0}};
static const struct member database[] = {
    {"name", TEXT, "its name", true},
    {"url", TEXT, "where it is, with the names of secrets", false},
    {"target", TEXT, "what its connections go through, if they do", false},
    {"protected", FLAG, "only named people may let something be destroyed there", false},
    {0}};
static const struct member disk[] = {
    {"path", TEXT, "where", true}, {"at_least", COUNT, "bytes that must be free", true}, {0}};
static const struct member requires[] = {
    {"is", LIVE, "checked before anything runs", true}, {"commands", TEXTS, "on the PATH", false},
    {"env", TEXTS, "variables that are set", false},    {"files", TEXTS, "that are there", false},
    {"disk_free", LIST("disk"), "room", false},         {0}};
static const struct member resources[] = {
    {"is", LIVE, "a plan does not look whether it is there", true},
    {"commands", TEXTS, "what is called by name; what shell text calls is not looked into", true},
    {"hosts", TEXTS, "what requests and ssh go to", true},
    {"databases", TEXTS, "by name", true},
    {"targets", TEXTS, "by name", true},
    {"files", TEXTS, "that are read", true},
    {"reads", TEXTS, "of these, those that steps read as they are then", true},
    {0}};
static const struct member selection[] = {
    {"only", TEXTS, "ids that --only gave", true},
    {"skip", TEXTS, "ids that --skip gave", true},
    {"from", "\"type\": [\"string\", \"null\"]", "the id that --from gave", true},
    {0}};

static const struct member asked[] = {
    {"path", TEXT, "of the step", true}, {"gate", A("gate"), "as the step has it", true}, {0}};
static const struct member told[] = {
    {"path", TEXT, "of the step", true}, {"what", TEXTS, "each once", true}, {0}};
static const struct member origin[] = {
    {"from", TEXT, "such as steps.counts or secrets.token", true},
    {"steps", TEXTS, "paths of those that wait for it", true},
    {0}};

static const struct member outline[] = {
    {"runbook", TEXT, "path of the file", true},
    {"name", TEXT, "the runbook's", true},
    {"title", TEXT, "for people", false},
    {"description", TEXT, "for people", false},
    {"owner", TEXT, "who answers for it", false},
    {"lock", TEXT, "what a run of it holds", false},
    {"schedule", TEXT, "when it runs by itself", false},
    {"language", COUNT, "version of the language", true},
    {"engine", TEXT, "version of the engine", true},
    {"plan_sha256", HASH, "of the files, the parameters, the profile and the selection", true},
    {"sha256", HASH, "of a plan in a file: of the file without this member", false},
    {"files", LIST("file"), "all that is executed", true},
    {"git", "\"oneOf\": [{\"$ref\": \"#/$defs/git\"}, {\"type\": \"null\"}]",
     "the repository around the runbook", true},
    {"keys", "\"type\": \"object\"", "of a plan in a file: a mark for each key of each step",
     false},
    {"environment", "\"type\": \"object\"",
     "of a plan in a file: a mark for each variable that expressions look at", false},
    {"contents", "\"type\": \"object\"",
     "of a plan in a file: a mark for each file that steps read", false},
    {"policy", "\"oneOf\": [{\"$ref\": \"#/$defs/policy\"}, {\"type\": \"null\"}]",
     "the house rules in force", true},
    {"profile", TEXT, "the one that was chosen", false},
    {"selection", "\"oneOf\": [{\"$ref\": \"#/$defs/selection\"}, {\"type\": \"null\"}]",
     "what --only, --from and --skip chose", true},
    {"params", "\"type\": \"object\"", "values, after profile and defaults", true},
    {"given", TEXTS, "names of the parameters that a person gave", true},
    {"secrets", LIST("secret"), "by name: no value is ever in a plan", true},
    {"databases", LIST("database"), "that the runbook declares", true},
    {"requires", A("requires"), "what is checked before anything runs", false},
    {"resources", A("resources"), "what it needs", true},
    {"objectives", A("objectives"), "what it is judged by", false},
    {"drill", A("drill"), "how it is rehearsed", false},
    {"waves", COUNT, "how many", true},
    {"steps", LIST("step"), "in an order in which they may run", true},
    {"finally", LIST("step"), "what runs at the end whatever happened", false},
    {"point_of_no_return", TEXTS, "paths of the steps that are one", true},
    {"gates", LIST("asked"), "the steps that ask people", true},
    {"losses", LIST("told"), "the steps that destroy something", true},
    {"locks", LIST("told"), "the steps that hold locks, the engine's or a database's", true},
    {"unknown", LIST("origin"), "what is known at run time only", true},
    {"expected", "\"oneOf\": [{\"$ref\": \"#/$defs/expected\"}, {\"type\": \"null\"}]",
     "how long past runs took; null: not known", false},
    {0}};

static const struct shape shapes[] = {
    {"fact", "Something the plan says, and how sure it is of it.", fact},
    {"line", "One line of what a step does.", line},
    {"retry", "How often a step is tried.", retry},
    {"gate", "A question to people.", gate},
    {"expected", "Durations by past runs of the same runbook.", expected},
    {"handler", "A rollback handler, a probe, or a command for a dry run.", handler},
    {"step", "A step.", step},
    {"objectives", "What the runbook promises.", objectives},
    {"drill", "How a runbook is rehearsed.", drill},
    {"file", "A file whose bytes decide what is executed.", file},
    {"git", "The repository around the runbook.", git},
    {"policy", "The house rules.", policy},
    {"secret", "Where a secret comes from.", secret},
    {"database", "A database.", database},
    {"disk", "Room on a disk.", disk},
    {"requires", "What is checked before anything runs.", requires},
    {"resources", "What the steps need of the world.", resources},
    {"selection", "What was chosen of the steps.", selection},
    {"asked", "A step that asks people.", asked},
    {"told", "A step, and what it does to the world beside its action.", told},
    {"origin", "A value that is known at run time, and who waits for it.", origin},
};

void outline_schema(struct buf *out) {
    static const struct shape root = {
        "A plan of a runbook", "What `runbook plan --json` prints and `plan -o` writes.", outline};
    shape_schema(out, &root, shapes, sizeof shapes / sizeof *shapes);
}
