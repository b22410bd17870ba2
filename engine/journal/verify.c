#include "journal/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "journal/reader.h"
#include "journal/store_list.h"
#include "journal/verify_parts.h"
#include "secret/digest.h"

/* What names files, and the run before it. */
#define VERIFY_LOOKS_AT                                                                            \
    (EVENT_BIT(files) | EVENT_BIT(output) | EVENT_BIT(result) | EVENT_BIT(outputs) |               \
     EVENT_BIT(previous))

struct verify {
    char *dir;
    char *transcript;
    char *id;
    struct arena *arena; /* of the findings */
    VEC(struct verify_finding) findings;
    uint64_t dropped;
    enum verify_level worst;
    bool running;
    uint64_t records, files, signatures; /* of records that are no checkpoints */
    struct map *named;                   /* files; NULL: the transcript cannot be read */
    struct verify_sealing *sealing;
    uint64_t ended_at; /* the record run.finished, where only seals stand behind it; 0: none */
    bool resumed;
    off_t length; /* of all records */
    char head[DIGEST_TEXT_SIZE];
    struct buf start; /* of the record that is checked, as it should be */
    char *previous;   /* the run before it, and its head then; NULL: none */
    char previous_head[DIGEST_TEXT_SIZE];
    uint64_t witnessed;
    struct anchor_list *anchors; /* what later runs say of it; borrowed */
    uint64_t vouched;
    const char *vouched_by;
};

/* ---- words --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum verify_level level;
} kinds[VERIFY_KIND_COUNT] = {
#define X(NAME, name, level) [VERIFY_##NAME] = {name, level},
    VERIFY_KINDS(X)
#undef X
};

const char *verify_kind_name(enum verify_kind kind) {
    return kinds[kind].name;
}

enum verify_level verify_kind_level(enum verify_kind kind) {
    return kinds[kind].level;
}

const char *verify_verdict_name(enum verify_verdict verdict) {
    static const char *const names[] = {"verified", "running", "incomplete", "untrusted",
                                        "damaged"};
    return names[verdict];
}

void verify_find(struct verify *verify, enum verify_kind kind, uint64_t line, const char *file,
                 const char *format, ...) {
    if (kinds[kind].level > verify->worst)
        verify->worst = kinds[kind].level;
    if (verify->findings.count == VERIFY_FINDINGS_MAX) {
        verify->dropped++;
        return;
    }
    va_list args;
    va_start(args, format);
    AUTO_TEXT message = mem_vprintf(format, args);
    va_end(args);
    *vec_add(&verify->findings) = (struct verify_finding){
        .kind = kind,
        .line = line,
        .file = file ? arena_strdup(verify->arena, file) : NULL,
        .message = arena_strdup(verify->arena, message),
    };
}

/* ---- one record ---------------------------------------------------------------------------- */

/* The reader takes any JSON with the right members; what the engine writes is ASCII and begins in
 * one way only, so nobody can hide a second meaning in how a record is written. */
static bool is_canonical(struct verify *verify, const char *line, size_t length,
                         const struct event *event) {
    struct buf *start = &verify->start;
    unsigned strange = 0;
    buf_clear(start);
    event_write_head(event, verify->head, start);
    if (event->mono_ns < 0 || length <= start->length ||
        memcmp(line, start->data, start->length) != 0)
        return false;
    for (size_t i = 0; i + 1 < length; i++) /* without a branch, many at once */
        strange |= (unsigned char)line[i] < 0x20 || (unsigned char)line[i] >= 0x80;
    return !strange;
}

static void id_check(struct verify *verify, const struct event *event, const char *run) {
    verify->id = mem_strdup(event->run);
    if (run && !text_equal(run, event->run))
        verify_find(verify, VERIFY_RUN, event->seq, NULL,
                    "this is the transcript of the run `%s`, and not of `%s`", event->run, run);
}

static void previous_keep(struct verify *verify, const struct event *event) {
    if (!EVENT_HAS(event, previous))
        return;
    AUTO_VALUE run = value_get(event->previous, "run");
    AUTO_VALUE sha256 = value_get(event->previous, "sha256");
    if (!value_is(run, VALUE_STRING) || value_text_length(sha256) != DIGEST_TEXT_SIZE - 1)
        return;
    verify->previous = mem_strdup(value_text(run));
    memcpy(verify->previous_head, value_text(sha256), DIGEST_TEXT_SIZE);
}

