/* Included by tidy.py before every file but err.c: the analyzer does not look into other files,
 * and so would follow paths on which an error setter returns something else than -1. */
#ifndef LINT_ANALYZER_H
#define LINT_ANALYZER_H

#include "base/err.h"

#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_sys(...) (err_sys(__VA_ARGS__), -1)
#define err_at(...) (err_at(__VA_ARGS__), -1)
#define err_wrap(...) (err_wrap(__VA_ARGS__), -1)
#define err_hint(...) (err_hint(__VA_ARGS__), -1)
#define err_move(...) (err_move(__VA_ARGS__), -1)

#endif
