/* The last word has check: what was written is loaded as any runbook is, and a step that it does
 * not take becomes one that a person does. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/import_make.h"
#include "cli/import_place.h"
#include "plan/plan.h"

#define ROUNDS 4

struct checking {
    char place[64];
    int fd;
};

static const char *find_copy(void *user, const char *path) {
    const struct checking *checking = user;
    (void)path;
    return checking->place;
}

/* The YAML in memory, under a path that it can be read from. */
static int checking_begin(const struct buf *yaml, struct checking *ret, struct err *err) {
    ret->fd = memfd_create("runbook-import", MFD_CLOEXEC);
    if (ret->fd < 0)
        return err_sys(err, errno, "cannot hold the runbook in memory");
    AUTO_BUF place = BUF_INIT(sizeof ret->place);
    buf_printf(&place, "/proc/self/fd/%d", ret->fd);
    memcpy(ret->place, buf_text(&place), place.length + 1);
    return file_write_all(ret->fd, buf_text(yaml), yaml->length, err);
}

/* ---- what SQL destroys -------------------------------------------------------------------- */

struct losing {
    struct draft *draft;
    struct draft_step *step;
};

static void loss_found(void *user, const struct step_loss *loss) {
    struct losing *losing = user;
    *vec_add(&losing->step->destroys) = arena_strdup(losing->draft->arena, loss->what);
}

static void losses_of(struct draft *draft, struct map *by_id, const struct step_list *steps) {
    for (size_t i = 0; steps && i < steps->count; i++) {
        const struct step *step = steps->items[i];
        struct step_expansion inner = {0};
        if (step->type && step_expand(step, &inner) && !inner.runbook)
            losses_of(draft, by_id, inner.steps);
        struct draft_step *own = step->id ? map_get(by_id, step->id) : NULL;
        if (!own || own->kind != DRAFT_SQL || !step->type || !step->type->destroys || !step->spec)
            continue;
        struct losing losing = {draft, own};
        const struct step_losses losses = {&losing, loss_found};
        own->destroys.count = 0;
        if (!step->type->destroys(step->spec, &losses))
            own->destroys.count = 0;
    }
}

/* ---- what is refused ---------------------------------------------------------------------- */

typedef VEC(struct draft_step *) step_list_flat;

static void flatten(struct draft_step *group, step_list_flat *ret) {
    for (struct draft_step *step = group->first; step; step = step->next) {
        *vec_add(ret) = step;
        if (step->kind == DRAFT_GROUP)
            flatten(step, ret);
    }
}

/* The innermost step that the line belongs to, or NULL. */
static struct draft_step *step_at(const step_list_flat *steps, uint32_t line) {
    size_t low = 0;
    size_t high = steps->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (steps->items[middle]->first_line <= line)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? steps->items[low - 1] : NULL;
}

/* A person does it, and sees what the document had. */
static void step_by_hand(struct draft *draft, struct draft_step *step, const char *why) {
    AUTO_TEXT said = mem_printf("check refuses it: %s", why);
    *vec_add(&step->comments) =
        source_plain(draft->document->source, draft->arena, said, strlen(said));
    if (step->kind == DRAFT_HTTP || (step->kind == DRAFT_WATCH && step->url))
        step->text =
            arena_printf(draft->arena, "%s %s\n%s", step->method ? step->method : "GET", step->url,
                         step->body   ? step->body
                         : step->json ? step->json
                                      : "");
    for (size_t i = 0; i < step->query.count; i++)
        step->text = arena_printf(draft->arena, "%s\n%s=%s", step->text, step->query.items[i].name,
                                  step->query.items[i].value);
    step->text = place_prose(draft, step->text);
    if (step->kind != DRAFT_GROUP && step->kind != DRAFT_GATE)
        step->kind = DRAFT_MANUAL;
    step->expect.count = step->destroys.count = step->outputs.count = step->checklist.count = 0;
    step->when = step->timeout = step->matches = step->rto = NULL;
    if (step->text[strspn(step->text, " \n\t")] == '\0')
        step->text = "Do what the document says";
}

