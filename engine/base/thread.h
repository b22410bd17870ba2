/* A thread for what would hold up the loop. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Starts one in which no signal is caught: those are for the loop's. With `ret` the caller joins
 * it; with NULL it is detached. Returns 0, or what errno would be. */
int thread_start(pthread_t *ret, void *(*work)(void *user), void *user);

#endif
