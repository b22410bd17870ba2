#include "base/shared.h"

#include "base/mem.h"

struct shared {
    size_t holders;
    char *bytes;
    size_t length;
};

struct shared *shared_new(char *bytes_taken, size_t length) {
    struct shared *shared = mem_alloc(sizeof *shared);
    *shared = (struct shared){1, bytes_taken, length};
    return shared;
}

struct shared *shared_hold(struct shared *shared) {
    shared->holders++;
    return shared;
}

void shared_release(struct shared *shared) {
    if (!shared || --shared->holders > 0)
        return;
    mem_free(shared->bytes);
    mem_free(shared);
}

const char *shared_bytes(const struct shared *shared) {
    return shared->bytes;
}

size_t shared_length(const struct shared *shared) {
    return shared->length;
}
