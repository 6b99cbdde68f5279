/*
 * base64 - RFC 4648: the standard alphabet with padding, the URL alphabet without.
 */
#ifndef TIDEWATCH_BASE_BASE64_H
#define TIDEWATCH_BASE_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

enum base64_form { BASE64_STANDARD, BASE64_URL_UNPADDED };

void base64_encode(struct buf *out, struct bytes raw, enum base64_form form);
/* False: not of that form (bad letter, bad length, stray bits); `out` then holds garbage. */
bool base64_decode(struct buf *out, struct bytes text, enum base64_form form);
/* Without the line ends that YAML likes to have in long values, and that Go's decoder skips: the
 * text itself where there are none. Empty without memory: arena->failed says so. */
struct bytes base64_join_lines(struct arena *arena, struct bytes text);

#endif