static void start_check(struct verify *verify, const struct event *event, const char *run) {
    const bool starts = event->type == EVENT_RUN_STARTED;
    if (starts != (event->seq == 1))
        verify_find(verify, VERIFY_START, event->seq, NULL,
                    starts ? "a transcript has one `run.started`, and it is its first record"
                           : "the first record is not `run.started`");
    if (starts && !verify->id) {
        id_check(verify, event, run);
        previous_keep(verify, event);
    }
}

static void anchors_check(struct verify *verify, const char *head, uint64_t line) {
    for (size_t i = 0; verify->anchors && i < verify->anchors->count; i++) {
        struct anchor *anchor = &verify->anchors->items[i];
        if (!text_equal(anchor->head, head))
            continue;
        anchor->found = true;
        verify->vouched = line;
        verify->vouched_by = anchor->by;
    }
}

/* ---- all records --------------------------------------------------------------------------- */

/* What the reader says is about a line: the place is in the finding already. */
static void damage_found(struct verify *verify, uint64_t line, const struct err *err) {
    AUTO_TEXT place = mem_printf("%s, line %llu: ", verify->transcript, (unsigned long long)line);
    const bool placed = text_starts_with(err->message, place);
    verify_find(verify, VERIFY_RECORD, line, NULL, "%s; what follows was not checked",
                err->message + (placed ? strlen(place) : 0));
}

/* A run that is over goes on only by being resumed; its seals stand behind its end. */
static void end_is_end(struct verify *verify, const struct event *event) {
    if (verify->ended_at > 0 && event->type != EVENT_RUN_RESUMED && event->type != EVENT_CHECKPOINT)
        verify_find(verify, VERIFY_RECORD, event->seq, NULL,
                    "a record stands behind the end of the run, and no `run.resumed` before it");
}

/* What is kept of a record once it was checked. */
static void record_keep(struct verify *verify, const struct reader *reader, size_t length,
                        const struct event *event) {
    verify->resumed |= event->type == EVENT_RUN_RESUMED;
    if (event->type != EVENT_CHECKPOINT) { /* seals may stand behind the end */
        verify->signatures += EVENT_HAS(event, signature);
        verify->ended_at = event->type == EVENT_RUN_FINISHED ? event->seq : 0;
    }
    verify->records = event->seq;
    verify->length += (off_t)length;
    memcpy(verify->head, reader_head(reader), sizeof verify->head);
}

static void record_check(struct verify *verify, const struct reader *reader,
                         struct verify_files *files, const struct event *event, const char *run) {
    size_t length = 0;
    const char *line = reader_line(reader, &length);
    if (!is_canonical(verify, line, length, event))
        verify_find(verify, VERIFY_RECORD, event->seq, NULL,
                    "the record is not written as the engine writes it");
    start_check(verify, event, run);
    end_is_end(verify, event);
    verify_files_check(files, event);
    verify_sealing_add(verify->sealing, event);
    record_keep(verify, reader, length, event);
    anchors_check(verify, verify->head, event->seq);
}

/* How many bytes but zeros stand behind the last record: the reserve of a run that was not closed
 * is zeros. */
