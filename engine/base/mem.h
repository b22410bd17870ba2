/* Memory. Running out of it aborts the process: the transcript makes that a crash like any
 * other. Sizes are in bytes. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
/* Aborts where count * size overflows. */
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *format, ...) PRINTF_LIKE(1, 2)
    __attribute__((malloc, returns_nonnull));
char *mem_vprintf(const char *format, va_list args) __attribute__((malloc, returns_nonnull));
void mem_free(void *memory);
/* Overwrites `size` bytes so that the compiler cannot leave them out, then frees. */
void mem_wipe_free(void *memory, size_t size);

/* Frees a `char *` local at the end of its scope. */
void mem_cleanup_text(char **text);
#define AUTO_TEXT __attribute__((cleanup(mem_cleanup_text))) char *

/* Many small pieces that die together; pieces are aligned for all types but `long
 * double`, and zeroed. */
struct arena;
struct arena *arena_new(void);
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* `destroy(object)` runs when the arena is freed, in reverse order of registration. */
void arena_on_free(struct arena *arena, void (*destroy)(void *object), void *object);
/* Empties it and keeps memory for what comes next; nothing is registered in it. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
