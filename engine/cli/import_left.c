/* What was left out: every line of the document is looked up word by word in what was written, so
 * that nothing is lost in silence, whatever the heuristics made of it. */
#include <ctype.h>
#include <string.h>

#include "cli/import_write.h"

#define WORD_MOST 64

struct words {
    struct map *set;
};

struct words *words_new(void) {
    struct words *words = mem_zalloc(sizeof *words);
    words->set = map_new();
    return words;
}

void words_free(struct words *words) {
    if (words)
        map_free(words->set);
    mem_free(words);
}

/* Letters and digits, and all that is not ASCII. */
static bool is_word(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The next word from *at on, in lower case; its length, 0 at the end. */
static size_t word_next(const char *text, size_t length, size_t *at, char word[WORD_MOST]) {
    while (*at < length && !is_word(text[*at]))
        (*at)++;
    size_t count = 0;
    while (*at < length && is_word(text[*at])) {
        if (count < WORD_MOST)
            word[count++] = (char)tolower((unsigned char)text[*at]);
        (*at)++;
    }
    return count;
}

void words_add(void *user, const char *text) {
    struct words *words = user;
    char word[WORD_MOST + 1];
    const size_t length = strlen(text);
    for (size_t at = 0, count; (count = word_next(text, length, &at, word));) {
        word[count] = '\0';
        map_put(words->set, word, words);
    }
}

/* Words that mean nothing without ASCII letters or digits: pictures, lines of a table. */
static bool has_meaning(const char *word, size_t length) {
    /* Pictures that went through the wrong character set begin so. */
    const bool garbled =
        length > 2 && (memcmp(word, "\xC3\xB0", 2) == 0 || memcmp(word, "\xC3\xA2", 2) == 0);
    for (size_t i = 0; !garbled && i < length; i++)
        if (isalnum((unsigned char)word[i]) ||
            ((unsigned char)word[i] >= 0xC3 && (unsigned char)word[i] <= 0xDF))
            return true;
    return length > 0 && (unsigned char)word[0] >= 0xE3 && (unsigned char)word[0] < 0xEF;
}

/* The language behind a fence, numbers in front of items and boxes are in the shape of the steps.
 */
static size_t shape_length(const char *line, size_t length) {
    size_t at = 0;
    while (at < length && strchr(" \t>", line[at]))
        at++;
    if (at + 3 <= length &&
        (memcmp(line + at, "```", 3) == 0 || memcmp(line + at, "~~~", 3) == 0)) {
        while (at < length && strchr("`~", line[at]))
            at++;
        const size_t begin = at;
        while (at < length && (isalnum((unsigned char)line[at]) || line[at] == '-'))
            at++;
        return at == length ? length : begin;
    }
    size_t digits = at + strspn(line + at, "#*-+ ");
    const size_t begin = digits;
    while (digits < length &&
           (isdigit((unsigned char)line[digits]) || (digits > begin && line[digits] == '.')))
        digits++;
    if (digits > begin && digits < length &&
        strchr(".):", line[digits > begin && line[digits - 1] == '.' ? digits - 1 : digits]))
        at = digits;
    size_t box = at + strspn(line + at, " .)-*+");
    if (box + 2 < length && line[box] == '[' && line[box + 2] == ']')
        at = box + 3;
    return at;
}

static bool is_missing(const struct words *words, const char *line, size_t length) {
    char word[WORD_MOST + 1];
    for (size_t at = 0, count; (count = word_next(line, length, &at, word));) {
        if (has_meaning(word, count) && !map_get_n(words->set, word, count))
            return true;
    }
    return false;
}

void words_missing(const struct words *words, const struct draft *draft, left_list *ret_left) {
    const struct source *source = draft->document->source;
    for (uint32_t line = draft->first_line; line <= draft->last_line && line <= source->lines;
         line++) {
        size_t length = 0;
        const char *text = source_line_text(source, line, &length);
        const size_t skip = shape_length(text, length);
        if (skip >= length || (length > 2 && memcmp(text, "#!/", 3) == 0))
            continue;
        const char *plain = source_plain(source, draft->arena, text + skip, length - skip);
        if (!is_missing(words, plain, strlen(plain)))
            continue;
        *vec_add(ret_left) =
            (struct left_out){line, source_plain(source, draft->arena, text + strspn(text, " \t"),
                                                 length - strspn(text, " \t"))};
    }
}
