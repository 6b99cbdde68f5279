#include "apiserver/watch/watch_event.h"

#include <stdlib.h>

#include "apiserver/watch/watch_cache.h"
#include "base/log.h"

size_t resource_prefix_len(struct bytes key)
{
    int slashes = bytes_starts_with(key, BYTES("custom/")) ? 3 : 2;

    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] == '/' && --slashes == 0)
            return i + 1;
    return key.len;
}

static struct object *ref_or_null(struct value *value)
{
    return value != NULL ? object_ref(object_of(value)) : NULL;
}

struct watch_event *watch_event_new(const struct event *event)
{
    struct watch_event *made = calloc(1, sizeof(*made) + event->key.len + 1);

    if (made == NULL)
        return NULL;
    atomic_init(&made->refs, 1);
    made->rev = event->rev;
    made->key_len = (uint32_t)event->key.len;
    made->prefix_len = (uint32_t)resource_prefix_len(event->key);
    made->object = event->type == EVENT_PUT ? ref_or_null(event->value) : NULL;
    made->prev = ref_or_null(event->prev);
    made->created = event->prev == NULL && !event->has_prev;
    pthread_mutex_init(&made->lock, NULL);
    memcpy(made->key, event->key.ptr, event->key.len);
    return made;
}

struct watch_event *watch_event_ref(struct watch_event *event)
{
    atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
    return event;
}

size_t watch_event_cost(const struct watch_event *event)
{
    const struct object *shown = event->object != NULL ? event->object : event->prev;

    return sizeof(*event) + event->key_len + (shown != NULL ? 2 * (size_t)shown->base.len : 0);
}

/* ---- batches ---- */

static void out_of_memory(void)
{
    LOG_ERROR("out of memory: an event that cannot be passed on would be missed by all");
    abort();
}

struct watch_batch *watch_batch_new(const struct batch *batch)
{
    size_t size = sizeof(struct watch_batch) + batch->event_count * sizeof(struct watch_event *);
    struct watch_batch *made = malloc(size);

    if (made == NULL)
        out_of_memory();
    atomic_init(&made->refs, 1);
    made->rev = batch->rev;
    made->count = batch->event_count;
    for (size_t i = 0; i < made->count; i++) {
        made->events[i] = watch_event_new(&batch->events[i]);
        if (made->events[i] == NULL)
            out_of_memory();
    }
    return made;
}

struct watch_batch *watch_batch_ref(struct watch_batch *batch)
{
    atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}

void watch_batch_unref(struct watch_batch *batch)
{
    if (batch == NULL || atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < batch->count; i++)
        watch_event_unref(batch->events[i]);
    free(batch);
}
