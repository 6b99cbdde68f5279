/*
 * arena - memory that is freed all at once: a request, a decode, one test.
 *
 * Shape    zeroed is empty and valid; grows by blocks that double up to 64 KiB.
 * Owner    whoever holds the struct; everything allocated dies with arena_release().
 * Threads  one at a time; an arena may be released on another than it was filled on.
 * Errors   without memory an allocation returns NULL and sets `failed`, which stays set: builders
 *          that got NULL do nothing, and their caller looks at `failed` once, at the end.
 */
#ifndef TIDEWATCH_BASE_ARENA_H
#define TIDEWATCH_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    char *at, *end;
    size_t used; /* bytes handed out, for limits */
    bool failed;
};

void arena_release(struct arena *arena);
/* Empties it, and keeps its largest block for what comes next. */
void arena_reset(struct arena *arena);
/* Of an arena without blocks: makes the first one so large, where what is needed is known well. */
void arena_reserve(struct arena *arena, size_t size);
/* Of an empty arena: it gives out `memory` first, which is aligned, and stays its owner's. */
void arena_lend(struct arena *arena, void *memory, size_t size);
/* Aligned for any type; not zeroed. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* Copies; NUL-terminated behind the copy. Empty bytes without memory. */
struct bytes arena_dup(struct arena *arena, struct bytes bytes);
/* Its parts, one behind the other; the same. */
struct bytes arena_join(struct arena *arena, const struct bytes *parts, size_t count);
struct bytes arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* The C string of `bytes`; "" without memory. */
const char *arena_str(struct arena *arena, struct bytes bytes);

/* A thread that makes arenas without end keeps blocks for the next ones, up to a bound. They need
 * not go through malloc(), and what stays in memory is not put into the places they leave, which
 * would not be whole again. */
void arena_keep_blocks(void);
/* At the latest before the thread ends. */
void arena_keep_no_blocks(void);

#define arena_new(arena, type) ((type *)arena_zalloc(arena, sizeof(type)))

#endif
