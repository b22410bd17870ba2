/* A terminal small enough to read: what the bytes of a program leave on its screen. It knows
 * carriage return, newline, wrapping, and the sequences CSI A, B, J, K and m. */
#ifndef TEST_CLI_VT_H
#define TEST_CLI_VT_H

#include <stddef.h>

#define VT_COLUMNS_MAX 200
#define VT_ROWS 400

struct vt {
    size_t columns;
    size_t row, column;
    size_t rows; /* used so far */
    char cells[VT_ROWS][VT_COLUMNS_MAX][5];
    size_t colors; /* sequences that set one */
};

void vt_init(struct vt *vt, size_t columns);
void vt_write(struct vt *vt, const char *bytes, size_t length);
/* All rows with trailing blanks cut, joined by newlines; valid until the next call. */
const char *vt_text(const struct vt *vt);
/* As a terminal that becomes narrower: rows that no longer fit are wrapped, the cursor stays on
 * its character. */
void vt_resize(struct vt *vt, size_t columns);

#endif
