/* Private to the step type `http`. */
#ifndef STEPS_HTTP_STEP_H
#define STEPS_HTTP_STEP_H

#include "base/vec.h"
#include "io/http.h"
#include "step.h"

enum http_method {
    METHOD_UNSAID,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
};
extern const char *const http_methods[]; /* by method minus 1, NULL-terminated */

struct http_basic {
    struct template *user, *password;
};

struct http_credentials {
    struct http_basic *basic;
    struct template *bearer;
};

struct http_tls {
    bool verify;
    struct template *ca, *cert, *key, *server_name;
};

/* What the fields of `http:` are parsed into; NULL or empty where unsaid. */
struct http_fields {
    int method; /* enum http_method */
    struct template *url;
    struct field_map query;   /* struct template *: a scalar or a list of them */
    struct field_map headers; /* struct template * */
    struct template *json;
    struct field_map form; /* as `query` */
    struct template *body, *body_file;
    struct http_credentials *auth;
    struct http_tls *tls;
    bool follow;
    int64_t max_body;
    int64_t connect_timeout_ms;
};

const char *http_method_name(const struct http_fields *fields);
enum effect http_effect(const void *spec);
/* The declared header called `name` in any case, or NULL. */
const struct template *http_header_find(const struct http_fields *fields, const char *name);

struct http_state {
    struct http_request *request; /* NULL before it starts and behind its end */
    int64_t began_ns;             /* monotonic */
    bool cancelled;
    char *place;     /* of a rehearsal: scheme and host of the URL */
    bool is_waiting; /* for its tunnel */
    /* Begins it, NULL: without a tunnel. */
    int (*go)(struct step_ctx *ctx, const char *socket, struct err *err);
};

/* http_tunnel.c: `go` follows, where the step has a target behind the tunnel to the host of its
 * URL. */
int http_go(struct step_ctx *ctx,
            int (*go)(struct step_ctx *ctx, const char *socket, struct err *err),
            struct err *err) MUST_USE;
void http_wait_end(struct step_ctx *ctx); /* no more is waited for: the attempt ends */

/* http_rehearse.c */
int http_rehearse(struct step_ctx *ctx, struct err *err) MUST_USE;
void http_release(struct step_ctx *ctx);

/* http_check.c */
void http_check(const void *spec, const struct step_check *check);
void http_plan(const void *spec, const struct step_plan *plan);
void http_demand(const void *spec, const struct step_demand *demand);

/* http_draft.c: a request with all its templates rendered. */
struct http_draft {
    struct http_spec spec; /* its texts belong to `texts` */
    VEC(char *) texts;
    VEC(struct http_header) headers;
};
int http_draft_init(struct step_ctx *ctx, struct http_draft *ret, struct err *err) MUST_USE;
/* Only what it takes to reach the server. */
int http_draft_reach(struct step_ctx *ctx, struct http_draft *ret, struct err *err) MUST_USE;
void http_draft_release(struct http_draft *draft); /* wipes */

/* http_result.c: what `.` is in expect and outputs; what is unknown is left out. */
value http_result(const struct http_response *response, bool with_text);

#endif
