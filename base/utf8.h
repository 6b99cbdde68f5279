/*
 * utf8 - RFC 3629: is this UTF-8? No overlong form, no surrogate, nothing past U+10FFFF.
 */
#ifndef TIDEWATCH_BASE_UTF8_H
#define TIDEWATCH_BASE_UTF8_H

#include "base/bytes.h"

/* The length of the sequence at `at`; 0 if it is none. */
size_t utf8_len(const char *at, const char *end);
bool utf8_is_valid(struct bytes text);

#endif
