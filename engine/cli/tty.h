/* The keyboard: lines typed at the terminal, read on the loop without blocking it. */
#ifndef CLI_TTY_H
#define CLI_TTY_H

#include "io/loop.h"

struct tty;
/* Opens the terminal of standard input anew. `line` gets each line without its newline, valid
 * during the call; NULL once the terminal is gone. NULL where it cannot be opened. */
struct tty *tty_new(struct loop *loop, void (*line)(void *user, const char *text), void *user);
void tty_free(struct tty *tty);
/* Reads only while somebody listens: an engine in the background is stopped by reading. What was
 * typed before is thrown away when listening begins, so that it answers no question. */
void tty_listen(struct tty *tty, bool listen);

#endif