/* The head holds nothing that a step needs but names that are right by their making. */
static void head_mend(struct draft *draft) {
    draft->schedule = draft->rto = draft->rpo = draft->owner = NULL;
    draft->labels.count = draft->required_env.count = 0;
}

static void mend(struct draft *draft, const struct diag *diag) {
    step_list_flat steps = {0};
    flatten(&draft->steps, &steps);
    AUTO_VALUE errors = diag_value(diag);
    struct draft_step *last = NULL;
    for (size_t i = 0; i < value_count(errors); i++) {
        AUTO_VALUE error = value_at(errors, i);
        AUTO_VALUE line = value_get(error, "line");
        AUTO_VALUE message = value_get(error, "message");
        const uint32_t at = (uint32_t)value_as_number(line);
        struct draft_step *step = at < draft->first_step_line ? NULL : step_at(&steps, at);
        if (!step)
            head_mend(draft);
        else if (step != last)
            step_by_hand(draft, step, value_text(message));
        last = step;
    }
    vec_release(&steps);
}

/* ---- rounds ------------------------------------------------------------------------------- */

static void write_anew(struct draft *draft, struct buf *out, left_list *ret_left) {
    buf_clear(out);
    ret_left->count = 0;
    draft_write(draft, out, ret_left);
}

/* Statements that destroy something get their gates; what they are only a loaded runbook tells. */
static int find_losses(struct draft *draft, const struct buf *yaml, struct err *err) {
    struct checking checking = {.fd = -1};
    AUTO_FD fd = -1;
    const int status = checking_begin(yaml, &checking, err);
    fd = checking.fd;
    if (status < 0)
        return -1;
    const struct runbook_copies copies = {find_copy, &checking, "/"};
    struct diag *diag = diag_new();
    struct runbook *runbook = runbook_load_with("/import.yaml", &copies, NULL, diag);
    struct map *by_id = map_new();
    step_list_flat steps = {0};
    flatten(&draft->steps, &steps);
    for (size_t i = 0; i < steps.count; i++)
        map_put(by_id, steps.items[i]->id, steps.items[i]);
    vec_release(&steps);
    if (runbook)
        losses_of(draft, by_id, runbook->steps);
    map_free(by_id);
    runbook_free(runbook);
    diag_free(diag);
    return 0;
}

/* 1 where it is well, 0 where it was mended and must be looked at again. */
static int check_once(struct draft *draft, const struct buf *yaml, char **ret_why,
                      struct err *err) {
    struct checking checking = {.fd = -1};
    AUTO_FD fd = -1;
    const int status = checking_begin(yaml, &checking, err);
    fd = checking.fd;
    if (status < 0)
        return -1;
    const struct runbook_copies copies = {find_copy, &checking, "/"};
    struct diag *diag = diag_new();
    const struct plan_options options = {
        .path = "/import.yaml", .copies = &copies, .shape_only = true};
    struct plan *plan = plan_new(&options, diag);
    const bool well = plan != NULL && diag_count(diag) == 0;
    if (!well) {
        AUTO_BUF why = BUF_INIT(SOURCE_MAX);
        const struct diag_style style = {.columns = 0};
        diag_text(diag, &style, &why);
        mem_free(*ret_why);
        *ret_why = buf_detach(&why);
        mend(draft, diag);
    }
    plan_free(plan);
    diag_free(diag);
    return well;
}

int draft_mend(struct draft *draft, struct buf *out, left_list *ret_left, struct err *err) {
    AUTO_TEXT why = NULL;
    write_anew(draft, out, ret_left);
    if (draft->has_database && find_losses(draft, out, err) < 0)
        return -1;
    draft_gates(draft);
    for (int round = 0; round < ROUNDS; round++) {
        write_anew(draft, out, ret_left);
        const int well = check_once(draft, out, &why, err);
        if (well != 0)
            return well < 0 ? -1 : 0;
    }
    return err_set(err, ERR_INVALID, "what was made of %s does not pass check: %s",
                   draft->document->source->name, why ? why : "");
}
