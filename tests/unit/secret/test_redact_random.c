/* Secrets, encodings, neighbours and cuts by chance: no fragment of a secret comes out, whether
 * reads cut it, streams share it, attempts end in it, the engine dies in it, or a message quotes
 * its beginning.
 *
 * RUNBOOK_REDACT_CASES and RUNBOOK_REDACT_SEED change how many cases and which. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "secret/redact.h"
#include "tests/support/unit.h"

#define CASES_USUAL (UNDER_ASAN ? "10000" : "100000")
#define CASES_A_SECRET 25
#define UNITS_LEAST ((size_t)8)
#define UNITS_MOST ((size_t)48)
#define FRAGMENT ((size_t)8) /* bytes of a secret */
#define FRAGMENT_DIGITS 11   /* of base64 that hold as much */
#define MARK "[redacted:x]"

static uint64_t state_of_chance;

static size_t chance(size_t below) {
    state_of_chance ^= state_of_chance << 13;
    state_of_chance ^= state_of_chance >> 7;
    state_of_chance ^= state_of_chance << 17;
    return (size_t)((state_of_chance >> 11) % below);
}

/* ---- secrets ------------------------------------------------------------------------------- */

/* A character of a secret. */
struct unit {
    char bytes[5];
    uint32_t code;
};

struct secret {
    struct unit units[UNITS_MOST];
    size_t count;
};

static struct unit unit_by_chance(void) {
    static const char letters[] = "abcXYZ0189 \t/+&<>\"'\\%$#@!~;:,.-_=?*(){}[]|";
    static const struct unit wide[] = {
        {"\xc3\xa9", 0xe9}, {"\xe2\x82\xac", 0x20ac}, {"\xf0\x9f\x98\x80", 0x1f600}};
    if (chance(12) == 0)
        return wide[chance(COUNT(wide))];
    struct unit unit = {.bytes = {letters[chance(sizeof letters - 1)]}};
    unit.code = (unsigned char)unit.bytes[0];
    return unit;
}

/* Blanks at its ends, and at those of its lines, are no part of what must be found; they are made
 * of eight bytes or more, since shorter ones are not secrets. */
static void secret_make(struct secret *secret) {
    secret->count = UNITS_LEAST + chance(UNITS_MOST - UNITS_LEAST + 1);
    for (size_t i = 0; i < secret->count; i++)
        secret->units[i] = unit_by_chance();
    secret->units[0] = (struct unit){"S", 'S'};
    secret->units[secret->count - 1] = (struct unit){"E", 'E'};
    if (secret->count < 24 || chance(3) > 0)
        return;
    const size_t middle = 10 + chance(secret->count - 20);
    secret->units[middle - 1] = (struct unit){"K", 'K'};
    secret->units[middle] = (struct unit){"\n", '\n'};
    secret->units[middle + 1] = (struct unit){"L", 'L'};
}

static void secret_bytes(const struct secret *secret, struct buf *out) {
    for (size_t i = 0; i < secret->count; i++)
        buf_puts(out, secret->units[i].bytes);
}

/* ---- encoders ------------------------------------------------------------------------------ */

#define PIECE_MAX 32

/* A secret in a form, character by character, so that its fragments are known. */
struct encoded {
    char pieces[UNITS_MOST][PIECE_MAX];
};

static bool is_word(uint32_t code) {
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code >= '0' && code <= '9');
}

static void each_byte(char *out, const struct unit *unit, const char *format) {
    size_t length = 0;
    for (const char *at = unit->bytes; *at; at++)
        length += (size_t)snprintf(out + length, PIECE_MAX - length, format, (unsigned char)*at);
}

static void encode_raw(char *out, const struct unit *unit, size_t style) {
    (void)style;
    snprintf(out, PIECE_MAX, "%s", unit->bytes);
}

static void encode_url(char *out, const struct unit *unit, size_t style) {
    const bool is_plain =
        is_word(unit->code) || (unit->code < 128 && strchr("-_.", (int)unit->code));
    if (unit->code == ' ' && style == 0)
        snprintf(out, PIECE_MAX, "+");
    else if (is_plain && style < 2)
        snprintf(out, PIECE_MAX, "%s", unit->bytes);
    else
        each_byte(out, unit, style == 1 ? "%%%02x" : "%%%02X");
}

