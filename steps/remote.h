/* What the other side of a target says of a command, told apart from what the command prints: see
 * engine/run/there.h. */
#ifndef STEPS_REMOTE_H
#define STEPS_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum remote_refusal { REMOTE_TAKEN, REMOTE_NO_FOLDER, REMOTE_NO_COMMAND };

struct remote;
/* NULL for a command that runs here: takes `marker`. `print` is called with what it prints. */
struct remote *remote_new(char *marker,
                          void (*print)(void *user, int stream, const char *bytes, size_t length),
                          void *user);
void remote_free(struct remote *remote); /* NULL is legal */
/* What came on a stream, 1 or 2. */
void remote_take(struct remote *remote, int stream, const char *bytes, size_t length);
/* No more comes. */
void remote_end(struct remote *remote);

bool remote_has_begun(const struct remote *remote);
/* Behind remote_end: nothing was sent to the other side. */
bool remote_was_unsent(const struct remote *remote);
enum remote_refusal remote_refusal(const struct remote *remote);
/* Whether its end was told, and all that it wrote as outputs came. */
bool remote_has_ended(const struct remote *remote);
int remote_status(const struct remote *remote);
const struct buf *remote_outputs(const struct remote *remote);

#endif
