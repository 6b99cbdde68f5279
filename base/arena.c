#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_BLOCK = 1008, /* with its head one that glibc's malloc has ready, up to 1,032 bytes */
    LARGEST_BLOCK = FIRST_BLOCK << 6,
    ALIGNMENT = 16,
    KEPT_BINS = 5,
    KEPT_BYTES = 1 << 20, /* by a thread, at most */
};

/* Each allocation is a block of its own: a sanitizer sees where it ends, and a test can fail it. */
#ifdef TIDEWATCH_ARENA_EXACT
enum { EXACT = true };
#else
enum { EXACT = false };
#endif

struct arena_block {
    struct arena_block *next;
    size_t size;
};

static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "the first allocation is aligned");

/* ---- blocks ---- */

/* What a thread keeps: blocks of FIRST_BLOCK bytes, of twice as many, and so on. */
static _Thread_local struct {
    struct arena_block *blocks[KEPT_BINS];
    size_t bytes;
    bool on;
} kept;

/* Of those that are kept; KEPT_BINS: of none. */
static unsigned bin_of(size_t size)
{
    unsigned bin = 0;

    while (bin < KEPT_BINS && size != (size_t)FIRST_BLOCK << bin)
        bin++;
    return bin;
}

static struct arena_block *take_block(size_t size)
{
    unsigned bin = kept.on ? bin_of(size) : KEPT_BINS;
    struct arena_block *block = bin < KEPT_BINS ? kept.blocks[bin] : NULL;

    if (block == NULL)
        return size <= SIZE_MAX - sizeof(*block) ? malloc(sizeof(*block) + size) : NULL;
    kept.blocks[bin] = block->next;
    kept.bytes -= size;
    return block;
}

static void give_block(struct arena_block *block)
{
    unsigned bin = kept.on ? bin_of(block->size) : KEPT_BINS;

    if (bin == KEPT_BINS || kept.bytes + block->size > KEPT_BYTES) {
        free(block);
        return;
    }
    block->next = kept.blocks[bin];
    kept.blocks[bin] = block;
    kept.bytes += block->size;
}

void arena_keep_blocks(void)
{
    kept.on = !EXACT;
}

void arena_keep_no_blocks(void)
{
    kept.on = false;
    for (unsigned bin = 0; bin < KEPT_BINS; bin++) {
        struct arena rest = {.blocks = kept.blocks[bin]};

        arena_release(&rest);
        kept.blocks[bin] = NULL;
    }
    kept.bytes = 0;
}

/* ---- an arena ---- */

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *next = block->next;

        give_block(block);
        block = next;
    }
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *last = arena->blocks; /* blocks grow */

    if (EXACT || last == NULL) {
        arena_release(arena);
        return;
    }
    arena->blocks = last->next;
    arena_release(arena);
    last->next = NULL;
    arena->blocks = last;
    arena->at = (char *)(last + 1);
    arena->end = arena->at + last->size;
}

void arena_lend(struct arena *arena, void *memory, size_t size)
{
    if (EXACT)
        return;
    arena->at = memory;
    arena->end = arena->at + size;
}

/* A block whose first `size` bytes are taken. */
static void *add_block(struct arena *arena, size_t block_size, size_t size)
{
    struct arena_block *block = take_block(block_size);

    if (block == NULL) {
        arena->failed = true;
        return NULL;
    }
    block->next = arena->blocks;
    block->size = block_size;
    arena->blocks = block;
    arena->at = (char *)(block + 1) + size;
    arena->end = (char *)(block + 1) + block_size;
    return block + 1;
}

/* Twice as large as the last one, so that all blocks have one of few sizes. */
static void *arena_grow(struct arena *arena, size_t size)
{
    size_t block_size = FIRST_BLOCK;

    while (block_size < LARGEST_BLOCK &&
           (block_size < size || (arena->blocks != NULL && block_size <= arena->blocks->size)))
        block_size *= 2;
    return add_block(arena, EXACT || block_size < size ? size : block_size, size);
}

void arena_reserve(struct arena *arena, size_t size)
{
    if (!EXACT && arena->blocks == NULL && size <= SIZE_MAX - ALIGNMENT)
        add_block(arena, size, 0);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    char *at = arena->at;

    if (size > SIZE_MAX - ALIGNMENT) {
        arena->failed = true;
        return NULL;
    }
    /* Nothing is a little, too: its address must be one. */
    size = size != 0 ? (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;
    arena->used += size;
    if ((size_t)(arena->end - at) < size)
        return arena_grow(arena, size);
    arena->at = at + size;
    return at;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *mem = arena_alloc(arena, size);

    return mem != NULL ? memset(mem, 0, size) : NULL;
}

struct bytes arena_dup(struct arena *arena, struct bytes bytes)
{
    char *copy = bytes.len < SIZE_MAX ? arena_alloc(arena, bytes.len + 1) : NULL;

    if (copy == NULL)
        return bytes_of("", 0);
    if (bytes.len != 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return bytes_of(copy, bytes.len);
}

struct bytes arena_join(struct arena *arena, const struct bytes *parts, size_t count)
{
    size_t len = 0;
    char *text, *at;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    text = at = arena_alloc(arena, len + 1);
    if (text == NULL)
        return bytes_of("", 0);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return bytes_of(text, len);
}

struct bytes arena_printf(struct arena *arena, const char *format, ...)
{
    char *text, *tried = arena->at; /* it mostly fits into what is left of the block */
    va_list args, again;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(tried, (size_t)(arena->end - tried), format, again);
    va_end(again);
    text = len >= 0 ? arena_alloc(arena, (size_t)len + 1) : NULL;
    if (text != NULL && text != tried)
        vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text != NULL ? bytes_of(text, (size_t)len) : bytes_of("", 0);
}

const char *arena_str(struct arena *arena, struct bytes bytes)
{
    return arena_dup(arena, bytes).ptr;
}
