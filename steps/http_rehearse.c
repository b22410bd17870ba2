/* Whether a request could be made, in a dry run: its values can be rendered, its files are there,
 * its host is known and answers, the certificate is valid. Nothing is sent. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "http_step.h"

static void reached(void *user, const struct http_response *response, struct err *err) {
    struct step_ctx *ctx = user;
    struct http_state *state = step_state(ctx);
    struct step_result result = {
        .outcome = STEP_SUCCEEDED, .rehearsal = STEP_CHECKED, .data = http_result(response, true)};
    state->request = NULL;
    if (err) {
        result.outcome = state->cancelled ? STEP_CANCELLED : STEP_FAILED;
        if (err->sys == ECONNREFUSED)
            result.stale = step_miss_find(ctx, STEP_MISS_SERVICE);
        err_move(&result.err, err);
    } else if (response->has_certificate) {
        result.remark = mem_printf("%s answers; its certificate is valid for %lld days",
                                   state->place, (long long)response->tls_days_left);
    } else {
        result.remark = mem_printf("%s answers", state->place);
    }
    step_done(ctx, &result);
}

/* A file that an earlier command may write need not be there yet. */
static int file_check(struct step_ctx *ctx, const char *path, struct err *err) {
    if (!path || access(path, R_OK) == 0)
        return 0;
    err_sys(err, errno, "the file %s that would be sent", path);
    AUTO_TEXT maker = step_miss_find(ctx, STEP_MISS_FILES);
    if (!maker)
        return -1;
    err->kind = ERR_UNKNOWN;
    return err_wrap(err, "as things are, before `%s` has run", maker);
}

/* All that would be sent, as far as it is known. */
static int content_check(struct step_ctx *ctx, struct err *err) {
    struct http_draft draft;
    AUTO_ERR fault = ERR_INIT;
    if (http_draft_init(ctx, &draft, &fault) < 0)
        return fault.kind == ERR_UNKNOWN ? 0 : err_move(err, &fault);
    int status = file_check(ctx, draft.spec.body_file, err);
    http_draft_release(&draft);
    return status;
}

/* `https://host:port` without what stands behind it, which may be a secret. */
static char *place_of(const char *url) {
    const char *host = strstr(url, "://");
    size_t length = host ? (size_t)(host + 3 - url) : 0;
    return mem_strndup(url, length + strcspn(url + length, "/?#"));
}

static int reach_begin(struct step_ctx *ctx, const char *socket, struct err *err) {
    struct http_state *state = step_state(ctx);
    struct http_draft draft;
    if (http_draft_reach(ctx, &draft, err) < 0)
        return -1;
    draft.spec.socket = socket;
    state->began_ns = clock_mono_ns();
    state->place = place_of(draft.spec.url);
    state->request = http_start(step_loop(ctx), &draft.spec, reached, ctx);
    http_draft_release(&draft);
    return 0;
}

int http_rehearse(struct step_ctx *ctx, struct err *err) {
    return content_check(ctx, err) < 0 ? -1 : http_go(ctx, reach_begin, err);
}

void http_release(struct step_ctx *ctx) {
    struct http_state *state = step_state(ctx);
    mem_free(state->place);
}
