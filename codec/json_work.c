#include "codec/json_work.h"

#include <stdlib.h>

void json_work_init(struct json_work *work)
{
    work->items = work->few;
    work->count = 0;
    work->capacity = ARRAY_LEN(work->few);
}

void json_work_release(struct json_work *work)
{
    if (work->items != work->few)
        free(work->items);
}

bool json_work_grow(struct json_work *work)
{
    size_t capacity = work->capacity * 2;
    struct json_work_item *old = work->items == work->few ? NULL : work->items;
    struct json_work_item *items = reallocarray(old, capacity, sizeof(*items));

    if (items == NULL)
        return false;
    if (old == NULL)
        memcpy(items, work->few, sizeof(work->few));
    work->items = items;
    work->capacity = capacity;
    return true;
}
