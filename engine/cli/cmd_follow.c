#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/lines.h"
#include "cli/outlook.h"
#include "cli/run_view.h"
#include "cli/terminal.h"
#include "journal/reader.h"
#include "journal/store.h"
#include "report/text.h"
#include "run/run.h"

/* The kernel tells of a closed file before it gives its lock back. */
#define LOCK_SETTLES_MS 200

struct follow_options {
    bool json;
};

struct follower {
    const struct follow_options *options;
    const struct run_view *view;
    struct line_style style;
    struct reader *reader; /* NULL until the transcript is there */
    struct model model;
    int watch;
};

/* One descriptor tells of everything: records, the transcript's making, and the end of the engine,
 * whose files the kernel closes however it ends. */
static int follower_watch(struct follower *follower, struct err *err) {
    follower->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (follower->watch < 0) {
        return err_sys(err, errno, "cannot watch files");
    }
    const uint32_t events = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
    if (inotify_add_watch(follower->watch, follower->view->dir, events) < 0) {
        return err_sys(err, errno, "cannot watch %s", follower->view->dir);
    }
    return 0;
}

/* Empties the queue; whether some file was closed that had been written to. */
static bool follower_read_queue(const struct follower *follower) {
    _Alignas(struct inotify_event) char events[4096];
    bool closed = false;
    ssize_t got;
    while ((got = read(follower->watch, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const void *)(events + at);
            closed |= (event->mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)) != 0;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return closed;
}

/* Waits until something happens in the run's folder, or the time is over. */
static int follower_wait(const struct follower *follower, int limit_ms, bool *ret_closed,
                         struct err *err) {
    struct pollfd ready = {.fd = follower->watch, .events = POLLIN};
    while (poll(&ready, 1, limit_ms) < 0) {
        if (errno != EINTR) {
            return err_sys(err, errno, "cannot wait for the run");
        }
    }
    *ret_closed = follower_read_queue(follower);
    return 0;
}

static void follower_say(struct follower *follower, const struct event *event, struct buf *out) {
    if (follower->options->json) {
        size_t length = 0;
        const char *line = reader_line(follower->reader, &length);
        (void)buf_append(out, line, length);
        return;
    }
    line_event(out, event, &follower->model, &follower->style);
    if (event->type == EVENT_RUN_STARTED)
        outlook_begun(event, &follower->style, out);
}

static int follower_flush(struct buf *out, struct err *err) {
    const int done = file_write_all(STDOUT_FILENO, buf_text(out), out->length, err);
    buf_clear(out);
    return done < 0 ? err_wrap(err, "standard output") : 0;
}

/* All that is there by now: 1 once the run is over, 0 where more may come. */
static int follower_drain(struct follower *follower, struct err *err) {
    AUTO_BUF out = BUF_INIT(PRODUCT_MAX);
    struct event event;
    int more = 0;
    if (!follower->reader) {
        if (!file_exists(follower->view->transcript)) {
            return 0;
        }
        if (reader_open(follower->view->transcript, &follower->reader, err) < 0) {
            return -1;
        }
    }
    while ((more = reader_next(follower->reader, &event, err)) > 0) {
        model_apply(&follower->model, &event);
        follower_say(follower, &event, &out);
        if (out.length > PRODUCT_MAX / 2 && follower_flush(&out, err) < 0) {
            return -1;
        }
    }
    AUTO_ERR late = ERR_INIT;
    if (follower_flush(&out, more < 0 ? &late : err) < 0 || more < 0) {
        return -1;
    }
    return follower->model.finished;
}

/* Until the run is over (1), or its engine is gone (0). The engine is asked for before the records
 * are read, so that none is missed that it wrote last. */
static int follower_run(struct follower *follower, struct err *err) {
    bool gone = false, closed = false;
    for (;;) {
        const bool alive = store_is_running(follower->view->dir);
        const int over = follower_drain(follower, err);
        if (over != 0 || (!alive && gone)) {
            return over;
        }
        gone = !alive;
        const int limit_ms = alive && !closed ? -1 : LOCK_SETTLES_MS;
        if (follower_wait(follower, limit_ms, &closed, err) < 0) {
            return -1;
        }
    }
}

static int follow_end(struct follower *follower) {
    if (follower->options->json) {
        return 0;
    }
    struct buf out = BUF_INIT(PRODUCT_MAX);
    report_summary(&out, &follower->model, follower->view->dir, &follower->style.text);
    return print_product(&out);
}

static int follow_all(struct follower *follower) {
    struct err err = ERR_INIT;
    int over = follower_watch(follower, &err);
    if (over == 0) {
        over = follower_run(follower, &err);
    }
    if (over > 0) {
        return follow_end(follower);
    }
    if (over == 0) {
        err_set(&err, ERR_SYSTEM, "the run has no end, and no engine is at it");
        err_hint(&err, "`runbook resume %s` goes on with it",
                 follower->model.run ? follower->model.run : "RUN");
        (void)print_err(&err);
        return RUN_FAILED;
    }
    if (err.sys == EPIPE) {
        err_release(&err);
        return RUN_FAILED;
    }
    return print_err(&err);
}

static int follow_run(const struct invocation *invocation) {
    struct run_view view;
    struct err err = ERR_INIT;
    if (run_view_init(&view, invocation->operands[0], &err) < 0) {
        return print_err(&err);
    }
    struct follower follower = {.options = invocation->options,
                                .view = &view,
                                .style = {.text = terminal_style(STDOUT_FILENO)},
                                .watch = -1};
    model_init(&follower.model);
    follower.model.brief = true;
    const int status = follow_all(&follower);
    model_release(&follower.model);
    reader_free(follower.reader);
    file_close(&follower.watch);
    run_view_release(&view);
    return status;
}

static const struct option follow_options[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct follow_options, json),
     .doc = "print the transcript's records as they are written"},
    {0},
};

const struct command command_follow = {
    .name = "follow",
    .summary = "watch a run of another terminal until it ends",
    .operands = "RUN",
    .about = "Prints what has happened and then what happens, as it does. RUN is an id as `runs` "
             "lists them, a unique beginning of one, or `last`. The exit status is 0 when the run "
             "has ended, however it ended, and 1 where its engine went away without an end.",
    .least = 1,
    .most = 1,
    .word = WORD_RUN,
    .options = follow_options,
    .size = sizeof(struct follow_options),
    .examples = (const struct example[]){{"follow last", "The newest run."},
                                         {"follow last --json | jq .type", "Its records."},
                                         {0}},
    .run = follow_run,
};
