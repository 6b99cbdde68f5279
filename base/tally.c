#include "base/tally.h"

#include <stdlib.h>

struct tally_entry {
    struct tally *tally;
    struct bytes key; /* behind the struct */
    uint64_t held;
    uint64_t share; /* of what is shared */
};

void tally_init(struct tally *tally)
{
    *tally = (struct tally){0};
    pthread_mutex_init(&tally->lock, NULL);
}

void tally_release(struct tally *tally)
{
    assert(tally->entries.count == 0);
    map_release(&tally->entries);
    pthread_mutex_destroy(&tally->lock);
}

static struct tally_entry *entry_of(struct tally *tally, struct bytes key)
{
    struct tally_entry *entry = map_get(&tally->entries, key);
    char *copy;

    if (entry != NULL)
        return entry;
    entry = calloc(1, sizeof(*entry) + key.len + 1);
    if (entry == NULL)
        return NULL;
    copy = (char *)(entry + 1);
    if (key.len != 0)
        memcpy(copy, key.ptr, key.len);
    entry->tally = tally;
    entry->key = bytes_of(copy, key.len);
    if (map_put(&tally->entries, entry->key, entry))
        return entry;
    free(entry);
    return NULL;
}

static void drop_if_empty(struct tally_entry *entry)
{
    if (entry->held != 0)
        return;
    map_remove(&entry->tally->entries, entry->key);
    free(entry);
}

enum status tally_take(struct tally *tally, struct bytes key, uint64_t count, uint64_t max,
                       struct tally_entry **ret_entry)
{
    enum status st = STATUS_OK;
    struct tally_entry *entry;

    pthread_mutex_lock(&tally->lock);
    entry = entry_of(tally, key);
    if (entry == NULL) {
        st = STATUS_NO_MEMORY;
    } else if (count > max || entry->held > max - count) {
        st = STATUS_TOO_MANY_REQUESTS;
        drop_if_empty(entry);
    } else {
        entry->held += count;
        *ret_entry = entry;
    }
    pthread_mutex_unlock(&tally->lock);
    return st;
}

void tally_return(struct tally_entry *entry, uint64_t count)
{
    struct tally *tally;

    if (entry == NULL)
        return;
    tally = entry->tally;
    pthread_mutex_lock(&tally->lock);
    entry->held -= count;
    drop_if_empty(entry);
    pthread_mutex_unlock(&tally->lock);
}

bool tally_grow(struct tally_entry *entry, uint64_t more, uint64_t max)
{
    struct tally *tally = entry->tally;
    bool fits;

    pthread_mutex_lock(&tally->lock);
    /* Afterwards it has no more than there is left. */
    fits = max == 0 ||
           (tally->shared + more <= max && entry->share + more <= max - (tally->shared + more));
    if (fits) {
        entry->share += more;
        tally->shared += more;
    }
    pthread_mutex_unlock(&tally->lock);
    return fits;
}

uint64_t tally_shared(struct tally *tally)
{
    uint64_t shared;

    pthread_mutex_lock(&tally->lock);
    shared = tally->shared;
    pthread_mutex_unlock(&tally->lock);
    return shared;
}

void tally_shrink(struct tally_entry *entry, uint64_t less)
{
    struct tally *tally = entry->tally;

    pthread_mutex_lock(&tally->lock);
    assert(entry->share >= less);
    entry->share -= less;
    tally->shared -= less;
    pthread_mutex_unlock(&tally->lock);
}
