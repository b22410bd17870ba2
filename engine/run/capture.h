/* The output of one act: redacted, shown, and stored, as a text in the act's record where it is
 * short, else in files with their digests; its head kept for expressions. Memory does not grow
 * with it. */
#ifndef RUN_CAPTURE_H
#define RUN_CAPTURE_H

#include "secret/redact.h"
#include "step.h"

#define CAPTURE_HEAD_MAX (1 << 20) /* bytes a stream that expressions can see */
#define CAPTURE_TAIL_MAX 2048      /* bytes kept of the end, for messages */
/* A stream of UTF-8 without NUL that is no longer stands in the record, which vouches for it: a
 * file of its own takes its fsync two or three waits for the device. */
#define CAPTURE_TEXT_MAX 1024
#define CAPTURE_ESCAPED_MAX 2048 /* as the record writes it: a line has an end */
#define CAPTURE_GROWS ((uint64_t)8 << 20)

struct capture_spec {
    const struct redactor *redactor;
    const char *dir;  /* of the run; files go to its output/ */
    const char *name; /* file name before ".stdout"; NULL: nothing is stored */
    bool resume;      /* goes on with the files of an engine that died, where there are any */
    /* What fits into the record is in no file meanwhile: of an act that dies with the engine. What
     * a command prints is stored as it comes, for the next engine. */
    bool holds;
    void (*shown)(void *user, enum step_stream stream, const char *bytes, size_t length);
    void (*failed)(void *user, struct err *err); /* it could not be stored */
    /* A file has become longer by CAPTURE_GROWS bytes: the disk may begin with them. Or NULL. */
    void (*grows)(void *user, int fd);
    /* A file is complete: to be synced, and closed. NULL: it is only closed. */
    void (*stored)(void *user, int fd_taken);
    void *user;
};

struct capture;
/* With `resume`, `failed` may be called before it returns. What the dead engine held back is lost:
 * the stored output has a gap there, and nothing twice. */
struct capture *capture_new(const struct capture_spec *spec);
void capture_free(struct capture *capture);
void capture_write(struct capture *capture, enum step_stream stream, const char *bytes,
                   size_t length);
/* No more comes: what was held back is flushed, files are closed. */
void capture_end(struct capture *capture);
/* Its record is written: files whose text stands there go. Returns whether there were any. */
bool capture_recorded(struct capture *capture);

/* A secret became known that may be in what is stored: goes over it once more. Behind
 * capture_end. */
void capture_redact_again(struct capture *capture);

/* As it came, but for what an engine before this one stored, which is redacted; *ret_cut where
 * more came than is kept. */
const char *capture_head(const struct capture *capture, enum step_stream stream, size_t *ret_length,
                         bool *ret_cut);
/* The last lines, redacted; borrowed. */
const char *capture_tail(const struct capture *capture, enum step_stream stream);
/* {stdout: {text, bytes} or {file, bytes, sha256}, stderr: …}, or null where nothing was stored;
 * owned. */
value capture_record(const struct capture *capture);

#endif
