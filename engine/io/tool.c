#include "io/tool.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/process.h"

extern char **environ;

struct tool {
    struct process *process;
    struct loop_timer *timer;
    struct buf out, said;
    int64_t timeout_ms;
    bool is_late, is_over;
    char *name;
    void (*ended)(void *user, const struct tool_answer *answer);
    void *user;
};

static void tool_output(void *user, int stream, const char *bytes, size_t length) {
    struct tool *tool = user;
    buf_append(stream == 1 ? &tool->out : &tool->said, bytes, length);
}

static void tool_late(void *user) {
    struct tool *tool = user;
    tool->is_late = true;
    process_kill(tool->process, 0);
}

void tool_cancel(struct tool *tool) {
    process_kill(tool->process, 0);
}

/* Tools say what is wrong last, where they say more than one thing. */
static char *last_line(const struct buf *said) {
    const char *text = buf_text(said);
    size_t end = said->length;
    while (end > 0 && strchr("\r\n", text[end - 1]))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    return mem_strndup(text + start, end - start);
}

static char *tool_verdict(const struct tool *tool, const struct process_exit *exit) {
    if (tool->is_late) {
        AUTO_TEXT limit = text_format_duration(tool->timeout_ms);
        return mem_printf("`%s` did not end within %s", tool->name, limit);
    }
    if (tool->out.overflow)
        return mem_printf("`%s` said more than it should", tool->name);
    if (exit->refused)
        return mem_strdup(exit->refused->message);
    AUTO_TEXT line = last_line(&tool->said);
    if (*line)
        return mem_printf("`%s`: %s", tool->name, line);
    if (exit->signum)
        return mem_printf("`%s` was ended by signal %d", tool->name, exit->signum);
    return mem_printf("`%s` ended with exit status %d", tool->name, exit->code);
}

static void tool_ended(void *user, const struct process_exit *exit) {
    struct tool *tool = user;
    AUTO_TEXT said = tool_verdict(tool, exit);
    const struct tool_answer answer = {
        .code = tool->is_late || tool->out.overflow ? -1 : exit->code,
        .out = buf_text(&tool->out),
        .length = tool->out.length,
        .said = said,
    };
    loop_timer_free(tool->timer);
    tool->timer = NULL;
    tool->is_over = true;
    tool->ended(tool->user, &answer);
}

static int tool_spawn(struct tool *tool, struct loop *loop, const struct tool_spec *spec,
                      struct err *err) {
    static atomic_uint count;
    AUTO_TEXT entry =
        mem_printf(PROCESS_TOKEN "=tool-%ld-%u", (long)getpid(), atomic_fetch_add(&count, 1) + 1);
    VEC(const char *) env = {0};
    for (const char *const *at = spec->env ? spec->env : (const char *const *)environ; *at; at++)
        if (!text_starts_with(*at, PROCESS_TOKEN "="))
            *vec_add(&env) = *at;
    *vec_add(&env) = entry;
    *vec_add(&env) = NULL;
    const struct process_spec process = {
        .argv = spec->argv,
        .env = env.items,
        .token = entry + strlen(PROCESS_TOKEN "="),
        .input = spec->inherit_terminal ? NULL : spec->input,
        .input_length = spec->input_length,
        .inherit_terminal = spec->inherit_terminal,
        .output = tool_output,
        .ended = tool_ended,
        .user = tool,
    };
    int status = process_spawn(loop, &process, &tool->process, err);
    vec_release(&env);
    return status;
}

int tool_start(struct loop *loop, const struct tool_spec *spec,
               void (*ended)(void *user, const struct tool_answer *answer), void *user,
               struct tool **ret, struct err *err) {
    struct tool *tool = mem_zalloc(sizeof *tool);
    tool->out = tool->said = (struct buf)BUF_INIT(TOOL_OUTPUT_MAX);
    tool->timeout_ms = spec->timeout_ms;
    tool->name = mem_strdup(spec->argv[0]);
    tool->ended = ended;
    tool->user = user;
    if (tool_spawn(tool, loop, spec, err) < 0) {
        tool_free(tool);
        return -1;
    }
    tool->timer = loop_timer_new(loop, spec->timeout_ms, tool_late, tool);
    *ret = tool;
    return 0;
}

/* A process that still runs belongs to the loop. */
void tool_free(struct tool *tool) {
    if (!tool)
        return;
    if (tool->is_over)
        process_free(tool->process);
    loop_timer_free(tool->timer);
    mem_wipe_free(tool->out.data, tool->out.capacity); /* it may be a secret */
    buf_release(&tool->said);
    mem_free(tool->name);
    mem_free(tool);
}

/* ---- and wait ------------------------------------------------------------------------------ */

struct waiting {
    struct loop *loop;
    struct buf *out;
    struct err *err;
    int code;
};

static void waiting_ended(void *user, const struct tool_answer *answer) {
    struct waiting *waiting = user;
    waiting->code = answer->code;
    buf_append(waiting->out, answer->out, answer->length);
    if (answer->code != 0)
        err_set(waiting->err, ERR_REFUSED, "%s", answer->said);
    loop_stop(waiting->loop);
}

int tool_run(struct loop *loop, const struct tool_spec *spec, struct buf *out, struct err *err) {
    struct waiting waiting = {.loop = loop, .out = out, .err = err};
    struct tool *tool = NULL;
    if (tool_start(loop, spec, waiting_ended, &waiting, &tool, err) < 0)
        return -1;
    loop_run(loop);
    tool_free(tool);
    return waiting.code;
}
