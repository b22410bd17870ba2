/* `destroys` names exactly what the step destroys: what it does not is an error, as it
 * would let a later change through. What it destroys beyond it depends on gates: plan/gates. */
#include "base/text.h"
#include "base/vec.h"
#include "lang/parse.h"

struct found {
    VEC(char *) what;
};

static void found_loss(void *user, const struct step_loss *loss) {
    struct found *found = user;
    *vec_add(&found->what) = mem_strdup(loss->what);
}

static bool is_found(const struct found *found, const char *entry) {
    for (size_t i = 0; i < found->what.count; i++)
        if (text_equal(found->what.items[i], entry))
            return true;
    return false;
}

static char *stale_hint(const struct found *found, const char *entry) {
    const char *near =
        text_suggest(entry, (const char *const *)found->what.items, found->what.count);
    if (near)
        return mem_printf("did you mean `%s`?", near);
    AUTO_BUF hint = BUF_INIT(4096);
    buf_puts(&hint, found->what.count ? "what it destroys is: " : "take it out");
    for (size_t i = 0; i < found->what.count && i < 20; i++)
        buf_printf(&hint, "%s`%s`", i ? ", " : "", found->what.items[i]);
    return buf_detach(&hint);
}

static struct span entry_span(const struct parse *parse, const struct node *node, size_t index) {
    bool is_item = node->kind == NODE_LIST && index < node->count;
    return parse_span(parse, is_item ? &node->items[index] : node);
}

static void check_entries(struct parse *parse, const struct visit *visit,
                          const struct found *found) {
    const struct node *node = node_find(visit->node, "destroys", NULL);
    const struct field_list *list = &visit->step->more->destroys;
    for (size_t i = 0; node && i < list->count; i++) {
        const char *entry = FIELD_AT(const char *, list, i);
        if (!entry || is_found(found, entry))
            continue;
        AUTO_TEXT hint = stale_hint(found, entry);
        parse_error(parse, entry_span(parse, node, i), hint,
                    "`destroys` names `%s`, which the step does not destroy", entry);
    }
}

void check_destroys(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    if (!step->type->destroys || !step->more->destroys.count || visit->is_broken)
        return;
    struct found found = {0};
    const struct step_losses losses = {&found, found_loss};
    if (step->type->destroys(step->spec, &losses))
        check_entries(parse, visit, &found);
    for (size_t i = 0; i < found.what.count; i++)
        mem_free(found.what.items[i]);
    vec_release(&found.what);
}
