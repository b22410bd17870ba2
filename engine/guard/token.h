/* The environment variable that names whose command a process is. */
#ifndef GUARD_TOKEN_H
#define GUARD_TOKEN_H

#define PROCESS_TOKEN "RUNBOOK_TOKEN"

#endif
