#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void mem_exhausted(const char *what) {
    fputs("runbook: out of memory: ", stderr);
    fputs(what, stderr);
    fputc('\n', stderr);
    abort();
}

static void *mem_check(void *memory) {
    if (!memory)
        mem_exhausted("the allocator returned nothing");
    return memory;
}

static size_t mem_product(size_t count, size_t size) {
    size_t product;
    if (__builtin_mul_overflow(count, size, &product))
        mem_exhausted("a size does not fit");
    return product;
}

void *mem_alloc(size_t size) {
    return mem_check(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size) {
    return mem_check(calloc(1, size ? size : 1));
}

void *mem_calloc(size_t count, size_t size) {
    return mem_zalloc(mem_product(count, size));
}

void *mem_realloc_array(void *old, size_t count, size_t size) {
    size_t bytes = mem_product(count, size);
    return mem_check(realloc(old, bytes ? bytes : 1));
}

char *mem_strdup(const char *text) {
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t length) {
    if (length == SIZE_MAX)
        mem_exhausted("a size does not fit");
    char *copy = mem_alloc(length + 1);
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    return text;
}

char *mem_vprintf(const char *format, va_list args) {
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        mem_exhausted("formatting a text");
    return mem_check(text);
}

void mem_free(void *memory) {
    free(memory);
}

void mem_wipe_free(void *memory, size_t size) {
    if (!memory)
        return;
    explicit_bzero(memory, size);
    free(memory);
}

void mem_cleanup_text(char **text) {
    free(*text);
    *text = NULL;
}

#define ARENA_FIRST ((size_t)4096)
#define ARENA_LARGEST ((size_t)256 * 1024)
#define ARENA_ALIGN                                                                                \
    ((size_t)8) /* of pointers, 64-bit numbers and doubles: none of ours asks more */

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t capacity;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

struct arena_end {
    struct arena_end *next;
    void (*destroy)(void *object);
    void *object;
};

struct arena {
    struct arena_chunk *chunks; /* the first is the one being filled */
    struct arena_end *ends;     /* last registered first */
    size_t next_capacity;
};

static struct arena_chunk *arena_chunk_new(size_t capacity) {
    size_t bytes;
    if (__builtin_add_overflow(capacity, sizeof(struct arena_chunk), &bytes))
        mem_exhausted("a size does not fit");
    struct arena_chunk *chunk = mem_zalloc(bytes);
    chunk->capacity = capacity;
    return chunk;
}

struct arena *arena_new(void) {
    struct arena *arena = mem_zalloc(sizeof *arena);
    arena->next_capacity = ARENA_FIRST;
    return arena;
}

/* A piece too large to share gets a chunk of its own behind the first, which goes on filling. */
static void *arena_alloc_large(struct arena *arena, size_t size) {
    struct arena_chunk *chunk = arena_chunk_new(size);
    chunk->used = size;
    if (arena->chunks) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        arena->chunks = chunk;
    }
    return chunk->bytes;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (size > SIZE_MAX - ARENA_ALIGN)
        mem_exhausted("a size does not fit");
    size_t rounded = (size ? size + ARENA_ALIGN - 1 : ARENA_ALIGN) / ARENA_ALIGN * ARENA_ALIGN;
    if (rounded > arena->next_capacity / 4)
        return arena_alloc_large(arena, rounded);
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->capacity - chunk->used < rounded) {
        chunk = arena_chunk_new(arena->next_capacity);
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        if (arena->next_capacity < ARENA_LARGEST)
            arena->next_capacity *= 2;
    }
    void *piece = chunk->bytes + chunk->used;
    chunk->used += rounded;
    return piece;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
    if (length == SIZE_MAX)
        mem_exhausted("a size does not fit");
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    char *copy = arena_strdup(arena, text);
    mem_free(text);
    return copy;
}

void arena_on_free(struct arena *arena, void (*destroy)(void *object), void *object) {
    struct arena_end *end = arena_alloc(arena, sizeof *end);
    end->destroy = destroy;
    end->object = object;
    end->next = arena->ends;
    arena->ends = end;
}

void arena_reset(struct arena *arena) {
    struct arena_chunk *kept = arena->chunks;
    if (arena->ends)
        abort();
    if (!kept)
        return;
    while (kept->next) {
        struct arena_chunk *chunk = kept->next;
        kept->next = chunk->next;
        mem_free(chunk);
    }
    memset(kept->bytes, 0, kept->used);
    kept->used = 0;
}

void arena_free(struct arena *arena) {
    if (!arena)
        return;
    /* A destructor may register another: the list is taken from its head each time. */
    while (arena->ends) {
        struct arena_end *end = arena->ends;
        arena->ends = end->next;
        end->destroy(end->object);
    }
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        mem_free(chunk);
    }
    mem_free(arena);
}
