/*
 * versions - which version of the data is current, and what older ones still keep alive. Internal.
 *
 *   [ oldest still read ] .. [ read ] .. [ current ]      a reader takes a reference to the current
 *        |dead                 |dead                      one and walks it as long as it likes
 *
 * Shape    a reader takes the current version with one atomic addition: it never waits, neither for
 *          the writer nor for other readers. The count of what was taken so stands in the same word
 *          as the pointer (a split reference count), so that taking and replacing cannot cross.
 *          What a version has and its successor has not is on its `dead` list; when it goes, each
 *          item moves to the next older version that has it too, or is freed (the dead lists of
 *          ZFS). So a snapshot held for long keeps what it shows, and nothing that came later.
 * Owner    the maker of a version allocates it; on_free() frees it, and mortals that are no nodes.
 * Threads  one writer; versions_take() and versions_drop() from any thread.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_VERSIONS_H
#define TIDEWATCH_CLIENT_CACHE_VERSIONS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "client-go-like/cache/cow_tree.h"

struct versions;

struct version { /* first in what the maker allocates */
    atomic_long refs;
    uint64_t number;
    struct versions *all;
    struct list link;
    struct cow_mortal *dead;
};

struct versions {
    _Atomic(uint64_t) current; /* the pointer << 16, and how often it was taken */
    pthread_mutex_t lock;      /* `alive` and the dead lists; takers do not need it */
    struct list alive;         /* oldest first */
    void (*on_free)(struct cow_mortal *mortal);
};

/* Takes the first version over. */
void versions_init(struct versions *versions, struct version *first,
                   void (*on_free)(struct cow_mortal *mortal));
/* No version may be taken any more. Drops the current one, but not what it shows. */
void versions_release(struct versions *versions);

struct version *versions_take(struct versions *versions);
void versions_drop(struct version *version);
/* The writer's look at the current version, without taking it. */
struct version *versions_current(const struct versions *versions);
/* Makes `next` current; `dead` is what it no longer has. next->number must be edit.now. */
void versions_publish(struct versions *versions, struct version *next, struct cow_mortal *dead);
void versions_free_mortals(const struct versions *versions, struct cow_mortal *first);

#endif
