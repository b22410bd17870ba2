#include "report/outline_sum.h"

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"

/* Something that is known at run time, and the steps that wait for it. */
struct origin {
    value from, steps;
};

/* A step, and what it says. */
struct entry {
    value path, what;
};

struct entries {
    VEC(struct entry) items;
};

struct outline_sums {
    const char *path; /* of the step that speaks; borrowed */
    bool is_left_out;
    value gates;
    struct entries losses, locks;
    VEC(struct origin) origins;
    struct map *places; /* of origins by name: where they are, and one more */
};

struct outline_sums *outline_sums_new(void) {
    struct outline_sums *sums = mem_zalloc(sizeof *sums);
    sums->gates = value_array();
    sums->places = map_new();
    return sums;
}

void outline_sums_step(struct outline_sums *sums, const char *path, bool is_left_out) {
    sums->path = path;
    sums->is_left_out = is_left_out;
}

/* ---- gathering ----------------------------------------------------------------------------- */

static bool holds(value names, value name) {
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE known = value_at(names, i);
        if (value_equal(known, name))
            return true;
    }
    return false;
}

static void entry_add(const struct outline_sums *sums, struct entries *entries, value what) {
    struct entry *last = entries->items.count ? vec_last(&entries->items) : NULL;
    if (sums->is_left_out)
        return;
    if (!last || !text_equal(value_text(last->path), sums->path)) {
        *vec_add(&entries->items) = (struct entry){value_string(sums->path), value_array()};
        last = vec_last(&entries->items);
    }
    if (!holds(last->what, what))
        last->what = value_append(last->what, value_copy(what));
}

void outline_sum_loss(struct outline_sums *sums, value name) {
    entry_add(sums, &sums->losses, name);
}

value outline_sums_losses(const struct outline_sums *sums) {
    const struct entries *losses = &sums->losses;
    const struct entry *last = losses->items.count ? vec_last(&losses->items) : NULL;
    bool is_own = last && !sums->is_left_out && text_equal(value_text(last->path), sums->path);
    return is_own ? value_copy(last->what) : value_none();
}

void outline_sum_lock(struct outline_sums *sums, const char *what) {
    AUTO_VALUE text = value_string(what);
    entry_add(sums, &sums->locks, text);
}

void outline_sum_gate(struct outline_sums *sums, value gate) {
    if (sums->is_left_out)
        return;
    value entry = value_set(value_object(), "path", value_string(sums->path));
    sums->gates = value_append(sums->gates, value_set(entry, "gate", value_copy(gate)));
}

static void origin_add(struct outline_sums *sums, value from) {
    uintptr_t place = (uintptr_t)map_get(sums->places, value_text(from));
    if (!place) {
        *vec_add(&sums->origins) = (struct origin){value_copy(from), value_array()};
        place = sums->origins.count;
        map_put(sums->places, value_text(from), (void *)place);
    }
    struct origin *origin = &sums->origins.items[place - 1];
    size_t count = value_count(origin->steps);
    AUTO_VALUE last = count > 0 ? value_at(origin->steps, count - 1) : value_none();
    if (count == 0 || !text_equal(value_text(last), sums->path))
        origin->steps = value_append(origin->steps, value_string(sums->path));
}

void outline_sum_fact(struct outline_sums *sums, value fact) {
    if (value_is(fact, VALUE_NONE))
        return;
    AUTO_VALUE from = value_get(fact, "from");
    for (size_t i = 0; !sums->is_left_out && i < value_count(from); i++) {
        AUTO_VALUE name = value_at(from, i);
        origin_add(sums, name);
    }
}

/* ---- telling ------------------------------------------------------------------------------- */

static value entries_value(struct entries *entries) {
    value list = value_array();
    for (size_t i = 0; i < entries->items.count; i++) {
        const struct entry *entry = &entries->items.items[i];
        value object = value_set(value_object(), "path", entry->path);
        list = value_append(list, value_set(object, "what", entry->what));
    }
    vec_release(&entries->items);
    return list;
}

static value origins_value(struct outline_sums *sums) {
    value list = value_array();
    for (size_t i = 0; i < sums->origins.count; i++) {
        const struct origin *origin = &sums->origins.items[i];
        value object = value_set(value_object(), "from", origin->from);
        list = value_append(list, value_set(object, "steps", origin->steps));
    }
    vec_release(&sums->origins);
    return list;
}

void outline_sums_tell(struct outline_sums *sums, value *outline) {
    *outline = value_set(*outline, "gates", sums->gates);
    *outline = value_set(*outline, "losses", entries_value(&sums->losses));
    *outline = value_set(*outline, "locks", entries_value(&sums->locks));
    *outline = value_set(*outline, "unknown", origins_value(sums));
    map_free(sums->places);
    mem_free(sums);
}