static void encode_unicode(char *out, uint32_t code) {
    const uint32_t over = code - 0x10000;
    if (code > 0xffff)
        snprintf(out, PIECE_MAX, "\\u%04x\\u%04x", 0xd800 + (over >> 10), 0xdc00 + (over & 0x3ff));
    else
        snprintf(out, PIECE_MAX, "\\u%04X", code);
}

static void encode_json(char *out, const struct unit *unit, size_t style) {
    static const char letters[] = "\"\\\n\t/";
    static const char names[] = "\"\\nt/";
    const char *named = unit->code < 128 ? strchr(letters, (int)unit->code) : NULL;
    if (style == 2 || (style == 1 && unit->code > 127))
        encode_unicode(out, unit->code);
    else if (named && (unit->code != '/' || style == 0))
        snprintf(out, PIECE_MAX, "\\%c", names[named - letters]);
    else
        snprintf(out, PIECE_MAX, "%s", unit->bytes);
}

static void encode_xml(char *out, const struct unit *unit, size_t style) {
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    const char *found = unit->code < 128 ? strchr(special, (int)unit->code) : NULL;
    if (found && style == 0)
        snprintf(out, PIECE_MAX, "%s", names[found - special]);
    else if (found || unit->code > 127)
        snprintf(out, PIECE_MAX, style == 1 ? "&#%u;" : "&#x%x;", unit->code);
    else
        snprintf(out, PIECE_MAX, "%s", unit->bytes);
}

/* Style 0: each special character has a backslash; 1, 2: within single quotes. */
static void encode_shell(char *out, const struct unit *unit, size_t style) {
    if (style == 0 && unit->code != '\n')
        snprintf(out, PIECE_MAX, is_word(unit->code) || unit->code > 127 ? "%s" : "\\%s",
                 unit->bytes);
    else if (unit->code == '\'')
        snprintf(out, PIECE_MAX, style == 1 ? "'\\''" : "'\"'\"'");
    else
        snprintf(out, PIECE_MAX, "%s", unit->bytes);
}

static void encode_c(char *out, const struct unit *unit, size_t style) {
    each_byte(out, unit, style == 0 ? "\\x%02x" : style == 1 ? "\\x%02X" : "\\%03o");
}

static void encode_doubled(char *out, const struct unit *unit, size_t style) {
    const char quote = style == 0 ? '\'' : '"';
    snprintf(out, PIECE_MAX, unit->code == (uint32_t)quote ? "%s%s" : "%s", unit->bytes,
             unit->bytes);
}

static void encode_hex(char *out, const struct unit *unit, size_t style) {
    each_byte(out, unit, style == 1 ? "%02X" : "%02x");
}

static void (*const encoders[])(char *out, const struct unit *unit, size_t style) = {
    encode_raw,   encode_url, encode_json,    encode_xml,
    encode_shell, encode_c,   encode_doubled, encode_hex,
};

static void secret_encode(const struct secret *secret, struct encoded *ret) {
    const size_t encoder = chance(COUNT(encoders)), style = chance(3);
    const bool is_hex = encoders[encoder] == encode_hex;
    const char *between = is_hex && style == 2 ? (chance(2) ? ":" : " ") : "";
    for (size_t i = 0; i < secret->count; i++) {
        char piece[PIECE_MAX];
        encoders[encoder](piece, &secret->units[i], style);
        snprintf(ret->pieces[i], PIECE_MAX, "%s%.*s", i ? between : "", PIECE_MAX - 2, piece);
    }
}

static void base64_of(struct buf *out, const char *bytes, size_t length, bool url) {
    const char *digits = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                             : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        unsigned group = (unsigned)(unsigned char)bytes[i] << 16;
        group |= i + 1 < length ? (unsigned)(unsigned char)bytes[i + 1] << 8 : 0;
        group |= i + 2 < length ? (unsigned)(unsigned char)bytes[i + 2] : 0;
        for (size_t digit = 0; digit < 4; digit++)
            if (i + digit <= length)
                buf_putc(out, digits[group >> (18 - 6 * digit) & 63]);
            else if (!url)
                buf_putc(out, '=');
    }
}

