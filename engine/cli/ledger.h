/* The undo ledger for people: what a rollback undoes, in which order and how long, what has no way
 * back, and where the points of no return lie. */
#ifndef CLI_LEDGER_H
#define CLI_LEDGER_H

#include "base/buf.h"
#include "report/text.h"
#include "value/value.h"

enum ledger_how {
    LEDGER_BRIEF, /* a line or two for each handler, and no more than a screen of them */
    LEDGER_WHOLE, /* all of them with all that they do */
    LEDGER_BEGUN, /* brief, of a rollback that begins */
};

/* `ledger` as run_undo() has it or ledger_of_notes(); nothing is shown for other values. */
void ledger_show(struct buf *out, value ledger, enum ledger_how how,
                 const struct text_style *style);
/* The ledger among the notes of a record, or VALUE_NONE; owned. */
value ledger_of_notes(value notes);

#endif
