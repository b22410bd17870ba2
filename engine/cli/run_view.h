/* A run of the store as the commands look at it. */
#ifndef CLI_RUN_VIEW_H
#define CLI_RUN_VIEW_H

#include "base/err.h"
#include "report/model.h"

struct run_view {
    char *dir;
    char *transcript;
};

/* `name` as store_find takes it; the caller releases. */
int run_view_init(struct run_view *view, const char *name, struct err *err) MUST_USE;
void run_view_release(struct run_view *view);
/* Whether an engine is at it. Without one and without an end the run is abandoned. */
bool run_view_judge(const struct run_view *view, struct model *model);

#endif