static uint64_t tail_count(const struct verify *verify) {
    AUTO_FD fd = open(verify->transcript, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char piece[4096];
    uint64_t count = 0;
    ssize_t got;
    for (off_t at = verify->length; fd >= 0; at += got) {
        got = pread(fd, piece, sizeof piece, at);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            count += piece[i] != 0;
    }
    return count;
}

static void end_check(struct verify *verify) {
    const uint64_t torn = verify->running ? 0 : tail_count(verify);
    if (torn > 0)
        verify_find(verify, VERIFY_TORN, verify->records + 1, NULL,
                    "%llu bytes behind the last record are no record: a crash tore a line, or the "
                    "transcript was cut within one",
                    (unsigned long long)torn);
    if (verify->ended_at == 0 && !verify->running)
        verify_find(verify, VERIFY_END, 0, NULL,
                    "the end record is missing: the engine was stopped, or the transcript was cut");
}

static void records_check(struct verify *verify, struct reader *reader, struct verify_files *files,
                          const char *run) {
    struct event event;
    AUTO_ERR err = ERR_INIT;
    int more = 0;
    while ((more = reader_next(reader, &event, &err)) > 0)
        record_check(verify, reader, files, &event, run);
    if (more < 0) {
        damage_found(verify, verify->records + 1, &err);
        return;
    }
    end_check(verify);
    const bool whole = verify->ended_at && !verify->resumed;
    verify_files_extra(files, whole ? VERIFY_EXTRA : VERIFY_UNNAMED, verify->transcript);
}

static void transcript_check(struct verify *verify, const char *run) {
    struct stat info;
    struct reader *reader = NULL;
    AUTO_ERR err = ERR_INIT;
    if (lstat(verify->transcript, &info) < 0) {
        verify_find(verify, VERIFY_TRANSCRIPT, 0, NULL, "there is no transcript: %s",
                    strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        verify_find(verify, VERIFY_TRANSCRIPT, 0, NULL, "the transcript is not a regular file");
    } else if (reader_open(verify->transcript, &reader, &err) < 0) {
        verify_find(verify, VERIFY_TRANSCRIPT, 0, NULL, "%s", err.message);
    } else {
        struct verify_files *files = verify_files_new(verify, verify->dir);
        reader_want(reader, VERIFY_LOOKS_AT);
        records_check(verify, reader, files, run);
        verify->files = verify_files_count(files);
        verify->named = verify_files_take(files);
        verify_files_free(files);
        reader_free(reader);
        verify_sealing_place(verify->sealing, verify->transcript);
    }
}

/* ---- the runs around it -------------------------------------------------------------------- */

/* Whether some record of that transcript, as far as it can be read, has this SHA-256. It need not
 * be the last: the earlier run may have gone on beside the later one. */
static bool transcript_has(const char *transcript, const char *head) {
    struct reader *reader = NULL;
    struct event event;
    AUTO_ERR ignored = ERR_INIT;
    bool found = false;
    char last[DIGEST_TEXT_SIZE];
    if (transcript_head(transcript, last) && text_equal(last, head))
        return true;
    if (reader_open(transcript, &reader, &ignored) < 0)
        return false;
    reader_want(reader, 0);
    while (!found && reader_next(reader, &event, &ignored) > 0)
        found = text_equal(reader_head(reader), head);
    reader_free(reader);
    return found;
}

static void previous_check(struct verify *verify, const struct anchors *anchors) {
    if (!verify->previous)
        return;
    const struct anchor_list *list = anchors_of(anchors, verify->previous);
    if (!list || !list->present) {
        verify_find(verify, VERIFY_PREVIOUS, 1, NULL,
                    "the run before it, `%s`, is not in the store", verify->previous);
        return;
    }
    AUTO_TEXT path = mem_printf("%s/runs/%s", anchors_store(anchors), verify->previous);
    AUTO_TEXT transcript = store_transcript(path);
    if (!transcript_has(transcript, verify->previous_head))
        verify_find(verify, VERIFY_ALTERED, 1, NULL,
                    "the run before it, `%s`, has no record now that this run's first record "
                    "vouches for",
                    verify->previous);
}

static void anchors_judge(struct verify *verify) {
    for (size_t i = 0; verify->anchors && i < verify->anchors->count; i++)
        if (!verify->anchors->items[i].found)
            verify_find(verify, VERIFY_REWRITTEN, 0, NULL,
                        "the run `%s`, begun later, vouches for a record that this transcript does "
                        "not have: it was cut or written anew",
                        verify->anchors->items[i].by);
}

/* ---- a witness ----------------------------------------------------------------------------- */

bool verify_begins_with(const struct verify *verify, const char *bytes, size_t length) {
    AUTO_FD fd = open(verify->transcript, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char piece[16384];
    bool is_same = fd >= 0 && length > 0 && length <= (uint64_t)verify->length;
    for (size_t at = 0; is_same && at < length;) {
        const size_t left = length - at;
        const ssize_t got = pread(fd, piece, left < sizeof piece ? left : sizeof piece, (off_t)at);
        is_same = got > 0 && memcmp(piece, bytes + at, (size_t)got) == 0;
        at += got > 0 ? (size_t)got : 0;
    }
    return is_same;
}

void verify_witness(struct verify *verify, const char *bytes, size_t length) {
    if (!bytes) {
        verify_find(verify, VERIFY_WITNESS_NONE, 0, NULL, "the witness has no copy of it");
        return;
    }
    if (!verify_begins_with(verify, bytes, length)) {
        verify_find(verify, VERIFY_WITNESS_OTHER, 0, NULL,
                    "the witness has another transcript of it: it was cut or written anew");
        return;
    }
    for (size_t i = 0; i < length; i++)
        verify->witnessed += bytes[i] == '\n';
}

uint64_t verify_witnessed(const struct verify *verify) {
    return verify->witnessed;
}

/* ---- a run --------------------------------------------------------------------------------- */

struct verify *verify_run(const char *dir, const char *run, struct anchors *anchors) {
    struct verify *verify = mem_zalloc(sizeof *verify);
    verify->dir = mem_strdup(dir);
    verify->transcript = store_transcript(dir);
    verify->arena = arena_new();
    verify->sealing = verify_sealing_new(verify, verify->arena);
    verify->anchors = anchors && run ? anchors_of(anchors, run) : NULL;
    memcpy(verify->head, EVENT_NO_PREV, sizeof verify->head);
    verify->start = (struct buf)BUF_INIT(TRANSCRIPT_LINE_MAX);
    /* Asked first: an engine that ends meanwhile has written its end by then. */
    verify->running = store_is_running(dir);
    transcript_check(verify, run);
    if (anchors)
        previous_check(verify, anchors);
    anchors_judge(verify);
    if (verify->signatures > 0)
        verify_find(verify, VERIFY_SEAL_UNCHECKED, 0, NULL,
                    "%llu records that are no checkpoints carry a signature: it was not checked",
                    (unsigned long long)verify->signatures);
    return verify;
}

void verify_free(struct verify *verify) {
    if (!verify)
        return;
    vec_release(&verify->findings);
    verify_sealing_free(verify->sealing);
    map_free(verify->named);
    buf_release(&verify->start);
    arena_free(verify->arena);
    mem_free(verify->dir);
    mem_free(verify->transcript);
    mem_free(verify->id);
    mem_free(verify->previous);
    mem_free(verify);
}

enum verify_verdict verify_verdict(const struct verify *verify) {
    if (verify->worst == VERIFY_HARM)
        return VERIFY_DAMAGED;
    if (verify->worst == VERIFY_DISTRUST)
        return VERIFY_UNTRUSTED;
    if (verify->worst == VERIFY_GAP)
        return VERIFY_INCOMPLETE;
    return verify->ended_at ? VERIFY_VERIFIED : VERIFY_RUNNING;
}

const char *verify_dir(const struct verify *verify) {
    return verify->dir;
}

const char *verify_id(const struct verify *verify) {
    return verify->id;
}

uint64_t verify_records(const struct verify *verify) {
    return verify->records;
}

uint64_t verify_files(const struct verify *verify) {
    return verify->files;
}

struct verify_sealing *verify_sealing_of(const struct verify *verify) {
    return verify->sealing;
}

uint64_t verify_ended_at(const struct verify *verify) {
    return verify->ended_at;
}

uint64_t verify_length(const struct verify *verify) {
    return (uint64_t)verify->length;
}

bool verify_file_next(const struct verify *verify, size_t *cursor, const char **ret_name) {
    void *ignored;
    return verify->named && map_next(verify->named, cursor, ret_name, &ignored);
}

const char *verify_head(const struct verify *verify) {
    return verify->head;
}

uint64_t verify_vouched(const struct verify *verify, const char **ret_by) {
    *ret_by = verify->vouched_by;
    return verify->vouched;
}

const struct verify_finding *verify_findings(const struct verify *verify, size_t *ret_count) {
    *ret_count = verify->findings.count;
    return verify->findings.items;
}

uint64_t verify_findings_dropped(const struct verify *verify) {
    return verify->dropped;
}
