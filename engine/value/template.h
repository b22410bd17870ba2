/* Templates: values with `${{ expression }}` in them.
 *
 * A string that is one template keeps the type of its value; inside longer text the value is
 * rendered as text, and null or nothing is an error, since an empty word in a command can
 * destroy. `}}` inside a string or bracket of the expression does not end it, and `$${{` stands
 * for a literal `${{`. Lists and mappings of templates are templates too. Memory belongs to the
 * arena; expressions belong to the set, which must outlive the templates. */
#ifndef VALUE_TEMPLATE_H
#define VALUE_TEMPLATE_H

#include <stdbool.h>

#include "base/mem.h"
#include "value/expr.h"

struct template;

/* A constant; takes the value. */
struct template *template_constant(struct arena *arena, value taken);
/* Text that may hold templates. `at` is where the first character stands (for block scalars the
 * first line's). Errors are reported once, the first. */
int template_parse(struct arena *arena, struct expr_set *set, const char *text, size_t length,
                   struct span at, struct template **ret, struct err *err) MUST_USE;
/* Containers are filled after they are made; items belong to the same arena. */
struct template *template_array(struct arena *arena);
struct template *template_object(struct arena *arena);
void template_add(struct template *container, const char *key_or_null, struct template *item);

int template_render(const struct template *tmpl, const struct expr_input *input, value *ret,
                    struct err *err) MUST_USE;
/* Rendered to text: strings as they are, other kinds as JSON; null and text with a NUL are
 * errors. The caller frees. */
int template_render_text(const struct template *tmpl, const struct expr_input *input, char **ret,
                         struct err *err) MUST_USE;

bool template_is_constant(const struct template *tmpl);
/* How it was written, for plans: constants as text, templates with their `${{ … }}`. */
void template_show(struct buf *out, const struct template *tmpl);
void template_each_expr(const struct template *tmpl,
                        void (*found)(void *user, const struct expr *expr), void *user);

/* Whether `${{` stands in the text, escaped or not, and at which offset. */
bool template_find(const char *text, size_t length, size_t *ret_offset);
/* The same of what others write for a template, and what is text here: `{{ .params.x }}`. */
bool template_find_bare(const char *text, size_t length, size_t *ret_offset);

#endif
