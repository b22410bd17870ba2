#include "base/vec.h"

#define VEC_FIRST ((size_t)8)

void *vec_enlarge(void *items, size_t size, size_t *capacity) {
    /* mem_realloc_array aborts long before doubling can overflow a count of elements. */
    *capacity = *capacity ? *capacity * 2 : VEC_FIRST;
    return mem_realloc_array(items, *capacity, size);
}
