/* Inside lang: what the tables do not say, in the form of sheet_prose. */
#ifndef LANG_REFERENCE_PROSE_H
#define LANG_REFERENCE_PROSE_H

extern const char *const reference_opening[]; /* before the tables */
extern const char *const reference_closing[];
extern const char *const reference_configuration[];
extern const char *const reference_policy[]; /* behind them */

#endif
