/* Work that may recurse deeply, on a stack of its own.
 *
 * libjq frees, compares and prints values by recursion. A runaway such as `until(false; [.])`
 * nests a value millions deep before it is ended, and freeing that needs hundreds of megabytes of
 * stack. This stack is only reserved: what is not touched costs nothing. */
#ifndef VALUE_DEEP_H
#define VALUE_DEEP_H

/* Runs work(user) to its end; work may not call deep_call itself. */
void deep_call(void (*work)(void *user), void *user);

#endif
