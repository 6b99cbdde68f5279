/*
 * transcoder_times - times and durations as Go writes them. Private to codec/transcoder*.c.
 * Sources: k8s.io/apimachinery/pkg/apis/meta/v1 (Time, MicroTime), Go's package time (Duration).
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_TIMES_H
#define TIDEWATCH_CODEC_TRANSCODER_TIMES_H

#include "base/arena.h"

/* Years 1 to 9999 only: RFC 3339 has no others. */
bool time_in_range(int64_t seconds);
/* RFC 3339; its fraction, cut to microseconds, in *ret_nanos. */
bool time_parse(struct bytes text, int64_t *ret_seconds, int32_t *ret_nanos);

/* "1h0m0.5s", as time.Duration.String(). */
struct bytes duration_format(struct arena *arena, int64_t nanos);
/* As time.ParseDuration(): signs, decimals, any sequence of units. */
bool duration_parse(struct bytes text, int64_t *ret_nanos);

#endif
