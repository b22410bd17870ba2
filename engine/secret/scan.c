#include "secret/scan.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "secret/encode.h"

/* The filter is asked by a place's second and third byte, and answers with a bit for each kind of
 * first byte: two loads a place and no hash. A log passes at 1.5 GB/s, and at 1.1 GB/s with 8 KiB
 * of hashed bits. Behind it, chains hold which needles begin with which bytes. */
#define FILTER_KINDS 16
#define CHAIN_BITS 12
#define PROBE_LEAST ((size_t)3)
#define PROBE_MAX ((size_t)8)
#define PROBE_ESCAPE ((size_t)6) /* \u0041 */

/* So much of a secret tells too much, even where the rest of it was cut off. */
#define SHORTENED_LEAST ((size_t)8)

struct start {
    uint64_t bytes; /* the first one lowest */
    uint64_t mask;  /* of those that are given: three, or more of a numeric escape */
    uint32_t needle;
    uint32_t next; /* index + 1 of the next in the chain */
};

struct scan {
    VEC(struct needle) needles;
    VEC(struct start) starts;
    size_t least;       /* no needle, shortened or not, stands in less text */
    VEC(uint32_t) tiny; /* needles that less than three bytes of text complete */
    uint16_t filter[1U << 16];
    uint32_t chains[1U << CHAIN_BITS];
    bool first[256];      /* bytes with which a needle may begin */
    bool first_tiny[256]; /* the same of the tiny ones */
};

struct scan *scan_new(void) {
    struct scan *scan = mem_zalloc(sizeof *scan);
    scan->least = SHORTENED_LEAST;
    return scan;
}

void scan_free(struct scan *scan) {
    if (!scan)
        return;
    for (size_t i = 0; i < scan->needles.count; i++)
        mem_wipe_free(scan->needles.items[i].bytes, scan->needles.items[i].length);
    vec_release(&scan->needles);
    /* The starts hold secrets' first bytes. */
    if (scan->starts.items)
        mem_wipe_free(scan->starts.items, scan->starts.count * sizeof *scan->starts.items);
    vec_release(&scan->tiny);
    mem_wipe_free(scan, sizeof *scan);
}

bool scan_empty(const struct scan *scan) {
    return scan->needles.count == 0;
}

/* The first `length` bytes of the text, at most eight, as one number. */
static uint64_t scan_word(const char *text, size_t length) {
    uint64_t word = 0;
    memcpy(&word, text, length < sizeof word ? length : sizeof word);
    return word;
}

static uint64_t scan_mask(size_t length) {
    return length >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * length)) - 1;
}

/* JSON is full of \u escapes that begin alike: these are told apart by all of their bytes. */
static bool scan_is_unicode(uint64_t word) {
    return (word & 0xffff) == ('\\' | 'u' << 8);
}

/* Whether so much text is there that it tells its chain. */
static bool scan_has_chain(uint64_t word, size_t length) {
    return length >= (scan_is_unicode(word) ? 6 : 3);
}

static size_t scan_chain(uint64_t word) {
    uint64_t key = word & scan_mask(scan_is_unicode(word) ? 6 : 3);
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - CHAIN_BITS));
}

static uint16_t scan_pair(const char *text) {
    uint16_t pair;
    memcpy(&pair, text + 1, sizeof pair);
    return pair;
}

static unsigned scan_kind(const char *text) {
    return (unsigned char)*text % FILTER_KINDS;
}

/* `text` has three bytes. */
static bool scan_filter(const struct scan *scan, const char *text) {
    return scan->filter[scan_pair(text)] >> scan_kind(text) & 1;
}

static void scan_add_start(struct scan *scan, const char *text, size_t length, uint32_t needle) {
    uint64_t word = scan_word(text, length);
    uint32_t *chain = &scan->chains[scan_chain(word)];
    scan->filter[scan_pair(text)] |= (uint16_t)(1U << scan_kind(text));
    *vec_add(&scan->starts) =
        (struct start){.bytes = word, .mask = scan_mask(length), .needle = needle, .next = *chain};
    *chain = (uint32_t)scan->starts.count;
}

/* Which bytes may stand among the first PROBE_MAX of a text that holds this needle: its own and
 * all that escapes are made of. */
static size_t scan_alphabet(const struct needle *needle, char ret[128]) {
    static const char escapes[] =
        "%\\&+'\"#uxXnrtbfvaeE/:-_ \n\r\t0123456789abcdefABCDEFmplgtquos;";
    size_t count = sizeof escapes - 1;
    memcpy(ret, escapes, count);
    for (size_t i = 0; i < PROBE_MAX && i < needle->length; i++) {
        char byte = (char)needle->bytes[i];
        if (!memchr(ret, byte, count))
            ret[count++] = byte;
    }
    return count;
}

