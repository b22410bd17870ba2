#include "lang/early.h"

#include <string.h>

#include "base/text.h"
#include "lang/given.h"

#define BLOCK 512

/* The line feed before the next line that does not begin with a blank, or NULL. Blocks that have
 * none, as most of a hundred thousand steps, are looked at 16 bytes at a time: 2 % of a check. */
static const char *next_line(const char *at, const char *end) {
    for (; (size_t)(end - at) > BLOCK; at += BLOCK) {
        unsigned char begins = 0;
        for (size_t i = 0; i < BLOCK; i++)
            begins |= (at[i] == '\n') & (at[i + 1] != ' ');
        if (begins)
            break;
    }
    while ((at = memchr(at, '\n', (size_t)(end - at))) && at + 1 < end && at[1] == ' ')
        at++;
    return at;
}

/* Whether only `finally`, once, stands below. The root's keys stand at the beginning of lines: any
 * line there that is not a comment, an item or that key may be another, and counts as one. */
static bool is_last(const char *at, const char *end) {
    bool has_finally = false;
    while ((at = next_line(at, end)) && ++at < end) {
        if (*at == '\n' || *at == '\r' || *at == '#')
            continue;
        size_t left = (size_t)(end - at);
        if (left > 1 && *at == '-' && (at[1] == ' ' || at[1] == '\n'))
            continue;
        if (has_finally || left < strlen("finally:") || !text_starts_with(at, "finally:"))
            return false;
        has_finally = true;
    }
    return true;
}

static bool early_begin(void *user, const struct node *before, const struct node *key, size_t at) {
    struct early *early = user;
    struct parse *parse = early->parse;
    const struct runbook *runbook = parse->runbook;
    if (!text_equal(key->text, "steps") ||
        !is_last(runbook->bytes + at, runbook->bytes + runbook->length))
        return false;
    early->is_begun = true;
    early->diag = parse->load->diag;
    parse->load->diag = diag_new();
    early->above = before->count;
    early->seen =
        fields_fill(parse, runbook_fields, given_first(before, parse->nodes), parse->runbook);
    early->seen |= UINT64_C(1) << (field_find(runbook_fields, "steps") - runbook_fields);
    early->steps = (struct steps_open){.label = "steps", .role = ROLE_STEP};
    parse->table = runbook_fields;
    return true;
}

static void early_take(void *user, const struct node *item) {
    struct early *early = user;
    steps_take(early->parse, &early->steps, item);
}

struct yaml_items early_items(struct early *early) {
    return (struct yaml_items){early_begin, early_take, early};
}

/* What `steps` and the pairs above it are not: those below. */
static struct node rest_of(const struct early *early, const struct node *root) {
    struct node below = *root;
    below.items += 2 * (early->above + 1);
    below.count -= (uint32_t)early->above + 1;
    return below;
}

void early_finish(struct early *early, const struct node *root) {
    struct parse *parse = early->parse;
    struct node left = *given_first(root, parse->nodes);
    if (early->is_begun) {
        parse->runbook->steps = steps_close(parse, &early->steps, node_value(root, early->above));
        parse->table = NULL;
        parse->label = NULL;
        left = rest_of(early, root);
    }
    early->seen |= fields_fill(parse, runbook_fields, &left, parse->runbook);
    fields_finish(parse, runbook_fields, early->seen, parse_span(parse, root), parse->runbook);
    if (!early->is_begun)
        return;
    diag_merge(early->diag, parse->load->diag);
    parse->load->diag = early->diag;
}

void early_drop(struct early *early) {
    if (!early->is_begun)
        return;
    vec_release(&early->steps.items);
    diag_free(early->parse->load->diag);
    early->parse->load->diag = early->diag;
}
