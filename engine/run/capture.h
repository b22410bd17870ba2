/* The output of one act: redacted, stored in files, digested, shown; its head kept for
 * expressions. Memory does not grow with it. */
#ifndef RUN_CAPTURE_H
#define RUN_CAPTURE_H

#include "secret/redact.h"
#include "step.h"

#define CAPTURE_HEAD_MAX (1 << 20) /* bytes a stream that expressions can see */
#define CAPTURE_TAIL_MAX 2048      /* bytes kept of the end, for messages */

struct capture_spec {
    const struct redactor *redactor;
    const char *dir;  /* of the run; files go to its output/ */
    const char *name; /* file name before ".stdout"; NULL: nothing is stored */
    bool resume;      /* goes on with the files of an engine that died, where there are any */
    void (*shown)(void *user, enum step_stream stream, const char *bytes, size_t length);
    void (*failed)(void *user, struct err *err); /* it could not be stored */
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

/* A secret became known that may be in what is stored: goes over it once more. Behind
 * capture_end. */
void capture_redact_again(struct capture *capture);

/* As it came, but for what an engine before this one stored, which is redacted; *ret_cut where
 * more came than is kept. */
const char *capture_head(const struct capture *capture, enum step_stream stream, size_t *ret_length,
                         bool *ret_cut);
/* The last lines, redacted; borrowed. */
const char *capture_tail(const struct capture *capture, enum step_stream stream);
/* {stdout: {file, bytes, sha256}, stderr: …}, or null where nothing was stored; owned. */
value capture_record(const struct capture *capture);

#endif
