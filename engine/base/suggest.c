/* What a person may have meant. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static size_t least_of(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment: an edit is an insertion, a deletion, a replacement or the exchange
 * of two neighbours. Three rows of the table are enough; `rows` holds 3 * (strlen(b) + 1). */
static size_t distance_in(size_t *rows, const char *a, const char *b, size_t limit) {
    size_t width = strlen(b) + 1;
    size_t *before = rows, *above = rows + width, *row = rows + 2 * width;
    for (size_t j = 0; j < width; j++)
        above[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        row[0] = i;
        size_t least = i;
        for (size_t j = 1; j < width; j++) {
            size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = least_of(above[j - 1] + same, least_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least_of(row[j], before[j - 2] + 1);
            least = least_of(least, row[j]);
        }
        if (least > limit)
            return limit + 1;
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return least_of(above[width - 1], limit + 1);
}

size_t text_distance(const char *a, const char *b, size_t limit) {
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t apart = a_length > b_length ? a_length - b_length : b_length - a_length;
    if (apart > limit)
        return limit + 1;
    size_t *rows = mem_calloc(3 * (b_length + 1), sizeof *rows);
    size_t distance = distance_in(rows, a, b, limit);
    mem_free(rows);
    return distance;
}

/* Lower case, and a hyphen as an underscore: those are the commonest slips. */
static char *suggest_fold(const char *word) {
    char *folded = mem_strdup(word);
    for (char *at = folded; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
        else if (*at == '-')
            *at = '_';
    }
    return folded;
}

/* How many slips may lie in a word of this length. */
static size_t suggest_limit(size_t length) {
    if (length < 2)
        return 0;
    return length < 5 ? 1 : length < 8 ? 2 : 3;
}

/* A word cut short on purpose, such as `desc`, is meant where only one candidate begins so. */
static const char *suggest_prefix(const char *folded, const char *const *candidates, size_t count) {
    const char *found = NULL;
    if (strlen(folded) < 3)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!candidates[i] || !text_starts_with(candidates[i], folded))
            continue;
        if (found)
            return NULL;
        found = candidates[i];
    }
    return found;
}

const char *text_suggest(const char *word, const char *const *candidates, size_t count) {
    AUTO_TEXT folded = suggest_fold(word);
    size_t best = suggest_limit(strlen(folded)) + 1;
    const char *found = NULL;
    for (size_t i = 0; i < count && best > 0; i++) {
        if (!candidates[i])
            continue;
        AUTO_TEXT candidate = suggest_fold(candidates[i]);
        size_t distance = text_distance(folded, candidate, best - 1);
        if (distance < best && distance < strlen(candidate)) {
            best = distance;
            found = candidates[i];
        }
    }
    return found ? found : suggest_prefix(folded, candidates, count);
}
