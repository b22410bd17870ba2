/* The ways to hosts: connections that the commands of a run share. */
#ifndef RUN_REACH_H
#define RUN_REACH_H

#include "io/ssh.h"
#include "run/engine.h"

/* An act's place on a connection, or its wait for one. */
struct reach;
/* `opened` is called once, from the loop: with why there is none (to be moved), or NULL. Unless it
 * shall be `fresh`, it may be one that others use. */
struct reach *reach_new(struct run *run, const char *host, bool fresh,
                        void (*opened)(void *user, struct err *err), void *user);
const struct ssh *reach_ssh(const struct reach *reach);
/* Why the connection ended, or NULL. */
const struct err *reach_lost(const struct reach *reach);
/* Of one that is open: `opened` is called from the loop, with where a tunnel to that end begins
 * here (ssh_tunnel_entry), or why there is none. */
void reach_tunnel(struct reach *reach, const struct ssh_end *end,
                  void (*opened)(void *user, const char *entry, struct err *err), void *user);
void reach_free(struct reach *reach); /* NULL is legal */

/* Closes all; each reports to run_check. */
void ways_end(struct run *run);
bool ways_over(const struct run *run);
/* `is_left`: the next engine goes on with the run. */
void ways_free(struct run *run, bool is_left);

#endif
