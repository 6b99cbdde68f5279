/*
 * clock - the two clocks: a monotonic one for waits, the wall clock for what people read; and how
 * long the calling thread has computed.
 */
#ifndef TIDEWATCH_BASE_CLOCK_H
#define TIDEWATCH_BASE_CLOCK_H

#include "base/bytes.h"

/* Never goes back; starts anywhere. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
uint64_t clock_thread_us(void);
/* Seconds since 1970, UTC. */
int64_t clock_wall_s(void);
int64_t clock_wall_us(void);

#define RFC3339_LEN 20
#define RFC3339_MICRO_LEN 27
/* "2006-01-02T15:04:05Z" and "2006-01-02T15:04:05.000000Z" (metav1.Time, metav1.MicroTime). */
void rfc3339_format(int64_t wall_s, char ret_text[RFC3339_LEN + 1]);
void rfc3339_micro_format(int64_t wall_us, char ret_text[RFC3339_MICRO_LEN + 1]);
/* Any RFC 3339 time, fraction and offset allowed (the fraction is dropped). */
bool rfc3339_parse(struct bytes text, int64_t *ret_wall_s);

#endif
