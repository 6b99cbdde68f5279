/*
 * lifecycle - what happens by itself: the namespaces that are always there, and the end of a
 * namespace or of a CRD, which first takes all that is in it.
 *
 *   DELETE namespace --> Terminating, held by its finalizer
 *      --> each object in it is deleted, or marked and waited for       (emptying.h)
 *      --> empty: the finalizer goes, and with it the namespace
 *
 * A restart in the middle goes on where it was: the deletion timestamp is the only state.
 * Nothing polls: a namespace whose objects have finalizers is looked at again when they are gone.
 *
 * Owner    worker 0.   Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_LIFECYCLE_H
#define TIDEWATCH_APISERVER_HANDLERS_LIFECYCLE_H

#include "apiserver/handlers/api.h"

/* lifecycle_new() and lifecycle_free() are in api.h. Free it when neither the loop nor storage runs
 * any more. */

/* Each event that the worker's cache applies, behind the registry's turn. */
void lifecycle_on_event(struct lifecycle *lifecycle, const struct event *event);

#endif
