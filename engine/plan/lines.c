#include "plan/lines.h"

#include "base/vec.h"
#include "lang/runbook.h"

struct lines {
    value list;
    size_t most;
};

static void line_take(void *user, const char *label, const char *text, size_t length) {
    struct lines *lines = user;
    size_t kept = lines->most && length > lines->most ? lines->most : length;
    value line = value_append(value_array(), value_string(label));
    line = value_append(line, value_string_n(text, kept));
    lines->list = value_append(lines->list, line);
}

/* Members are pushed last first, so that they come off the stack in their order. */
value plan_lines(const struct step *step, size_t most) {
    struct lines lines = {value_array(), most};
    const struct step_plan plan = {&lines, line_take};
    VEC(const struct step *) open = {0};
    *vec_add(&open) = step;
    while (open.count) {
        const struct step *next = open.items[--open.count];
        struct step_expansion inner = {0};
        if (next->type && next->type->plan)
            next->type->plan(next->spec, &plan);
        if (next->type && next->type->probe && next->type->probe(next->spec))
            *vec_add(&open) = next->type->probe(next->spec);
        if (!next->type || !next->type->expand || !step_expand(next, &inner))
            continue;
        const struct step_list *members = inner.runbook ? inner.runbook->steps : inner.steps;
        for (size_t i = members ? members->count : 0; i-- > 0;)
            *vec_add(&open) = members->items[i];
    }
    vec_release(&open);
    return lines.list;
}
