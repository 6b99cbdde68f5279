/*
 * cut - finds members of JSON text without building its tree. Internal.
 *
 * What is inside a value is not checked here: whoever reads what was cut out does.
 */
#ifndef TIDEWATCH_CLIENT_CUT_H
#define TIDEWATCH_CLIENT_CUT_H

#include "base/buf.h"

struct cut {
    const char *at, *end;
};

/* The next byte that is no blank, or NUL at the end. */
char cut_peek(struct cut *cut);
bool cut_take(struct cut *cut, char expected);
/* Passes one value, and gives its text. False: there is none. */
bool cut_value(struct cut *cut, struct bytes *ret_value);

#endif