struct probe {
    struct scan *scan;
    const struct needle *needle;
    uint32_t index;
    char alphabet[128];
    size_t letters;
};

/* Three bytes tell little where a numeric escape begins in them, which JSON is full of: those are
 * asked for to the escape's end. */
static size_t scan_probe_depth(const char *text, size_t length) {
    if (text[0] == '&' && text[1] == '#')
        return PROBE_ESCAPE;
    for (size_t at = 0; at < PROBE_LEAST && at < length; at++) {
        if (text[at] == '\\' && at + 1 == length)
            return length + 1;
        if (text[at] == '\\' && text[at + 1] == 'u')
            return at + PROBE_ESCAPE;
    }
    return PROBE_LEAST;
}

/* Asks the reader itself with which bytes a text may begin, so that filter and reader cannot
 * disagree. `depth` is at most PROBE_MAX. */
static void scan_probe(struct probe *probe, char text[PROBE_MAX], size_t depth) {
    for (size_t i = 0; i < probe->letters; i++) {
        size_t length, known;
        text[depth] = probe->alphabet[i];
        enum reading reading = needle_read(probe->needle, text, depth + 1, false, &length, &known);
        if (reading == READ_NO)
            continue;
        unsigned char first = (unsigned char)text[0];
        probe->scan->first[first] = true;
        if (depth < 2 && reading == READ_YES)
            probe->scan->first_tiny[first] = true;
        else if (depth >= 2 &&
                 (depth + 1 >= scan_probe_depth(text, depth + 1) || reading == READ_YES))
            scan_add_start(probe->scan, text, depth + 1, probe->index);
        else
            scan_probe(probe, text, depth + 1);
    }
}

static void scan_add_needle(void *user, struct needle taken) {
    struct scan *scan = user;
    *vec_add(&scan->needles) = taken;
    uint32_t index = (uint32_t)(scan->needles.count - 1);
    if (taken.length < scan->least)
        scan->least = taken.length;
    struct probe probe = {.scan = scan, .needle = &taken, .index = index};
    probe.letters = scan_alphabet(&taken, probe.alphabet);
    /* A needle of one or two characters may be complete before three bytes were read. */
    if (taken.length < 3)
        *vec_add(&scan->tiny) = index;
    char text[PROBE_MAX];
    scan_probe(&probe, text, 0);
}

void scan_add(struct scan *scan, const char *bytes, size_t length, size_t name) {
    needle_each(bytes, length, name, scan_add_needle, scan);
}

/* The end of the text, and everything where tiny needles are about: by the first byte. */
static size_t scan_next_slow(const struct scan *scan, const char *text, size_t from,
                             size_t length) {
    bool tiny = scan->tiny.count > 0;
    for (size_t i = from; i < length; i++) {
        unsigned char first = (unsigned char)text[i];
        bool is_short = length - i < PROBE_LEAST;
        if ((is_short && scan->first[first]) || (tiny && scan->first_tiny[first]) ||
            (!is_short && scan_filter(scan, text + i)))
            return i;
    }
    return length;
}

/* The filter passes some places of a hundred; this, those that begin like a needle. */
static bool scan_begins(const struct scan *scan, const char *text, size_t length) {
    const uint64_t word = scan_word(text, length), given = scan_mask(length);
    const struct start *start;
    if (!scan_has_chain(word, length))
        return true;
    for (uint32_t at = scan->chains[scan_chain(word)]; at; at = start->next) {
        start = &scan->starts.items[at - 1];
        if (((start->bytes ^ word) & start->mask & given) == 0)
            return true;
    }
    return false;
}

static bool scan_may_begin(const struct scan *scan, const char *text, size_t length) {
    return __builtin_expect(scan_filter(scan, text), 0) && scan_begins(scan, text, length);
}

bool scan_is_free(const struct scan *scan, const char *text, size_t length) {
    /* Behind `last` there is no room for a needle: words of a record, which are short, are done
     * here, and a record of eight of them takes 4 us less with twenty secrets. */
    size_t last = length < scan->least ? 0 : length - scan->least + 1;
    return last == 0 || scan_next(scan, text, 0, length) >= last;
}

