/*
 * cut - finds and cuts members of JSON text without building its tree. Internal.
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

/* The text of an object less metadata.managedFields and kubectl's last-applied annotation, which
 * often are half of it and which nobody reads from a cache. With `member` the object is that member
 * of the text. Made in `out`, which is emptied first; the text itself where there is nothing to
 * leave out (or no memory: what could be spared is kept). */
struct bytes cut_noise(struct bytes text, const char *member, struct buf *out);

#endif
