/* Background steps: a command that is a service. Its step is done once `ready` holds; it goes on
 * until after `finally`; its early death fails the run. */
#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include "run/engine.h"

/* Starts it; `ready` is called once: it answers, or why it does not. Where it failed the service
 * has ended with everything it started. */
struct service *service_new(struct node *node, const char *path, const char *label,
                            int64_t timeout_ms,
                            void (*ready)(void *user, struct service *service, const char *error),
                            void *user);
/* One whose attempt an engine before this one began, and of which `ready` was not told yet. */
struct service *
service_resume(struct node *node, const char *path, const char *label, int64_t timeout_ms,
               void (*ready)(void *user, struct service *service, const char *error), void *user);
struct step_ctx *service_act(struct service *service);
/* Asks all to end, newest first; each reports to run_check when it is gone. */
void services_end(struct run *run);
bool services_over(const struct run *run);
/* Of a run that recalls: one that answered; one whose early death, or whose end, is recorded. */
void service_recall(struct node *node, const char *path, const char *label);
void service_died_recalled(struct node *node, const struct event *event);
/* It was started once more, when the run was gone on with behind its end. */
void service_again_recalled(struct run *run, const char *path);
/* `again`: it ended with the run, which goes on now, and needs it once more. */
void service_end_recalled(struct run *run, const char *path, bool again);
/* Those that answered are found again. */
void services_go_on(struct run *run);
void services_free(struct run *run);
/* Of a replay, as the records tell: it answers; it has gone, in good order or `again` to come; it
 * is started once more. */
void service_answers(struct service *service);
void service_end_replayed(struct service *service, bool again);
void service_begin_again(struct service *service);

#endif
