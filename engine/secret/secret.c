#include "secret/secret.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"

struct secret {
    char *name;
    char *bytes;
    size_t length;
};

struct secrets {
    VEC(struct secret) all;
};

struct secrets *secrets_new(void) {
    return mem_zalloc(sizeof(struct secrets));
}

void secrets_free(struct secrets *secrets) {
    if (!secrets)
        return;
    for (size_t i = 0; i < secrets->all.count; i++) {
        struct secret *secret = &secrets->all.items[i];
        mem_free(secret->name);
        mem_wipe_free(secret->bytes, secret->length);
    }
    vec_release(&secrets->all);
    mem_free(secrets);
}

static struct secret *secrets_find(const struct secrets *secrets, const char *name) {
    for (size_t i = 0; i < secrets->all.count; i++)
        if (text_equal(secrets->all.items[i].name, name))
            return &secrets->all.items[i];
    return NULL;
}

/* What is wrong is said without a word about the value but that it is short. */
static int secrets_check(const char *name, const char *bytes, size_t length, bool allow_short,
                         struct err *err) {
    if (length == 0)
        return err_set(err, ERR_INVALID, "the secret `%s` is empty", name);
    if (allow_short || text_characters(bytes, length) >= SECRET_MIN_LENGTH)
        return 0;
    err_set(err, ERR_INVALID, "the secret `%s` is shorter than %d characters", name,
            SECRET_MIN_LENGTH);
    return err_hint(err, "so short a text is found everywhere in the output; if it must be so, "
                         "write `allow_short: true` beside its source");
}

int secrets_add(struct secrets *secrets, const char *name, const char *bytes, size_t length,
                bool allow_short, struct err *err) {
    if (secrets_check(name, bytes, length, allow_short, err) < 0)
        return -1;
    struct secret *secret = secrets_find(secrets, name);
    if (secret) {
        mem_wipe_free(secret->bytes, secret->length);
    } else {
        secret = vec_add(&secrets->all);
        secret->name = mem_strdup(name);
    }
    secret->bytes = mem_strndup(bytes, length);
    secret->length = length;
    return 0;
}

const char *secrets_get(const struct secrets *secrets, const char *name, size_t *ret_length) {
    const struct secret *secret = secrets_find(secrets, name);
    if (ret_length)
        *ret_length = secret ? secret->length : 0;
    return secret ? secret->bytes : NULL;
}

size_t secrets_count(const struct secrets *secrets) {
    return secrets->all.count;
}

void secrets_each(const struct secrets *secrets,
                  void (*each)(void *user, const char *name, const char *bytes, size_t length),
                  void *user) {
    for (size_t i = 0; i < secrets->all.count; i++) {
        const struct secret *secret = &secrets->all.items[i];
        each(user, secret->name, secret->bytes, secret->length);
    }
}
