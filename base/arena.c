#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The first block is one that glibc's malloc has ready at once: with its head, up to 1,032 bytes.
 */
enum { FIRST_BLOCK = 1008, LARGEST_BLOCK = 65536, ALIGNMENT = 16 };

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

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *next = block->next;

        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}

/* A block whose first `size` bytes are taken. */
static void *add_block(struct arena *arena, size_t block_size, size_t size)
{
    struct arena_block *block;

    block = block_size <= SIZE_MAX - sizeof(*block) ? malloc(sizeof(*block) + block_size) : NULL;
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

static void *arena_grow(struct arena *arena, size_t size)
{
    size_t block_size = arena->blocks != NULL ? arena->blocks->size * 2 : FIRST_BLOCK;

    if (block_size < FIRST_BLOCK)
        block_size = FIRST_BLOCK;
    if (block_size > LARGEST_BLOCK)
        block_size = LARGEST_BLOCK;
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
