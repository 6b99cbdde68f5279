/*
 * emptying - deleting all that is in a namespace, or of a CRD, and then taking the finalizer that
 * holds the namespace or CRD itself. Private to the lifecycles.
 *
 *   scan --> up to EMPTYING_IN_FLIGHT_MAX deletions --all answered--> scan
 *         '-> nothing to begin, but some objects wait for their finalizers --last one gone--> scan
 *         '-> empty --> finish: one write takes the finalizer --> over
 *
 * Owner    the map of those that are running, by the key of the namespace or CRD.
 * Threads  the worker's loop.
 * Errors   a write that fails is tried again EMPTYING_RETRY_MS later; without memory the rest is
 * left to the next start of the server.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_EMPTYING_H
#define TIDEWATCH_APISERVER_HANDLERS_EMPTYING_H

#include "apiserver/handlers/write.h"
#include "base/map.h"

enum { EMPTYING_IN_FLIGHT_MAX = 256, EMPTYING_RETRY_MS = 1000 };

struct emptying;

struct emptying_ops {
    /* Calls emptying_scan() for each kind and namespace whose objects are in it. */
    void (*each_part)(struct emptying *emptying);
    /* Plans the last write, on the namespace or CRD. */
    enum status (*plan_finish)(struct write_job *job, struct error *reterr);
};

struct emptying {
    const struct emptying_ops *ops;
    struct worker *worker;
    struct map *running;
    const struct kind *kind; /* Namespace or CustomResourceDefinition: built in */
    struct bytes key, name;  /* of the namespace or CRD; own memory */
    struct loop_task task;   /* the next scan: never from within an event */
    struct loop_timer retry;
    struct list deletions; /* under way */
    size_t in_flight;
    size_t waiting; /* objects that the last scan found marked already */
    bool failed;    /* something since the last scan */
    bool finishing, ended;
    struct write_job finish;
};

/* Begins, unless it is running already. */
void emptying_start(struct worker *worker, struct map *running, const struct emptying_ops *ops,
                    const struct kind *kind, const struct object *target, struct bytes key);
/* Deletes what is there. */
void emptying_scan(struct emptying *emptying, const struct kind *kind, struct bytes namespace);
/* The namespace or CRD is gone. */
void emptying_on_over(struct emptying *emptying);
/* An object in it is gone. */
void emptying_on_gone(struct emptying *emptying);
/* Frees all. Neither the loop nor storage runs any more. */
void emptying_free_all(struct map *running);

/* namespace_lifecycle.c, crd_lifecycle.c */
extern const struct emptying_ops namespace_emptying, crd_emptying;

#endif
