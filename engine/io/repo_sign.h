/* Signs commits as git is set up to; private to the room of repositories. */
#ifndef IO_REPO_SIGN_H
#define IO_REPO_SIGN_H

#include "io/repo_module.h"

/* The armored signature of the draft's text, without its last line end; the caller frees. */
int repo_sign(const struct repo_draft *draft, bool interactive, char **ret,
              struct err *err) MUST_USE;

#endif
