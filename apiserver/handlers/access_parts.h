/*
 * access_parts - what the files of access control share.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_ACCESS_PARTS_H
#define TIDEWATCH_APISERVER_HANDLERS_ACCESS_PARTS_H

#include "apiserver/auth/rbac.h"
#include "apiserver/handlers/access.h"

#include <stdatomic.h>

#include "base/map.h"

struct access_control {
    struct worker *worker;
    struct authenticator *authenticator;
    struct rbac *rbac;   /* NULL: everything is allowed */
    struct map sessions; /* of watches: struct session by its key */
    struct loop_timer recheck;
    _Atomic uint64_t authenticated, unauthenticated, allowed, forbidden, watches_ended;
};

/* Asks every watch again, soon. */
void access_recheck_soon(struct access_control *control);
void access_on_recheck(struct loop_timer *timer);

static inline void access_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
