/* What the standard descriptors are, and how commands print. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "lang/diag.h"
#include "report/text.h"

#define PRODUCT_MAX ((size_t)256 << 20) /* ceiling of what a command prints at once */

/* Descriptors 0 to 2 that are closed are made to fail, so that no file takes their place and
 * writes to them are noticed; a vanished reader is an error of write, not the end. */
void terminal_setup(void);

bool terminal_is(int fd);
/* Terminals that understand cursor movement. */
bool terminal_is_smart(int fd);
/* Whether the locale's characters are UTF-8, by its environment variables alone: setlocale
 * would read files at each start. */
bool terminal_is_utf8(void);
/* Colour only on a terminal, and not where NO_COLOR or TERM=dumb forbid it; no limit of columns
 * where `fd` is no terminal. */
struct text_style terminal_style(int fd);
/* Of the terminal now; 80 and 24 where it does not say. */
void terminal_size(int fd, size_t *ret_columns, size_t *ret_rows);

/* Writes what a command made to standard output and ends it: 0, or 1 after it was said on
 * standard error why that failed (a reader that went away needs no words). */
int print_product(struct buf *buf);
/* Says on standard error what went wrong and empties it; returns its exit status. */
int print_err(struct err *err);
/* All diagnostics on standard error; returns the exit status of a wrong runbook. */
int print_diag(const struct diag *diag);

#endif
