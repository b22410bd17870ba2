#include "report/report.h"
#include "report/shape.h"

/* The members of each object that json.c writes. A test holds them to real reports. */

#define ANY "\"type\": \"object\""
#define TIME "\"type\": \"string\", \"format\": \"date-time\""
#define MAYBE_COUNT "\"type\": [\"integer\", \"null\"], \"minimum\": 0"
#define MAYBE_TEXT "\"type\": [\"string\", \"null\"]"

static const struct member objective[] = {
    {"limit_ms", COUNT, "how long it may be", true},
    {"measured_ms", MAYBE_COUNT, "how long it was; null: not known", true},
    {"met", "\"type\": [\"boolean\", \"null\"]", "whether it was kept; null: not known", true},
    {0}};

static const struct member objectives[] = {
    {"rto", A("objective"), "how long it took", false},
    {"rpo", A("objective"), "how old the data were", false},
    {"steps", LIST("phase"), "of groups and called runbooks", false},
    {0}};

static const struct member phase[] = {{"step", TEXT, "path of the group or the call", true},
                                      {"rto", A("objective"), "how long it took", false},
                                      {"rpo", A("objective"), "how old the data were", false},
                                      {0}};

static const struct member hand[] = {
    {"step", TEXT, "its path", true},
    {"title", MAYBE_TEXT, "for people", false},
    {"plan", "\"type\": \"array\"", "what is to be done: [[label, text]]", false},
    {"error", MAYBE_TEXT, "why the engine could not", false},
    {0}};

static const struct member stream[] = {
    {"text", TEXT, "all of it, where it is short", false},
    {"file", TEXT, "in the run's folder, where it is not", false},
    {"bytes", COUNT, "how long it is", true},
    {"sha256", HASH, "of the file", false},
    {0}};

static const struct member step[] = {
    {"phase", "\"enum\": [\"run\", \"rollback\", \"finally\"]", "when it ran", true},
    {"step", TEXT, "its path", true},
    {"title", TEXT, "for people", false},
    {"action", TEXT, "its type, such as shell", false},
    {"effect", "\"enum\": [\"read\", \"idempotent\", \"once\"]", "what it does to the world",
     false},
    {"status", TEXT, "how it stands: succeeded, failed, skipped, in_doubt, ...", true},
    {"dry_run", "\"enum\": [\"ran\", \"tried\", \"checked\", \"shown\"]",
     "what a dry run did about it", false},
    {"began", TIME, "its first attempt", false},
    {"duration_ms", COUNT, "how long it took; 0 where it never began", true},
    {"attempts", COUNT, "how many were begun", true},
    {"reason", TEXT, "why it was skipped or is in doubt; of a failure, what it wrote last", false},
    {"error", TEXT, "what went wrong", false},
    {"hint", TEXT, "what would be right", false},
    {"message", TEXT, "what people were asked", false},
    {"answer", TEXT, "what they said last", false},
    {"by", TEXT, "who", false},
    {"comment", TEXT, "and what else", false},
    {"plan", "\"type\": \"array\"", "what was to be done: [[label, text]]", false},
    {"result", ANY, "the action's, or {file, sha256, bytes} where it is large", false},
    {"outputs", ANY, "named values", false},
    {"output", "\"type\": \"object\", \"additionalProperties\": {\"$ref\": \"#/$defs/stream\"}",
     "what it wrote, by stream", false},
    {0}};

static const struct member item[] = {{"time", TIME, "when it was written down", true},
                                     {"type", TEXT, "of the record", true},
                                     {"step", TEXT, "path of the step, if it is about one", false},
                                     {"text", TEXT, "what happened", true},
                                     {0}};

static const struct member report[] = {
    {"version", "\"const\": 1", "of this shape", true},
    {"run", TEXT, "its id", true},
    {"name", TEXT, "the runbook's", true},
    {"runbook", TEXT, "path of the runbook as it was given", true},
    {"status", TEXT, "how it ended: succeeded, failed, rolled_back, crashed, ...; or running",
     true},
    {"damage", TEXT, "why the transcript could not be read further", false},
    {"exit", COUNT, "exit status of the engine", true},
    {"reason", TEXT, "the step that decided it", false},
    {"error", TEXT, "what went wrong there", false},
    {"dry_run", FLAG, "whether it was a dry run", true},
    {"began", TIME, "when it began", true},
    {"ended", TIME, "when it ended", false},
    {"duration_ms", COUNT, "how long it took", true},
    {"user", TEXT, "who ran the engine", false},
    {"host", TEXT, "the machine", false},
    {"profile", TEXT, "the one that was chosen", false},
    {"params", ANY, "values, after profile and defaults", false},
    {"engine", TEXT, "version of the engine", false},
    {"resumes", COUNT, "how often it was resumed", true},
    {"rollback", TEXT, "how the rollback ended, if there was one", false},
    {"objectives", A("objectives"), "what it is judged by", false},
    {"hands", LIST("hand"), "what is left to be done by hand, in order", false},
    {"counts", "\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}",
     "how many steps stand how", true},
    {"transcript", ANY, "what `runbook verify --json` says of it", false},
    {"steps", LIST("step"), "in the order in which they were first mentioned", true},
    {"timeline", LIST("item"), "what is worth telling, moment by moment", true},
    {"timeline_left_out", COUNT, "how much more there was", true},
    {0}};

static const struct shape shapes[] = {
    {"objective", "A promise and what came of it.", objective},
    {"objectives", "What the run is judged by.", objectives},
    {"phase", "What a part of it is judged by.", phase},
    {"hand", "What a person has to do.", hand},
    {"stream", "What a step wrote on one stream, redacted.", stream},
    {"step", "A step.", step},
    {"item", "A moment.", item},
};

void report_schema(struct buf *out) {
    static const struct shape root = {"A report of a run",
                                      "What `runbook report --format json` writes.", report};
    shape_schema(out, &root, shapes, sizeof shapes / sizeof *shapes);
}
