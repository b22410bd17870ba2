/* What the guard needs to begin a program, and what to say where it cannot; for the process room
 * only. */
#ifndef IO_PROCESS_SPAWN_H
#define IO_PROCESS_SPAWN_H

#include "guard/packet.h"
#include "io/process.h"

/* Where the program is; the caller frees; NULL and an error where it is not. */
char *spawn_locate(const struct process_spec *spec, struct err *err);
/* The packet that asks for it, with all pipes: the read ends are in FD_OUT_READ and FD_ERR_READ
 * and do not block. The caller releases it. */
int spawn_describe(const struct process_spec *spec, const char *program, struct packet *ret,
                   struct err *err) MUST_USE;
/* The text of that packet alone: token, program, words, environment. */
void spawn_text(const struct process_spec *spec, const char *program, struct packet *packet);
/* What was asked for, once its spec is gone: of the packet, which loses its text to it. */
struct spawn_asked;
struct spawn_asked *spawn_asked_new(const struct process_spec *spec, struct packet *packet);
/* As /proc/PID/environ shows it. */
const char *spawn_asked_environment(const struct spawn_asked *asked, size_t *ret_length);
void spawn_asked_free(struct spawn_asked *asked);
/* Why it did not begin: `sys` is an errno. Returns -1. */
int spawn_explain(const struct spawn_asked *asked, int sys, struct err *err);

#endif
