/* What a push destroys on its remote, as `destroys` and gates name it: a ref that it overwrites by
 * force or deletes. A branch or tag that is deleted here is no loss: its step knows what it named,
 * and puts it back. */
#include <string.h>

#include "base/text.h"
#include "git_step.h"

struct telling {
    void *user;
    void (*told)(void *user, const char *what, const char *const *names);
    const char *remote; /* as written; NULL: it is not known before the run */
};

static bool is_rendered(const char *text) {
    return strstr(text, "${{") != NULL;
}

bool git_is_forced(const char *refspec) {
    return refspec[0] == '+' || refspec[0] == ':';
}

/* "refs/tags/v1" is the tag `v1`; a short name may be either. */
static const char *kind_of(const char **name) {
    static const struct {
        const char *prefix, *kind;
    } kinds[] = {{"refs/heads/", "branch"}, {"refs/tags/", "tag"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_starts_with(*name, kinds[i].prefix)) {
            *name += strlen(kinds[i].prefix);
            return kinds[i].kind;
        }
    return "ref";
}

static void refspec_tell(const struct telling *telling, const char *refspec) {
    const char *from = refspec + (*refspec == '+');
    const char *colon = is_rendered(refspec) ? NULL : strchr(from, ':');
    const char *name = colon ? colon + 1 : from;
    const char *kind = kind_of(&name);
    const bool is_known = !is_rendered(refspec) && *name;
    const char *names[3] = {is_known ? name : telling->remote, is_known ? telling->remote : NULL};
    AUTO_TEXT what =
        is_known
            ? mem_printf("%s %s of %s", kind, name, telling->remote ? telling->remote : "a remote")
            : mem_printf("a ref of %s", telling->remote ? telling->remote : "a remote");
    telling->told(telling->user, what, names);
}

static void push_tell(const struct git_remote *push, struct telling *telling) {
    AUTO_BUF remote = BUF_INIT(GIT_LINE_CEILING);
    if (push->remote)
        template_show(&remote, push->remote);
    else
        (void)buf_puts(&remote, "origin");
    telling->remote = is_rendered(buf_text(&remote)) ? NULL : buf_text(&remote);
    for (size_t i = 0; i < push->refs.count; i++) {
        AUTO_BUF ref = BUF_INIT(GIT_LINE_CEILING);
        template_show(&ref, FIELD_AT(struct template *, &push->refs, i));
        if (git_is_forced(buf_text(&ref)))
            refspec_tell(telling, buf_text(&ref));
    }
}

static void loss_told(void *user, const char *what, const char *const *names) {
    const struct step_losses *losses = user;
    const struct step_loss loss = {.what = what, .names = names};
    losses->found(losses->user, &loss);
}

bool git_destroys(const void *spec, const struct step_losses *losses) {
    const struct git_spec *git = spec;
    struct telling telling = {.user = (void *)(uintptr_t)losses, .told = loss_told};
    if (git->push)
        push_tell(git->push, &telling);
    return true;
}

static void line_told(void *user, const char *what, const char *const *names) {
    const struct step_plan *plan = user;
    (void)names;
    plan->line(plan->user, "destroys", what, strlen(what));
}

void git_losses_plan(const struct git_spec *git, const struct step_plan *plan) {
    struct telling telling = {.user = (void *)(uintptr_t)plan, .told = line_told};
    if (git->push)
        push_tell(git->push, &telling);
}