/* ---- what a program prints ----------------------------------------------------------------- */

#define SECRETS_MOST 2

struct sample {
    struct buf text;
    size_t at[SECRETS_MOST], length[SECRETS_MOST]; /* where secrets stand to the byte */
    size_t count;
    struct buf fragments; /* what must not come out, each with a NUL behind it */
    bool is_wrapped;      /* digits in lines: fragments are looked for without the breaks */
};

static void filler_add(struct buf *out, size_t most) {
    static const char letters[] = "mnopqr \n";
    for (size_t i = chance(most); i > 0; i--)
        buf_putc(out, letters[chance(sizeof letters - 1)]);
}

static void fragment_add(struct sample *sample, const char *text, size_t length) {
    buf_append(&sample->fragments, text, length);
    buf_putc(&sample->fragments, '\0');
}

/* Every shortest row of characters that holds eight bytes of the secret. */
static void fragments_add(struct sample *sample, const struct secret *secret,
                          const struct encoded *encoded) {
    for (size_t first = 0; first < secret->count; first++) {
        AUTO_BUF fragment = BUF_INIT(4096);
        size_t bytes = 0;
        for (size_t i = first; i < secret->count && bytes < FRAGMENT; i++) {
            bytes += strlen(secret->units[i].bytes);
            buf_puts(&fragment, encoded->pieces[i]);
        }
        if (bytes >= FRAGMENT)
            fragment_add(sample, fragment.data, fragment.length);
    }
}

static void sample_escaped(struct sample *sample, const struct secret *secret) {
    struct encoded encoded;
    secret_encode(secret, &encoded);
    filler_add(&sample->text, 60);
    for (size_t times = chance(4) ? 1 : SECRETS_MOST; times > 0; times--) {
        sample->at[sample->count] = sample->text.length;
        for (size_t i = 0; i < secret->count; i++)
            buf_puts(&sample->text, encoded.pieces[i]);
        sample->length[sample->count] = sample->text.length - sample->at[sample->count];
        sample->count++;
        filler_add(&sample->text, 60);
    }
    fragments_add(sample, secret, &encoded);
}

/* Inside of other data, and in lines of some length, which may be indented. */
static void sample_base64(struct sample *sample, const struct secret *secret) {
    AUTO_BUF data = BUF_INIT(8192);
    AUTO_BUF digits = BUF_INIT(8192);
    const size_t wrap = chance(2) ? 0 : 4 * (1 + chance(20)), indent = chance(2) * chance(20);
    filler_add(&data, 50);
    const size_t first = (data.length * 8 + 5) / 6;
    secret_bytes(secret, &data);
    const size_t end = data.length * 8 / 6;
    filler_add(&data, 50);
    base64_of(&digits, data.data, data.length, chance(2));
    for (size_t i = 0; i < digits.length; i++) {
        if (wrap && i && i % wrap == 0)
            buf_printf(&sample->text, "\n%*s", (int)indent, "");
        buf_putc(&sample->text, digits.data[i]);
    }
    for (size_t at = first; at + FRAGMENT_DIGITS <= end; at++)
        fragment_add(sample, digits.data + at, FRAGMENT_DIGITS);
    sample->is_wrapped = true;
}

static void sample_make(struct sample *sample, const struct secret *secret) {
    *sample = (struct sample){.text = BUF_INIT(65536), .fragments = BUF_INIT(65536)};
    if (chance(4) == 0)
        sample_base64(sample, secret);
    else
        sample_escaped(sample, secret);
}

static void sample_release(struct sample *sample) {
    buf_release(&sample->text);
    buf_release(&sample->fragments);
}

/* ---- what comes out ------------------------------------------------------------------------ */

struct known {
    struct redactor *redactor;
    uint64_t seed; /* of the cases with this secret */
    size_t number; /* of the case */
};

static void collect(void *user, const char *bytes, size_t length) {
    assert_int_equal(buf_append(user, bytes, length), 0);
}

