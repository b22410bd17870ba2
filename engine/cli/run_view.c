#include "cli/run_view.h"

#include "base/mem.h"
#include "journal/store.h"

int run_view_init(struct run_view *view, const char *name, struct err *err) {
    struct store *store = NULL;
    *view = (struct run_view){0};
    if (store_open(&store, err) < 0) {
        return -1;
    }
    const int found = store_find(store, name, &view->dir, err);
    store_free(store);
    if (found == 0) {
        view->transcript = store_transcript(view->dir);
    }
    return found;
}

void run_view_release(struct run_view *view) {
    mem_free(view->dir);
    mem_free(view->transcript);
    *view = (struct run_view){0};
}

bool run_view_judge(const struct run_view *view, struct model *model) {
    const bool running = store_is_running(view->dir);
    if (running || model->finished) {
        return running;
    }
    model_abandon(model, 0);
    return false;
}
