/* A test's badly behaved HTTP server (http_server.py) and its certificates. */
#ifndef SUPPORT_HTTP_WORLD_H
#define SUPPORT_HTTP_WORLD_H

#include <stdbool.h>

/* Makes certificates and starts the server; aborts the test program where it cannot. The server
 * dies with this process, however it ends. Proxy variables are removed from the environment. */
void http_world_open(void);
void http_world_close(void);

/* The port of server "plain", "other", "six", "tls", …; 0 where this machine has none. */
int http_world_port(const char *name);
/* An address of the server called `name`, "%s" of a path; valid until the 16th call after it. */
const char *http_world_url(const char *name, const char *path);
/* A file of make_certs.sh, "ca.pem"; valid as long. */
const char *http_world_file(const char *name);
/* Descriptors this process has open. */
int http_world_descriptors(void);

#endif
