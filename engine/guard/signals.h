/* The signals of the guard: whatever ends the engine or hangs up its terminal leaves it alone. */
#ifndef GUARD_SIGNALS_H
#define GUARD_SIGNALS_H

/* Holds them up, and returns a descriptor that tells of children; -1 and errno. */
int guard_signals_take(void);
/* As a command finds them: none is ignored or blocked. Also between clone and execve. */
void guard_signals_default(void);

#endif
