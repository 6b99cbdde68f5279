/*
 * json_work - what is left to visit of a tree, last in first out. Private to codec/json_*.c.
 *
 * The reader bounds its depth, but a patch may build a deeper tree: whoever walks one keeps its
 * place here instead of on the C stack. Small walks stay inside the struct.
 */
#ifndef TIDEWATCH_CODEC_JSON_WORK_H
#define TIDEWATCH_CODEC_JSON_WORK_H

#include "codec/json.h"

struct json_work_item {
    const struct json *node;
    union {
        const struct json *other; /* comparing: against what */
        struct json *copy;        /* copying: into what */
    };
};

struct json_work {
    struct json_work_item *items; /* `few`, or the heap */
    size_t count, capacity;
    struct json_work_item few[64];
};

void json_work_init(struct json_work *work);
void json_work_release(struct json_work *work);
/* Doubles the room. False without memory. */
MUST_CHECK bool json_work_grow(struct json_work *work);

/* False without memory. */
MUST_CHECK static inline bool json_work_push(struct json_work *work, struct json_work_item item)
{
    if (work->count == work->capacity && !json_work_grow(work))
        return false;
    work->items[work->count++] = item;
    return true;
}

static inline struct json_work_item json_work_pop(struct json_work *work)
{
    return work->items[--work->count];
}

#endif
