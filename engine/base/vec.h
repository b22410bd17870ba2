/* Typed growing arrays: `VEC(int) numbers = {0}; *vec_add(&numbers) = 7;`. */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <string.h>

#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t capacity;                                                                           \
    }

/* Makes room for one more element and yields a pointer to it; its bytes are zeroed. */
#define vec_add(vec)                                                                               \
    ((vec)->items = vec_grow((vec)->items, sizeof *(vec)->items, (vec)->count, &(vec)->capacity),  \
     &(vec)->items[(vec)->count++])

#define vec_last(vec) (&(vec)->items[(vec)->count - 1])

#define vec_release(vec)                                                                           \
    (mem_free((vec)->items), (vec)->items = NULL, (vec)->count = 0, (vec)->capacity = 0)

/* Makes room for more, geometrically. */
void *vec_enlarge(void *items, size_t size, size_t *capacity);

/* Inline, as the size is a constant there: that halves what an element costs. `items` is looked at
 * for the analyzer, which cannot know that without any the capacity is 0. */
static inline void *vec_grow(void *items, size_t size, size_t count, size_t *capacity) {
    if (!items || count >= *capacity)
        items = vec_enlarge(items, size, capacity);
    memset((char *)items + count * size, 0, size);
    return items;
}

#endif
