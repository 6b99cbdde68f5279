/*
 * age - how long ago something was, as kubectl's tables say it: 5s, 3m20s, 4h, 7d, 2y11d
 * (apimachinery/pkg/util/duration, HumanDuration).
 */
#ifndef TIDEWATCH_TIDECTL_AGE_H
#define TIDEWATCH_TIDECTL_AGE_H

#include "base/buf.h"

/* Reads "2026-11-20T13:49:12Z", fractions of a second too. False if it is none. */
bool age_parse(struct bytes text, int64_t *ret_unix_s);
void age_append(struct buf *out, int64_t seconds);
/* Of a timestamp until now; "<unknown>" where it is none. */
void age_append_since(struct buf *out, struct bytes timestamp);

#endif
