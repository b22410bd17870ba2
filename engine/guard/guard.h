/* The guard of a run: a process of its own that begins the run's commands, ends what they leave
 * behind, and keeps how they ended. It outlives an engine that dies, for as long as there is
 * something to look after, output to be fetched, or something kept for the next one; the engine
 * that resumes finds it through the socket in the run's directory. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

/* The whole life; `socket` is connected with the engine. Returns the exit status. */
int guard_run(int socket);

#endif
