#include "base/vec.h"

#include <string.h>

#define VEC_FIRST ((size_t)8)

void *vec_grow(void *items, size_t size, size_t count, size_t *capacity) {
    if (count >= *capacity) {
        size_t wanted = *capacity ? *capacity : VEC_FIRST / 2;
        /* mem_realloc_array aborts long before doubling can overflow a count of elements. */
        wanted *= 2;
        items = mem_realloc_array(items, wanted, size);
        *capacity = wanted;
    }
    memset((char *)items + count * size, 0, size);
    return items;
}
