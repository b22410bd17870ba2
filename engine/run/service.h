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
struct step_ctx *service_act(struct service *service);
/* Asks all to end, newest first; each reports to run_check when it is gone. */
void services_end(struct run *run);
bool services_over(const struct run *run);
void services_free(struct run *run);

#endif
