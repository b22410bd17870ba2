#include "tests/support/run_random.h"

#include "base/buf.h"
#include "base/mem.h"

static uint64_t random_state;

unsigned random_below(unsigned most) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % most);
}

void random_seed(uint64_t seed) {
    random_state = seed * 0x9E3779B97F4A7C15U + 1;
    for (int i = 0; i < 8; i++)
        random_below(2);
}

bool random_chance(unsigned percent) {
    return random_below(100) < percent;
}

/* ---- runbooks ------------------------------------------------------------------------------ */

struct maker {
    struct buf text;
    int next; /* number of the next step */
};

static void step_write(struct maker *maker, int indent, int first, int depth, bool plain);

static const char *command_random(unsigned percent_failing) {
    return random_chance(percent_failing) ? "[/bin/false]" : "[/bin/true]";
}

static void needs_write(struct maker *maker, int indent, int first, int id) {
    if (id == first || !random_chance(40))
        return;
    buf_printf(&maker->text, "%*sneeds: [", indent, "");
    bool some = false;
    for (int i = first; i < id; i++)
        /* Only those that surely stand in this list: the first of it and what has no members. */
        if (i == first && random_chance(60)) {
            buf_printf(&maker->text, "%ss%d", some ? ", " : "", i);
            some = true;
        }
    buf_puts(&maker->text, "]\n");
}

static void action_write(struct maker *maker, int indent, int depth) {
    unsigned kind = random_below(20);
    if (kind < 3 && depth < 3) {
        int first = maker->next;
        buf_printf(&maker->text, "%*s%s:\n", indent, "", random_chance(50) ? "steps" : "parallel");
        for (unsigned i = 0, count = 1 + random_below(4); i < count; i++)
            step_write(maker, indent + 2, first, depth + 1, false);
    } else if (kind < 5) {
        buf_printf(&maker->text, "%*sapproval: go on?\n", indent, "");
    } else if (kind < 7) {
        buf_printf(&maker->text, "%*swait: %ums\n", indent, "", random_below(8));
    } else {
        buf_printf(&maker->text, "%*sexec: %s\n%*seffect: idempotent\n", indent, "",
                   command_random(7), indent, "");
        if (random_chance(15))
            buf_printf(&maker->text, "%*sretry: {attempts: 2, delay: %ums}\n", indent, "",
                       random_below(20));
        if (random_chance(12))
            buf_printf(&maker->text, "%*slock: %c\n", indent, "", 'A' + (char)random_below(2));
        if (random_chance(8))
            buf_printf(&maker->text, "%*sdone_when: {shell: \"%s\"}\n", indent, "",
                       random_chance(70) ? "false" : "true");
        if (random_chance(8))
            buf_printf(&maker->text, "%*sforeach: [1, 2, 3]\n%*sconcurrency: %u\n", indent, "",
                       indent, "", 1 + random_below(3));
    }
}

static void step_write(struct maker *maker, int indent, int first, int depth, bool plain) {
    static const char *const rules[] = {"continue", "stop", "rollback"};
    int id = maker->next++;
    buf_printf(&maker->text, "%*s- id: s%d\n", indent, "", id);
    if (plain) {
        buf_printf(&maker->text, "%*s  exec: %s\n%*s  effect: idempotent\n", indent, "",
                   command_random(10), indent, "");
        return;
    }
    needs_write(maker, indent + 2, first, id);
    if (random_chance(6))
        buf_printf(&maker->text, "%*s  on_failure: %s\n", indent, "", rules[random_below(3)]);
    if (random_chance(55))
        buf_printf(&maker->text, "%*s  rollback: {exec: %s, effect: idempotent}\n", indent, "",
                   command_random(6));
    if (random_chance(2))
        buf_printf(&maker->text, "%*s  point_of_no_return: true\n", indent, "");
    if (random_chance(5))
        buf_printf(&maker->text, "%*s  when: '.env.HOME == \"/none\"'\n", indent, "");
    action_write(maker, indent + 2, depth);
}

char *random_runbook(void) {
    struct maker maker = {.text = BUF_INIT(1 << 20)};
    buf_puts(&maker.text, "runbook: 1\nname: random\nsteps:\n");
    int count = 5 + (int)random_below(36);
    while (maker.next < count)
        step_write(&maker, 2, 0, 0, false);
    if (random_chance(70)) {
        buf_puts(&maker.text, "finally:\n");
        for (unsigned i = 0, steps = 1 + random_below(3); i < steps; i++)
            step_write(&maker, 2, 0, 0, true);
    }
    return buf_detach(&maker.text);
}