size_t scan_next(const struct scan *scan, const char *text, size_t from, size_t length) {
    if (scan->needles.count == 0)
        return length;
    if (scan->tiny.count > 0)
        return scan_next_slow(scan, text, from, length);
    size_t i = from;
    /* Four places a turn: 1.3 times as fast as one, as the loop costs as much as the filter. */
    for (; i + 3 + PROBE_LEAST <= length; i += 4) {
        const char *at = text + i;
        const size_t left = length - i;
        if (scan_may_begin(scan, at, left))
            return i;
        if (scan_may_begin(scan, at + 1, left - 1))
            return i + 1;
        if (scan_may_begin(scan, at + 2, left - 2))
            return i + 2;
        if (scan_may_begin(scan, at + 3, left - 3))
            return i + 3;
    }
    return scan_next_slow(scan, text, i, length);
}

/* Whoever shortens a text says so: the engine and PostgreSQL with one of these, jq with the other.
 * What stands before it may be the beginning of a secret that nobody will see the end of. */
static const char *const ellipses[] = {"\xe2\x80\xa6", "..."};
#define ELLIPSIS_LENGTH ((size_t)3)
/* A character's escape may have been shortened, too. */
#define SHORTENED_ESCAPE ((size_t)11)
#define SHORTENED_BLANKS ((size_t)64)

static bool is_ellipsis(const char *text, size_t length) {
    for (size_t i = 0; i < sizeof ellipses / sizeof *ellipses; i++)
        if (length > 0 && memcmp(text, ellipses[i], length) == 0)
            return true;
    return false;
}

/* So much of the needle stands in `read` bytes of the text, and then something else. */
static void scan_shortened(const struct needle *needle, const char *text, size_t length,
                           size_t read, bool final, struct scan_found *found) {
    size_t last = read + (needle->form == FORM_RAW ? 0 : SHORTENED_ESCAPE);
    /* Digits stand in lines that may be indented. */
    for (size_t i = read; last > read && i < length && i - read < SHORTENED_BLANKS; i++)
        last += text[i] == ' ' || text[i] == '\n';
    /* A secret may go on with dots of its own. */
    for (size_t at = read - (ELLIPSIS_LENGTH - 1); at <= last && at < length; at++) {
        const size_t left = length - at;
        if (!is_ellipsis(text + at, left < ELLIPSIS_LENGTH ? left : ELLIPSIS_LENGTH))
            continue;
        if (left < ELLIPSIS_LENGTH) {
            found->cut |= !final;
        } else if (at > found->length) {
            found->length = at;
            found->name = needle->name;
        }
        return;
    }
    found->cut |= !final && last >= length;
}

static void scan_try(const struct needle *needle, const char *text, size_t length, bool final,
                     struct scan_found *found) {
    size_t needle_length = 0, known = 0;
    enum reading reading = needle_read(needle, text, length, final, &needle_length, &known);
    if (reading == READ_YES && needle_length > found->length) {
        found->length = needle_length;
        found->name = needle->name;
    } else if (reading == READ_CUT) {
        if (!found->cut || known > found->cut_known) {
            found->cut_known = known;
            found->cut_name = needle->name;
        }
        found->cut = true;
    } else if (reading == READ_NO && known >= SHORTENED_LEAST) {
        scan_shortened(needle, text, length, needle_length, final, found);
    }
}

void scan_at(const struct scan *scan, const char *text, size_t length, bool final,
             struct scan_found *ret) {
    *ret = (struct scan_found){0};
    uint64_t word = scan_word(text, length), given = scan_mask(length);
    if (!scan_has_chain(word, length)) {
        for (uint32_t i = 0; i < scan->needles.count; i++)
            scan_try(&scan->needles.items[i], text, length, final, ret);
        return;
    }
    uint32_t at = scan->chains[scan_chain(word)];
    for (; at; at = scan->starts.items[at - 1].next) {
        const struct start *start = &scan->starts.items[at - 1];
        if (((start->bytes ^ word) & start->mask & given) == 0)
            scan_try(&scan->needles.items[start->needle], text, length, final, ret);
    }
    for (size_t i = 0; i < scan->tiny.count; i++)
        scan_try(&scan->needles.items[scan->tiny.items[i]], text, length, final, ret);
}

/* How many of a needle's bytes hold so many of the secret's. */
static size_t rest_length(const struct needle *needle, size_t bytes) {
    return needle->form == FORM_BASE64 ? (bytes * 8 + 5) / 6 : bytes;
}

void scan_rest_at(const struct scan *scan, const char *text, size_t length, size_t least,
                  bool final, struct scan_found *found) {
    for (size_t i = 0; i < scan->needles.count; i++) {
        struct needle rest = scan->needles.items[i];
        const size_t shortest = rest_length(&rest, least);
        while (rest.length > shortest) {
            rest.bytes++;
            rest.length--;
            scan_try(&rest, text, length, final, found);
        }
    }
}
