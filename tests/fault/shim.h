/* What the parts of the shim share: see shim.c. */
#ifndef FAULT_SHIM_H
#define FAULT_SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* X(NAME, whether it is a point at which the engine can be killed). The rest only fails. */
#define KINDS(X)                                                                                   \
    X(transcript, true) /* written to, as are the next five */                                     \
    X(output, true)                                                                                \
    X(print, true)                                                                                 \
    X(wake, true)                                                                                  \
    X(socket, true)                                                                                \
    X(file, true)                                                                                  \
    X(send, true)                                                                                  \
    X(connect, true)                                                                               \
    X(sync, true)                                                                                  \
    X(reserve, true)                                                                               \
    X(truncate, true)                                                                              \
    X(rename, true)                                                                                \
    X(create, true)                                                                                \
    X(mkdir, true)                                                                                 \
    X(unlink, true)                                                                                \
    X(spawn, true)                                                                                 \
    X(open, false)                                                                                 \
    X(read, false)                                                                                 \
    X(receive, false)                                                                              \
    X(pipe, false)                                                                                 \
    X(endpoint, false) /* socket() and socketpair() */                                             \
    X(lock, false)                                                                                 \
    X(memory, false)

enum kind {
#define X(name, is_point) KIND_##name,
    KINDS(X)
#undef X
        KIND_COUNT
};

struct call {
    enum kind kind;
    long number; /* 0: not a point */
};

/* Whether the call is to fail, with errno set. Does not return where the engine dies before it. */
bool call_begin(struct call *call, enum kind kind, const char *path, size_t length);
/* The same of a connection: one that fails is broken for both sides and for good. */
bool talk_begin(struct call *call, int fd, enum kind kind, const char *path, size_t length);
void call_end(const struct call *call);

/* What the descriptor is of; empty where that is not known. */
void path_of(int fd, char ret[PATH_MAX]);

/* The kind of a write to it. */
enum kind kind_of(int fd, const char *path);

bool is_tracing(void);
/* One change at a time, so that the trace has their order; false where there is none to keep. */
bool trace_begin(void);
void trace_put(const char *op, const char *path, const char *other, off_t offset, const void *bytes,
               size_t length);
void trace_end(bool is_traced);
/* All three, where `result` is no failure. */
void trace_one(const char *op, const char *path, const char *other, long result);

/* A regular file, with its size. */
bool is_file(int fd, off_t *ret_size);

#endif
