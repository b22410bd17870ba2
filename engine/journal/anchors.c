/* What the runs of a store say of each other: each names the run before it, and the SHA-256 of
 * the last record that it had then. */
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "journal/reader.h"
#include "journal/verify_parts.h"

struct anchors {
    char *store;
    struct map *lists; /* run: struct anchor_list */
};

static struct anchor_list *list_of(struct anchors *anchors, const char *run) {
    struct anchor_list *list = map_get(anchors->lists, run);
    if (!list) {
        list = mem_zalloc(sizeof *list);
        map_put(anchors->lists, run, list);
    }
    return list;
}

static void anchor_add(struct anchors *anchors, const char *by, value previous) {
    AUTO_VALUE run = value_get(previous, "run");
    AUTO_VALUE sha256 = value_get(previous, "sha256");
    if (!value_is(run, VALUE_STRING) || value_text_length(sha256) != 64)
        return;
    struct anchor_list *list = list_of(anchors, value_text(run));
    struct anchor *anchor = vec_add(list);
    anchor->by = mem_strdup(by);
    memcpy(anchor->head, value_text(sha256), sizeof anchor->head);
}

/* A first record that cannot be read vouches for nothing; its own verification says so. */
static void anchors_learn(struct anchors *anchors, const char *id) {
    struct reader *reader = NULL;
    struct event event;
    AUTO_ERR ignored = ERR_INIT;
    AUTO_TEXT dir = mem_printf("%s/runs/%s", anchors->store, id);
    AUTO_TEXT transcript = store_transcript(dir);
    list_of(anchors, id)->present = true;
    if (reader_open(transcript, &reader, &ignored) < 0)
        return;
    if (reader_next(reader, &event, &ignored) > 0 && EVENT_HAS(&event, previous))
        anchor_add(anchors, id, event.previous);
    reader_free(reader);
}

int anchors_read(struct store *store, struct anchors **ret, struct err *err) {
    char **ids = NULL;
    size_t count = 0;
    if (store_list(store, &ids, &count, err) < 0)
        return -1;
    struct anchors *anchors = mem_zalloc(sizeof *anchors);
    anchors->store = mem_strdup(store_path(store));
    anchors->lists = map_new();
    for (size_t i = 0; i < count; i++)
        anchors_learn(anchors, ids[i]);
    store_list_free(ids, count);
    *ret = anchors;
    return 0;
}

static void list_free(struct anchor_list *list) {
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i].by);
    vec_release(list);
    mem_free(list);
}

void anchors_free(struct anchors *anchors) {
    if (!anchors)
        return;
    const char *run;
    void *list;
    for (size_t i = 0; map_next(anchors->lists, &i, &run, &list);)
        list_free(list);
    map_free(anchors->lists);
    mem_free(anchors->store);
    mem_free(anchors);
}

struct anchor_list *anchors_of(const struct anchors *anchors, const char *run) {
    return map_get(anchors->lists, run);
}

const char *anchors_store(const struct anchors *anchors) {
    return anchors->store;
}

bool anchors_missing(const struct anchors *anchors, size_t *cursor, const char **ret_run,
                     const char **ret_by) {
    void *entry;
    while (map_next(anchors->lists, cursor, ret_run, &entry)) {
        const struct anchor_list *list = entry;
        if (list->present || list->count == 0)
            continue;
        *ret_by = list->items[0].by;
        return true;
    }
    return false;
}
