/* Finds things in an array by a text that they hold themselves. It keeps their places alone, 8 to
 * 16 bytes a thing, where a map of them takes 28 more. */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE UINT32_MAX

struct index;
/* With room for `count` things whose places are below that; it grows where there are more.
 * `text_of` yields the text of one of `things`, which each call brings along since arrays move. */
struct index *index_new(size_t count, const char *(*text_of)(const void *things, uint32_t place));
void index_free(struct index *index);
/* The place that has this text, or INDEX_NONE. */
uint32_t index_find(const struct index *index, const void *things, const char *text);
/* Adds a place, or yields the one that has its text already; INDEX_NONE where there was none. */
uint32_t index_add(struct index *index, const void *things, uint32_t place);

#endif
