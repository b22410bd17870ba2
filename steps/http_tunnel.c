/* A request through a target: where its URL leads, as the target sees it. The URL's host is the one
 * that the certificate must carry, as ever. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "http_step.h"
#include "io/loop.h"
#include "io/ssh.h"

static void end_early(struct step_ctx *ctx, struct err *why) {
    const struct http_state *state = step_state(ctx);
    struct step_result result = {
        .outcome = state->cancelled ? STEP_CANCELLED : STEP_FAILED,
        .without_effect = true,
        .rehearsal = STEP_CHECKED,
    };
    err_move(&result.err, why);
    step_done(ctx, &result);
}

static void opened(struct step_ctx *ctx, const char *socket, struct err *why) {
    struct http_state *state = step_state(ctx);
    AUTO_ERR err = ERR_INIT;
    state->is_waiting = false;
    if (why)
        end_early(ctx, why);
    else if (state->go(ctx, socket, &err) < 0)
        end_early(ctx, &err);
}

/* Host and port of the URL, an IPv6 host without its brackets. */
static void authority_take(const char *url, char **ret_host, char **ret_port) {
    const char *host = strstr(url, "://");
    const char *usual = text_starts_with(url, "https:") ? "443" : "80";
    host = host ? host + 3 : url;
    size_t length = strcspn(host, "/?#");
    bool is_v6 = *host == '[';
    const char *close = is_v6 ? memchr(host, ']', length) : NULL;
    const char *colon =
        memchr(close ? close : host, ':', close ? length - (size_t)(close - host) : length);
    size_t named = colon ? (size_t)(colon - host) : length;
    *ret_port = colon ? mem_strndup(colon + 1, length - named - 1) : mem_strdup(usual);
    *ret_host =
        close ? mem_strndup(host + 1, (size_t)(close - host) - 1) : mem_strndup(host, named);
}

int http_go(struct step_ctx *ctx,
            int (*go)(struct step_ctx *ctx, const char *socket, struct err *err), struct err *err) {
    struct http_state *state = step_state(ctx);
    struct http_draft draft;
    AUTO_TEXT host = NULL;
    AUTO_TEXT port = NULL;
    if (!step_target(ctx))
        return go(ctx, NULL, err);
    if (http_draft_reach(ctx, &draft, err) < 0)
        return -1;
    authority_take(draft.spec.url, &host, &port);
    http_draft_release(&draft);
    state->go = go;
    state->is_waiting = true;
    return step_tunnel(ctx, &(struct ssh_end){.host = host, .port = port}, opened, err);
}

static void wait_ended(void *user) {
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_UNREACHABLE, "the way through its target was not open");
    end_early(user, &err);
}

void http_wait_end(struct step_ctx *ctx) {
    struct http_state *state = step_state(ctx);
    state->is_waiting = false;
    step_reach_leave(ctx);
    loop_defer(step_loop(ctx), wait_ended, ctx);
}
