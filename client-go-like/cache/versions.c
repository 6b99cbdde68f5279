#include "client-go-like/cache/versions.h"

#include <stdlib.h>

/* A version that is current counts so much more, so that readers who give back what the word beside
 * the pointer counted cannot bring it to 0. */
#define CURRENT (1L << 40)

enum {
    COUNT_BITS = 16,
    COUNT_MASK = (1 << COUNT_BITS) - 1,
    FOLD_AT = 1 << 14, /* takers under way at once are far fewer than what is left above it */
};

static uint64_t pack(const struct version *version)
{
    uint64_t bits = (uint64_t)(uintptr_t)version;

    assert(bits >> (64 - COUNT_BITS) == 0); /* user space of every 64-bit system we know */
    return bits << COUNT_BITS;
}

static struct version *unpack(uint64_t word)
{
    return (struct version *)(uintptr_t)(word >> COUNT_BITS);
}

static void start_version(struct versions *all, struct version *version)
{
    atomic_init(&version->refs, CURRENT);
    version->all = all;
    version->dead = NULL;
    list_append(&all->alive, &version->link);
}

void versions_init(struct versions *all, struct version *first,
                   void (*on_free)(struct cow_mortal *mortal))
{
    pthread_mutex_init(&all->lock, NULL);
    list_init(&all->alive);
    all->on_free = on_free;
    start_version(all, first);
    atomic_init(&all->current, pack(first));
}

void versions_free_mortals(const struct versions *all, struct cow_mortal *first)
{
    while (first != NULL) {
        struct cow_mortal *next = first->next;

        if (first->is_node)
            free(first);
        else
            all->on_free(first);
        first = next;
    }
}

/* Nobody reads it any more. What it alone kept goes with it. */
static void end_version(struct version *version)
{
    struct versions *all = version->all;
    struct version *older = NULL;
    struct cow_mortal *useless = NULL;

    pthread_mutex_lock(&all->lock);
    if (version->link.prev != &all->alive)
        older = list_entry(version->link.prev, struct version, link);
    list_remove(&version->link);
    for (struct cow_mortal *item = version->dead, *next; item != NULL; item = next) {
        struct cow_mortal **to =
            older != NULL && item->born <= older->number ? &older->dead : &useless;

        next = item->next;
        item->next = *to;
        *to = item;
    }
    pthread_mutex_unlock(&all->lock);
    versions_free_mortals(all, useless);
    free(version);
}

static void count(struct version *version, long more)
{
    if (atomic_fetch_add_explicit(&version->refs, more, memory_order_acq_rel) + more == 0)
        end_version(version);
}

/* Before the count beside the pointer overflows, it moves into the version: added there first, so
 * that it is never too low, and taken back if someone else was faster. */
static void fold(struct versions *all, uint64_t word)
{
    struct version *version = unpack(word);
    long counted = (long)(word & COUNT_MASK);

    count(version, counted);
    if (!atomic_compare_exchange_strong(&all->current, &word, pack(version)))
        count(version, -counted); /* not to 0: the caller holds one */
}

struct version *versions_take(struct versions *all)
{
    uint64_t word = atomic_fetch_add_explicit(&all->current, 1, memory_order_acq_rel) + 1;

    if ((word & COUNT_MASK) >= FOLD_AT)
        fold(all, word);
    return unpack(word);
}

void versions_drop(struct version *version)
{
    count(version, -1);
}

struct version *versions_current(const struct versions *all)
{
    return unpack(atomic_load_explicit(&all->current, memory_order_acquire));
}

/* `version` is current no more: what was taken of it now counts in it. */
static void retire(uint64_t word)
{
    count(unpack(word), (long)(word & COUNT_MASK) - CURRENT);
}

void versions_publish(struct versions *all, struct version *next, struct cow_mortal *dead)
{
    struct version *last = versions_current(all);

    pthread_mutex_lock(&all->lock);
    start_version(all, next);
    assert(last->dead == NULL && last->number < next->number);
    last->dead = dead;
    pthread_mutex_unlock(&all->lock);
    retire(atomic_exchange_explicit(&all->current, pack(next), memory_order_acq_rel));
}

void versions_release(struct versions *all)
{
    retire(atomic_exchange(&all->current, 0));
    pthread_mutex_destroy(&all->lock);
}
