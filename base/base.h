/*
 * base - the few words every other file speaks: attributes and small helpers. Needs libc only.
 */
#ifndef TIDEWATCH_BASE_BASE_H
#define TIDEWATCH_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of which `ptr` is the member `member`. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
