/* A map from text to pointers that remembers the order of insertion. Keys are copied. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;
struct map *map_new(void);
/* With room for `count` entries, whose keys are not copied: they outlive it. */
struct map *map_new_borrowing(size_t count);
void map_free(struct map *map); /* values belong to the caller */
/* NULL where absent. */
void *map_get(const struct map *map, const char *key);
void *map_get_n(const struct map *map, const char *key, size_t length);
/* Returns the value that was replaced, NULL for a new key. */
void *map_put(struct map *map, const char *key, void *value);
void *map_remove(struct map *map, const char *key);
size_t map_count(const struct map *map);
/* Of a key, another in each process. */
uint32_t map_hash(const char *key, size_t length);

/* Iterates in order of insertion: `for (size_t i = 0; map_next(map, &i, &key, &value);)`. */
bool map_next(const struct map *map, size_t *cursor, const char **ret_key, void **ret_value);

#endif
