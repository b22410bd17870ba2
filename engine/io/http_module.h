/* The table that the module "http" hands out, see module.h. */
#ifndef IO_HTTP_MODULE_H
#define IO_HTTP_MODULE_H

#include "io/http.h"

struct http_module {
    struct http_request *(*start)(struct loop *loop, const struct http_spec *spec,
                                  void (*done)(void *user, const struct http_response *response,
                                               struct err *err),
                                  void *user);
    void (*cancel)(struct http_request *request, bool timed_out);
};

/* The first member of every request; `module` is NULL where the module is missing. */
struct http_request {
    const struct http_module *module;
};

#endif
