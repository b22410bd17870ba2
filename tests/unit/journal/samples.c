/* Prints random records of every type, for check_schema.py. */
#include "journal_support.h"

#include <stdio.h>
#include <unistd.h>

static int sample_print(enum event_type type, uint32_t *seed) {
    static struct sample sample;
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF out = BUF_INIT(SIZE_MAX / 4);
    sample_init(&sample, type, seed);
    sample.event.wall_ns = (int64_t)sample_random(seed) * 1000000000;
    int done = event_write(&sample.event, EVENT_NO_PREV, &out, &err);
    sample_release(&sample);
    return done < 0 ? done : file_write_all(STDOUT_FILENO, out.data, out.length, &err);
}

int main(void) {
    uint32_t seed = 1;
    for (int round = 0; round < 10; round++)
        for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
            if (sample_print(type, &seed) < 0)
                return 1;
    return 0;
}
