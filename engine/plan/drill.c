#include "plan/drill.h"

#include "base/mem.h"
#include "base/text.h"
#include "journal/reader.h"
#include "journal/store.h"

#define CANDIDATES_MOST 1000 /* runs whose first record is read */

static bool is_of(const char *path, const char *name, const char *profile) {
    struct reader *reader = NULL;
    struct event event;
    bool is_one = false;
    if (reader_open(path, &reader, NULL) == 0 && reader_next(reader, &event, NULL) > 0)
        is_one = event.type == EVENT_RUN_STARTED && text_equal(event.name, name) &&
                 !(EVENT_HAS(&event, dry_run) && event.dry_run) &&
                 text_equal(EVENT_HAS(&event, profile) ? event.profile : NULL, profile);
    reader_free(reader);
    return is_one;
}

static bool has_succeeded(const char *path, int64_t *ret_wall_ns) {
    AUTO_TEXT line = NULL;
    AUTO_EVENT_BODY body = {0};
    struct event event;
    char prev[65];
    size_t length;
    if (reader_last_line(path, READER_LAST_DEED, &line, &length, NULL) <= 0 ||
        event_read(line, length, 0, &body, &event, prev, NULL) < 0 ||
        event.type != EVENT_RUN_FINISHED || !text_equal(event.status, "succeeded"))
        return false;
    *ret_wall_ns = event.wall_ns;
    return true;
}

static bool store_search(struct store *store, const char *name, const char *profile,
                         int64_t *ret_wall_ns) {
    AUTO_TEXT prefix = mem_printf("%s-", name);
    char **ids = NULL;
    size_t count = 0, looked = 0;
    bool found = false;
    if (store_list(store, &ids, &count, NULL) < 0)
        return false;
    for (size_t i = 0; !found && i < count && looked < CANDIDATES_MOST; i++) {
        if (!text_starts_with(ids[i], prefix))
            continue;
        AUTO_TEXT dir = mem_printf("%s/runs/%s", store_path(store), ids[i]);
        AUTO_TEXT path = store_transcript(dir);
        looked++;
        found = is_of(path, name, profile) && has_succeeded(path, ret_wall_ns);
    }
    store_list_free(ids, count);
    return found;
}

bool drill_last(const char *name, const char *profile, int64_t *ret_wall_ns) {
    struct store *store = NULL;
    bool found =
        store_peek(&store, NULL) == 0 && store && store_search(store, name, profile, ret_wall_ns);
    store_free(store);
    return found;
}
