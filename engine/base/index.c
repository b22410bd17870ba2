#include "base/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct index {
    /* 1 + place, 0 is free: half of them at least. The hash's low bits choose the slot and leave
     * room for a place; its high bits stand above that, so that the things of others, each some
     * cache misses away, are not looked at. */
    uint32_t *slots;
    uint32_t mask; /* of what chooses a slot, and of what is a place in it */
    uint32_t count;
    const char *(*text_of)(const void *things, uint32_t place);
};

static void slots_make(struct index *index, size_t count) {
    size_t slots = 2;
    while (slots / 2 < count)
        slots *= 2;
    if (slots - 1 > UINT32_MAX)
        abort();
    index->mask = (uint32_t)(slots - 1);
    index->slots = mem_calloc(slots, sizeof *index->slots);
}

struct index *index_new(size_t count, const char *(*text_of)(const void *things, uint32_t place)) {
    struct index *index = mem_zalloc(sizeof *index);
    index->text_of = text_of;
    slots_make(index, count);
    return index;
}

void index_free(struct index *index) {
    if (!index)
        return;
    mem_free(index->slots);
    mem_free(index);
}

static uint32_t place_in(const struct index *index, uint32_t slot) {
    return (slot & index->mask) - 1;
}

/* The slot of the place with this text, or the free one where it would stand. */
static uint32_t *slot_of(const struct index *index, const void *things, const char *text,
                         uint32_t hash) {
    uint32_t at = hash & index->mask;
    for (; index->slots[at]; at = (at + 1) & index->mask)
        if (!((index->slots[at] ^ hash) & ~index->mask) &&
            strcmp(index->text_of(things, place_in(index, index->slots[at])), text) == 0)
            break;
    return &index->slots[at];
}

uint32_t index_find(const struct index *index, const void *things, const char *text) {
    const uint32_t slot = *slot_of(index, things, text, map_hash(text, strlen(text)));
    return slot ? place_in(index, slot) : INDEX_NONE;
}

/* What is in it finds its slot among twice as many. */
static void index_grow(struct index *index, const void *things) {
    uint32_t *old = index->slots;
    const size_t count = (size_t)index->mask + 1;
    slots_make(index, count);
    for (size_t i = 0; i < count; i++) {
        if (!old[i])
            continue;
        const uint32_t place = (old[i] & (uint32_t)(count - 1)) - 1;
        const char *text = index->text_of(things, place);
        const uint32_t hash = map_hash(text, strlen(text));
        *slot_of(index, things, text, hash) = (hash & ~index->mask) | (place + 1);
    }
    mem_free(old);
}

uint32_t index_add(struct index *index, const void *things, uint32_t place) {
    const char *text = index->text_of(things, place);
    const uint32_t hash = map_hash(text, strlen(text));
    uint32_t *slot = slot_of(index, things, text, hash);
    if (*slot)
        return place_in(index, *slot);
    while (index->count > index->mask / 2 || place >= index->mask) {
        index_grow(index, things);
        slot = slot_of(index, things, text, hash);
    }
    *slot = (hash & ~index->mask) | (place + 1);
    index->count++;
    return INDEX_NONE;
}
