#include "apiserver/watch/dispatcher.h"

#include <stdlib.h>

static struct bucket *bucket_new(struct bytes text)
{
    struct bucket *bucket = calloc(1, sizeof(*bucket) + text.len + 1);

    if (bucket == NULL)
        return NULL;
    list_init(&bucket->idle);
    if (text.len > 0)
        memcpy(bucket->text_data, text.ptr, text.len);
    bucket->text = bytes_of(bucket->text_data, text.len);
    return bucket;
}

struct bucket *dispatcher_join(struct dispatcher *dispatcher, const struct filter *filter)
{
    bool all = filter->scope == SCOPE_ALL;
    struct bytes text = filter_scope_text(filter);
    struct bucket *bucket = all ? dispatcher->everyone : map_get(&dispatcher->buckets, text);

    if (bucket == NULL) {
        bucket = bucket_new(text);
        if (bucket != NULL && !all && !map_put(&dispatcher->buckets, bucket->text, bucket)) {
            free(bucket);
            bucket = NULL;
        }
        if (all)
            dispatcher->everyone = bucket;
    }
    if (bucket != NULL)
        bucket->watchers++;
    return bucket;
}

void dispatcher_leave(struct dispatcher *dispatcher, struct bucket *bucket)
{
    if (--bucket->watchers > 0)
        return;
    assert(list_empty(&bucket->idle));
    if (bucket == dispatcher->everyone) {
        dispatcher->everyone = NULL;
    } else {
        map_remove(&dispatcher->buckets, bucket->text);
        if (dispatcher->buckets.count == 0)
            map_release(&dispatcher->buckets);
    }
    free(bucket);
}

static void wake_bucket(const struct bucket *bucket, void (*wake)(void *, struct list *),
                        void *user)
{
    if (bucket != NULL)
        list_for_each(&bucket->idle, link)
            wake(user, link);
}

void dispatcher_wake(const struct dispatcher *dispatcher, struct bytes suffix,
                     void (*wake)(void *user, struct list *link), void *user)
{
    size_t slash = bytes_find(suffix, '/');

    wake_bucket(dispatcher->everyone, wake, user);
    if (dispatcher->buckets.count == 0)
        return;
    wake_bucket(map_get(&dispatcher->buckets, suffix), wake, user);
    if (slash == suffix.len)
        return;
    wake_bucket(map_get(&dispatcher->buckets, bytes_of(suffix.ptr, slash + 1)), wake, user);
    wake_bucket(map_get(&dispatcher->buckets, bytes_from(suffix, slash)), wake, user);
}
