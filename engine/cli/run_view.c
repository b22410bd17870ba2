#include "cli/run_view.h"

#include "base/mem.h"
#include "base/text.h"
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
    mem_free(model->status);
    model->status = mem_strdup("incomplete");
    for (size_t i = 0; i < model->step_count; i++) {
        struct model_step *step = model->steps[i];
        if (text_equal(step->status, "running") || text_equal(step->status, "waiting") ||
            text_equal(step->status, "rolling_back")) {
            step->status = "incomplete";
        }
    }
    return false;
}
