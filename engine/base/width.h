/* The terminal columns of one character; private to text. */
#ifndef BASE_WIDTH_H
#define BASE_WIDTH_H

#include <stddef.h>
#include <stdint.h>

/* 0, 1 or 2; control characters take none. */
size_t width_of(uint32_t codepoint);

#endif
