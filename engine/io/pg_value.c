#include "io/pg_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "base/mem.h"
#include "base/text.h"

/* Of the server's pg_type.dat; fixed for ever. */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_OID = 26, OID_JSON = 114 };
enum { OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_NUMERIC = 1700, OID_JSONB = 3802 };

/* Decimals of so many digits survive the way through a double (DBL_DIG). */
#define EXACT_DIGITS 15
#define EXACT_INTEGER (INT64_C(1) << 53)
/* What a member of an object takes beside its bytes, roughly, in jv. */
#define FIELD_OVERHEAD 48

static bool key_taken(const struct pg_columns *columns, int before, const char *key) {
    for (int i = 0; i < before; i++)
        if (text_equal(columns->keys[i], key))
            return true;
    return false;
}

void pg_columns_init(struct pg_columns *columns, const PGresult *result) {
    columns->count = PQnfields(result);
    columns->keys = mem_calloc((size_t)columns->count + 1, sizeof *columns->keys);
    for (int i = 0; i < columns->count; i++) {
        const char *name = PQfname(result, i);
        char *key = mem_strdup(name ? name : "");
        for (int n = 2; key_taken(columns, i, key); n++) {
            mem_free(key);
            key = mem_printf("%s_%d", name ? name : "", n);
        }
        columns->keys[i] = key;
    }
}

void pg_columns_release(struct pg_columns *columns) {
    for (int i = 0; i < columns->count; i++)
        mem_free(columns->keys[i]);
    mem_free(columns->keys);
    *columns = (struct pg_columns){0};
}

static value integer_value(const char *text) {
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || *end)
        return value_string(text);
    return value_integer(number);
}

static value float_value(const char *text) {
    char *end = NULL;
    double number = strtod(text, &end);
    if (*end || !isfinite(number))
        return value_string(text);
    return value_number(number);
}

/* Digits between the first and the last that is not 0; a 0 between them counts. */
static size_t significant_digits(const char *text) {
    size_t digits = 0, zeros = 0;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            continue;
        if (*text == '0') {
            zeros += digits > 0;
            continue;
        }
        digits += zeros + 1;
        zeros = 0;
    }
    return digits;
}

static value numeric_value(const char *text) {
    bool is_plain = text[strspn(text, "+-0123456789.")] == '\0';
    if (is_plain && !strchr(text, '.'))
        return integer_value(text);
    if (!is_plain || significant_digits(text) > EXACT_DIGITS)
        return value_string(text);
    double number = strtod(text, NULL);
    /* A double's exponent ends at -308; a numeric's scale does not. */
    return isnormal(number) || number == 0 ? value_number(number) : value_string(text);
}

/* Whether an integer stands in the JSON text that a double would round. */
static bool json_loses_digits(const char *text) {
    bool in_string = false;
    for (; *text; text++) {
        if (*text == '"')
            in_string = !in_string;
        else if (in_string && *text == '\\' && text[1])
            text++;
        if (in_string || !isdigit((unsigned char)*text))
            continue;
        size_t length = strspn(text, "0123456789");
        size_t whole = strspn(text, "0123456789.eE+-");
        if (whole == length && length > EXACT_DIGITS &&
            (length > 16 || strtoll(text, NULL, 10) > EXACT_INTEGER))
            return true;
        text += whole - 1;
    }
    return false;
}

static value json_value(const char *text, size_t length) {
    value parsed = value_none();
    AUTO_ERR err = ERR_INIT;
    if (json_loses_digits(text) || value_parse(text, length, &parsed, &err) < 0)
        return value_string_n(text, length);
    return parsed;
}

static value field_value(Oid type, const char *text, size_t length) {
    switch (type) {
    case OID_BOOL:
        return value_bool(*text == 't');
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
        return integer_value(text);
    case OID_FLOAT4:
    case OID_FLOAT8:
        return float_value(text);
    case OID_NUMERIC:
        return numeric_value(text);
    case OID_JSON:
    case OID_JSONB:
        return json_value(text, length);
    default:
        return value_string_n(text, length);
    }
}

value pg_row_value(const struct pg_columns *columns, const PGresult *result, int row,
                   size_t *bytes) {
    value object = value_object();
    for (int i = 0; i < columns->count; i++) {
        value item = value_null();
        size_t length = (size_t)PQgetlength(result, row, i);
        if (!PQgetisnull(result, row, i))
            item = field_value(PQftype(result, i), PQgetvalue(result, row, i), length);
        object = value_set(object, columns->keys[i], item);
        *bytes += length + FIELD_OVERHEAD;
    }
    *bytes += FIELD_OVERHEAD;
    return object;
}