static void no_fragment_survives(const struct sample *sample, const struct buf *out,
                                 const struct known *known) {
    AUTO_BUF flat = BUF_INIT(65536);
    const struct buf *searched = sample->is_wrapped ? &flat : out;
    for (size_t i = 0; sample->is_wrapped && i < out->length; i++)
        if (!strchr(" \n", out->data[i]))
            buf_putc(&flat, out->data[i]);
    for (size_t at = 0; at < sample->fragments.length;) {
        const char *fragment = sample->fragments.data + at;
        if (strstr(buf_text(searched), fragment))
            fail_msg("seed %llu, case %zu: `%s` survives in `%s`, printed was `%s`",
                     (unsigned long long)known->seed, known->number, fragment, buf_text(out),
                     buf_text(&sample->text));
        at += strlen(fragment) + 1;
    }
}

/* What comes out is what went in with some of it left out, in order: nothing stands there twice. */
static void nothing_is_added(const struct sample *sample, const struct buf *out,
                             const struct known *known) {
    size_t at = 0;
    for (size_t i = 0; i < out->length; i++) {
        if (text_starts_with(out->data + i, MARK)) {
            i += strlen(MARK) - 1;
            continue;
        }
        while (at < sample->text.length && sample->text.data[at] != out->data[i])
            at++;
        if (at++ == sample->text.length)
            fail_msg("seed %llu, case %zu: `%s` has more than was printed, `%s`",
                     (unsigned long long)known->seed, known->number, buf_text(out),
                     buf_text(&sample->text));
    }
}

static void check_exact(const struct sample *sample, const struct buf *out) {
    AUTO_BUF expected = BUF_INIT(65536);
    size_t from = 0;
    if (sample->count == 0)
        return;
    for (size_t i = 0; i < sample->count; i++) {
        buf_append(&expected, sample->text.data + from, sample->at[i] - from);
        buf_puts(&expected, MARK);
        from = sample->at[i] + sample->length[i];
    }
    buf_append(&expected, sample->text.data + from, sample->text.length - from);
    assert_string_equal(buf_text(out), buf_text(&expected));
}

static void check_out(const struct sample *sample, const struct buf *out,
                      const struct known *known) {
    no_fragment_survives(sample, out, known);
    nothing_is_added(sample, out, known);
}

/* ---- ways ---------------------------------------------------------------------------------- */

/* A program's output on its way through reads of random length. */
struct passage {
    const struct sample *sample;
    struct redact_stream *stream;
    size_t at, end, most;
};

static void passage_begin(struct passage *passage, const struct sample *sample,
                          const struct known *known, struct buf *out) {
    *passage = (struct passage){.sample = sample, .end = sample->text.length};
    passage->stream = redact_stream_new(known->redactor, collect, out);
    passage->most = 1 + chance(chance(4) ? 9 : 100);
}

static size_t passage_piece(const struct passage *passage) {
    const size_t piece = 1 + chance(passage->most), left = passage->end - passage->at;
    return piece < left ? piece : left;
}

static bool passage_read(struct passage *passage) {
    const size_t piece = passage_piece(passage);
    redact_stream_write(passage->stream, passage->sample->text.data + passage->at, piece);
    passage->at += piece;
    return passage->at < passage->end;
}

static void passage_end(struct passage *passage) {
    redact_stream_end(passage->stream);
    redact_stream_free(passage->stream);
}

static void at_once(const struct sample *sample, const struct known *known) {
    size_t length;
    AUTO_TEXT text =
        redact_text(known->redactor, buf_text(&sample->text), sample->text.length, &length);
    AUTO_BUF out = BUF_INIT(65536);
    buf_append(&out, text, length);
    check_out(sample, &out, known);
    check_exact(sample, &out);
}

static void over_reads(const struct sample *sample, const struct known *known) {
    AUTO_BUF out = BUF_INIT(65536);
    struct passage passage;
    passage_begin(&passage, sample, known, &out);
    while (passage_read(&passage))
        continue;
    passage_end(&passage);
    check_out(sample, &out, known);
    check_exact(sample, &out);
}

