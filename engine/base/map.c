#include "base/map.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

/* Entries lie in order of insertion; `slots` is an open-addressing index into them. A removed
 * entry keeps its place with a NULL key, so that probing goes on past it, until the next
 * rebuild. */
struct map_entry {
    const char *key;
    void *value;
    uint32_t length;
    uint32_t hash;
};

struct map {
    struct map_entry *entries;
    size_t used;  /* entries in use, the removed ones included */
    size_t count; /* entries that are alive */
    size_t capacity;
    uint32_t *slots; /* index of the entry + 1, 0 is free; `slot_count` is a power of two */
    size_t slot_count;
    bool borrows; /* keys belong to the caller */
};

#define MAP_FIRST ((size_t)8)
#define MAP_LARGEST ((size_t)UINT32_MAX / 2)

static uint64_t map_mix(uint64_t hash) {
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    return hash;
}

/* Keys come from files that others wrote: the seed keeps them from choosing collisions. It is
 * drawn once: a system call for each of a hundred thousand small maps would be felt. */
static uint64_t map_seed(void) {
    static _Atomic uint64_t drawn;
    uint64_t seed = atomic_load_explicit(&drawn, memory_order_relaxed);
    if (seed)
        return seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = (uint64_t)(uintptr_t)&seed;
    seed |= 1;
    atomic_store_explicit(&drawn, seed, memory_order_relaxed);
    return seed;
}

uint32_t map_hash(const char *key, size_t length) {
    uint64_t hash = map_seed() ^ length;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, key, 8);
        hash = map_mix(hash ^ word);
        key += 8;
        length -= 8;
    }
    uint64_t word = 0;
    memcpy(&word, key, length);
    return (uint32_t)map_mix(map_mix(hash ^ word));
}

struct map *map_new(void) {
    return mem_zalloc(sizeof(struct map));
}

void map_free(struct map *map) {
    if (!map)
        return;
    for (size_t i = 0; i < map->used && !map->borrows; i++)
        mem_free((char *)(uintptr_t)map->entries[i].key);
    mem_free(map->entries);
    mem_free(map->slots);
    mem_free(map);
}

/* The slot that leads to the key's entry, or the free one where it would belong. */
static size_t map_slot(const struct map *map, const char *key, size_t length, uint32_t hash) {
    size_t mask = map->slot_count - 1, i = hash & mask;
    for (; map->slots[i]; i = (i + 1) & mask) {
        const struct map_entry *entry = &map->entries[map->slots[i] - 1];
        if (entry->key && entry->hash == hash && entry->length == length &&
            memcmp(entry->key, key, length) == 0)
            break;
    }
    return i;
}

static struct map_entry *map_find(const struct map *map, const char *key, size_t length,
                                  uint32_t hash) {
    if (!map->slot_count)
        return NULL;
    uint32_t slot = map->slots[map_slot(map, key, length, hash)];
    return slot ? &map->entries[slot - 1] : NULL;
}

static void map_index(struct map *map, size_t entry) {
    size_t mask = map->slot_count - 1;
    size_t i = map->entries[entry].hash & mask;
    while (map->slots[i])
        i = (i + 1) & mask;
    map->slots[i] = (uint32_t)(entry + 1);
}

/* Room for `capacity` entries, those that are there included; half of the slots stay free. */
static void map_resize(struct map *map, size_t capacity) {
    size_t slot_count = MAP_FIRST;
    while (slot_count / 2 < capacity)
        slot_count *= 2;
    map->entries = mem_realloc_array(map->entries, capacity, sizeof *map->entries);
    map->capacity = capacity;
    mem_free(map->slots);
    map->slot_count = slot_count;
    map->slots = mem_calloc(map->slot_count, sizeof *map->slots);
    for (size_t i = 0; i < map->used; i++)
        map_index(map, i);
}

/* Drops removed entries and makes room for at least one more. */
static void map_rebuild(struct map *map) {
    size_t kept = 0;
    for (size_t i = 0; map->entries && i < map->used; i++)
        if (map->entries[i].key)
            map->entries[kept++] = map->entries[i];
    map->used = kept;
    size_t capacity = MAP_FIRST;
    while (capacity < MAP_LARGEST && capacity / 2 < kept + 1)
        capacity *= 2;
    map_resize(map, capacity);
}

struct map *map_new_borrowing(size_t count) {
    struct map *map = map_new();
    map->borrows = true;
    if (count)
        map_resize(map, count);
    return map;
}

void *map_get(const struct map *map, const char *key) {
    return map_get_n(map, key, strlen(key));
}

void *map_get_n(const struct map *map, const char *key, size_t length) {
    struct map_entry *entry = map_find(map, key, length, map_hash(key, length));
    return entry ? entry->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value) {
    size_t length = strlen(key);
    uint32_t hash = map_hash(key, length);
    struct map_entry *entry = map_find(map, key, length, hash);
    if (entry) {
        void *old = entry->value;
        entry->value = value;
        return old;
    }
    if (length > UINT32_MAX)
        abort(); /* no file that is read is that long */
    if (!map->entries || map->used == map->capacity)
        map_rebuild(map);
    map->entries[map->used] = (struct map_entry){map->borrows ? key : mem_strndup(key, length),
                                                 value, (uint32_t)length, hash};
    map_index(map, map->used++);
    map->count++;
    return NULL;
}

void *map_remove(struct map *map, const char *key) {
    size_t length = strlen(key);
    struct map_entry *entry = map_find(map, key, length, map_hash(key, length));
    if (!entry)
        return NULL;
    void *old = entry->value;
    if (!map->borrows)
        mem_free((char *)(uintptr_t)entry->key);
    entry->key = NULL;
    entry->value = NULL;
    map->count--;
    return old;
}

size_t map_count(const struct map *map) {
    return map->count;
}

bool map_next(const struct map *map, size_t *cursor, const char **ret_key, void **ret_value) {
    while (*cursor < map->used) {
        const struct map_entry *entry = &map->entries[(*cursor)++];
        if (!entry->key)
            continue;
        if (ret_key)
            *ret_key = entry->key;
        if (ret_value)
            *ret_value = entry->value;
        return true;
    }
    return false;
}
