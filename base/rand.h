/*
 * rand - random bytes from the kernel, and what is made of them. From any thread.
 */
#ifndef TIDEWATCH_BASE_RAND_H
#define TIDEWATCH_BASE_RAND_H

#include "base/base.h"

void rand_bytes(void *ret, size_t len);
/* Below `bound` (> 0). */
uint64_t rand_below(uint64_t bound);

#define UUID_LEN 36
/* A version 4 UUID (RFC 9562) with its NUL. */
void uuid_new(char ret_uuid[UUID_LEN + 1]);

#endif