/* Standard output and standard error of a program that prints on both by turns. */
static void over_streams(const struct sample *sample, const struct known *known) {
    struct buf outs[2] = {BUF_INIT(65536), BUF_INIT(65536)};
    struct passage passages[2];
    bool more[2] = {true, true};
    for (int i = 0; i < 2; i++)
        passage_begin(&passages[i], sample, known, &outs[i]);
    while (more[0] || more[1]) {
        const size_t turn = more[0] && more[1] ? chance(2) : more[1];
        more[turn] = passage_read(&passages[turn]);
    }
    for (int i = 0; i < 2; i++) {
        passage_end(&passages[i]);
        check_out(sample, &outs[i], known);
        check_exact(sample, &outs[i]);
        buf_release(&outs[i]);
    }
}

/* The first attempt is killed anywhere, and the second prints all of it. */
static void over_attempts(const struct sample *sample, const struct known *known) {
    AUTO_BUF out = BUF_INIT(65536);
    struct passage passage;
    passage_begin(&passage, sample, known, &out);
    passage.end = 1 + chance(passage.end);
    while (passage_read(&passage))
        continue;
    passage_end(&passage);
    check_out(sample, &out, known);
    over_reads(sample, known);
}

/* The engine dies after any read, once or more, with what it held back and perhaps with what it
 * had read; another goes on with the same output. */
static void over_deaths(const struct sample *sample, const struct known *known) {
    AUTO_BUF out = BUF_INIT(65536);
    struct passage passage;
    passage_begin(&passage, sample, known, &out);
    passage.most = 1 + chance(20);
    bool more = true;
    while (more) {
        more = passage_read(&passage);
        if (chance(5) > 0 || !more)
            continue;
        redact_stream_free(passage.stream);
        passage.stream = redact_stream_new(known->redactor, collect, &out);
        redact_stream_resume(passage.stream);
        passage.at += chance(3) ? 0 : passage_piece(&passage);
        more = passage.at < passage.end;
    }
    passage_end(&passage);
    check_out(sample, &out, known);
}

/* In a message that quotes the beginning of it. */
static void shortened(const struct sample *sample, const struct known *known) {
    AUTO_BUF quoted = BUF_INIT(65536);
    AUTO_BUF out = BUF_INIT(65536);
    size_t length;
    buf_append(&quoted, sample->text.data, chance(sample->text.length + 1));
    buf_puts(&quoted, chance(2) ? "\xe2\x80\xa6 (99 bytes)" : "...) has no keys");
    AUTO_TEXT text = redact_text(known->redactor, buf_text(&quoted), quoted.length, &length);
    buf_append(&out, text, length);
    no_fragment_survives(sample, &out, known);
}

static void (*const ways[])(const struct sample *sample, const struct known *known) = {
    at_once, over_reads, over_streams, over_attempts, over_deaths, over_deaths, shortened,
};

/* ---- all of it ----------------------------------------------------------------------------- */

static uint64_t number_given(const char *name, const char *usual) {
    const char *given = getenv(name);
    return strtoull(given && *given ? given : usual, NULL, 10);
}

/* The same seed makes the same cases, whichever came before them. */
static void cases_of_a_secret(uint64_t seed, size_t cases) {
    struct known known = {.redactor = redactor_new(), .seed = seed};
    struct secret secret;
    AUTO_BUF bytes = BUF_INIT(4096);
    state_of_chance = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    secret_make(&secret);
    secret_bytes(&secret, &bytes);
    redactor_add_secret(known.redactor, "x", bytes.data, bytes.length);
    for (known.number = 0; known.number < cases; known.number++) {
        struct sample sample;
        sample_make(&sample, &secret);
        ways[chance(COUNT(ways))](&sample, &known);
        sample_release(&sample);
    }
    redactor_free(known.redactor);
}

static void random_cases(void **state) {
    (void)state;
    const uint64_t seed = number_given("RUNBOOK_REDACT_SEED", "1");
    const uint64_t cases = number_given("RUNBOOK_REDACT_CASES", CASES_USUAL);
    print_message("%llu cases from seed %llu\n", (unsigned long long)cases,
                  (unsigned long long)seed);
    for (uint64_t done = 0; done < cases; done += CASES_A_SECRET)
        cases_of_a_secret(seed + done / CASES_A_SECRET, CASES_A_SECRET);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
