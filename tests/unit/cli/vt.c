#include "vt.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void vt_init(struct vt *vt, size_t columns) {
    memset(vt, 0, sizeof *vt);
    vt->columns = columns;
    vt->rows = 1;
}

static void vt_newline(struct vt *vt) {
    vt->row++;
    vt->column = 0;
    if (vt->row >= VT_ROWS) {
        abort();
    }
    if (vt->row >= vt->rows) {
        vt->rows = vt->row + 1;
    }
}

static void vt_put(struct vt *vt, const char *bytes, size_t length) {
    if (vt->column == vt->columns) {
        vt_newline(vt);
    }
    char *cell = vt->cells[vt->row][vt->column++];
    memcpy(cell, bytes, length);
    cell[length] = '\0';
}

static void vt_erase_below(struct vt *vt) {
    memset(vt->cells[vt->row][vt->column], 0,
           (VT_COLUMNS_MAX - vt->column) * sizeof vt->cells[0][0]);
    for (size_t row = vt->row + 1; row < vt->rows; row++) {
        memset(vt->cells[row], 0, sizeof vt->cells[row]);
    }
    vt->rows = vt->row + 1;
}

static size_t vt_sequence(struct vt *vt, const char *bytes, size_t length) {
    size_t number = 0;
    size_t at = 2;
    for (; at < length && (bytes[at] == ';' || (bytes[at] >= '0' && bytes[at] <= '9')); at++) {
        number = bytes[at] == ';' ? 0 : number * 10 + (size_t)(bytes[at] - '0');
    }
    switch (bytes[at]) {
    case 'A':
        number = number == 0 ? 1 : number;
        vt->row = number > vt->row ? 0 : vt->row - number;
        break;
    case 'B':
        vt->row += vt->row + 1 < vt->rows;
        break;
    case 'K':
        memset(vt->cells[vt->row][vt->column], 0,
               (VT_COLUMNS_MAX - vt->column) * sizeof vt->cells[0][0]);
        break;
    case 'J':
        vt_erase_below(vt);
        break;
    case 'm':
        vt->colors++;
        break;
    default:
        abort();
    }
    return at + 1;
}

void vt_write(struct vt *vt, const char *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        if (bytes[at] == '\x1b') {
            at += vt_sequence(vt, bytes + at, length - at);
        } else if (bytes[at] == '\r') {
            vt->column = 0;
            at++;
        } else if (bytes[at] == '\n') {
            vt_newline(vt);
            at++;
        } else {
            uint32_t codepoint = 0;
            size_t count = text_decode(bytes + at, length - at, &codepoint);
            count = count == 0 ? 1 : count;
            vt_put(vt, bytes + at, count);
            at += count;
        }
    }
}

static bool row_is_blank(const struct vt *vt, size_t row) {
    for (size_t column = 0; column < vt->columns; column++) {
        if (vt->cells[row][column][0]) {
            return false;
        }
    }
    return true;
}

const char *vt_text(const struct vt *vt) {
    static struct buf text = BUF_INIT(1 << 20);
    buf_clear(&text);
    size_t rows = vt->rows;
    while (rows > vt->row + 1 && row_is_blank(vt, rows - 1)) {
        rows--;
    }
    for (size_t row = 0; row < rows; row++) {
        size_t end = vt->columns;
        while (end > 0 && (!vt->cells[row][end - 1][0] || vt->cells[row][end - 1][0] == ' ')) {
            end--;
        }
        for (size_t column = 0; column < end; column++) {
            const char *cell = vt->cells[row][column];
            buf_puts(&text, *cell ? cell : " ");
        }
        if (row + 1 < rows) {
            buf_putc(&text, '\n');
        }
    }
    return buf_text(&text);
}

void vt_resize(struct vt *vt, size_t columns) {
    struct vt *next = mem_zalloc(sizeof *next);
    vt_init(next, columns);
    size_t cursor_row = 0;
    size_t cursor_column = 0;
    for (size_t row = 0; row < vt->rows; row++) {
        size_t end = VT_COLUMNS_MAX;
        while (end > 0 && !vt->cells[row][end - 1][0]) {
            end--;
        }
        for (size_t column = 0; column < end; column++) {
            if (row == vt->row && column == vt->column) {
                cursor_row = next->row;
                cursor_column = next->column;
            }
            const char *cell = vt->cells[row][column];
            vt_put(next, *cell ? cell : " ", *cell ? strlen(cell) : 1);
        }
        if (row == vt->row && vt->column >= end) {
            cursor_row = next->row;
            cursor_column = next->column;
        }
        if (row + 1 < vt->rows) {
            vt_newline(next);
        }
    }
    next->row = cursor_row;
    next->column = cursor_column;
    *vt = *next;
    mem_free(next);
}
