/* Inside lang: tables that one file declares and another uses. */
#ifndef LANG_TABLES_H
#define LANG_TABLES_H

#include "field.h"

extern const struct field retry_fields[];

#endif
