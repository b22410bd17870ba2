/* The static rules of a file, once it is parsed whole. */
#include "lang/parse.h"

void check_file(struct parse *parse, const struct node *root) {
    struct map *ids = map_new();
    steps_name(parse, ids);
    (void)root;
    map_free(ids);
}
