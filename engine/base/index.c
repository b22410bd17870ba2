#include "base/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct index {
    uint32_t *slots; /* 1 + place, 0 is free: half of them at least */
    size_t slot_count;
    size_t left;
    const char *(*text_of)(const void *things, uint32_t place);
};

struct index *index_new(size_t count, const char *(*text_of)(const void *things, uint32_t place)) {
    struct index *index = mem_zalloc(sizeof *index);
    index->slot_count = 2;
    while (index->slot_count / 2 < count)
        index->slot_count *= 2;
    index->slots = mem_calloc(index->slot_count, sizeof *index->slots);
    index->left = count;
    index->text_of = text_of;
    return index;
}

void index_free(struct index *index) {
    if (!index)
        return;
    mem_free(index->slots);
    mem_free(index);
}

/* The slot of the place with this text, or the free one where it would stand. */
static uint32_t *slot_of(const struct index *index, const void *things, const char *text) {
    size_t mask = index->slot_count - 1, at = map_hash(text, strlen(text)) & mask;
    while (index->slots[at] && strcmp(index->text_of(things, index->slots[at] - 1), text) != 0)
        at = (at + 1) & mask;
    return &index->slots[at];
}

uint32_t index_find(const struct index *index, const void *things, const char *text) {
    const uint32_t slot = *slot_of(index, things, text);
    return slot ? slot - 1 : INDEX_NONE;
}

uint32_t index_add(struct index *index, const void *things, uint32_t place) {
    uint32_t *slot = slot_of(index, things, index->text_of(things, place));
    if (*slot)
        return *slot - 1;
    if (!index->left--)
        abort();
    *slot = place + 1;
    return INDEX_NONE;
}
