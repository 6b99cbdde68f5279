/*
 * write - one change of one object: planned on what this loop sees, sent, and planned anew if
 * someone else was first. The optimistic loop of GuaranteedUpdate
 * (k8s.io/apiserver/pkg/storage/etcd3/store.go), without blocking.
 *
 *   write_start() --plan()--> nothing to do, or a dry run ----------------------> on_done(OK)
 *                   ^         PUT or DELETE --submit--> storage --OK------------> on_done(OK)
 *                   |                                        |--CONFLICT--+
 *                   +------- at most WRITE_TRIES_MAX times ----------------+
 *                             plan() failed, disk full, ... --------------------> on_done(why)
 *
 * A conflict comes back behind the events that caused it, so the next plan sees them. What the
 * request itself demands (a resourceVersion, a uid) is part of the plan: it fails when it no longer
 * holds.
 *
 * Owner    the caller's struct, zeroed; it stays until on_done(), where write_release() ends it.
 * Threads  the worker's loop.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_WRITE_H
#define TIDEWATCH_APISERVER_HANDLERS_WRITE_H

#include "apiserver/handlers/api.h"
#include "apiserver/handlers/strategy.h"

enum { WRITE_TRIES_MAX = 64 };

enum write_action { ACTION_NONE, ACTION_PUT, ACTION_DELETE };

struct write_job {
    /* the caller's */
    struct worker *worker;
    const struct kind
        *kind; /* borrowed: kept alive by the caller, but for renewals (write_renew_kind) */
    struct bytes namespace, name;
    bool dry_run;
    struct api_request *api; /* on whose behalf: nothing is tried again once its client has left */
    enum status (*plan)(struct write_job *job, struct error *reterr);
    void (*on_done)(struct write_job *job, enum status st, struct error *err);
    /* of the plan under way; all of it is dropped before the next */
    struct arena arena;
    enum write_action action;
    struct bytes key;
    struct object *old, *next; /* references; NULL: absent, or nothing to put */
    struct guard guards[WRITE_GUARDS_MAX];
    size_t guard_count;
    /* the result */
    uint64_t rev; /* of the change; 0: none was made */
    bool created;
    /* the job's own */
    struct pending_write pending;
    unsigned tries;
};

void write_start(struct write_job *job);
/* Drops references and memory; the struct stays the caller's. */
void write_release(struct write_job *job);

/* ---- for plans ---- */
/* Fills key and `old` (NULL: absent) from the cache. */
void write_look_up(struct write_job *job);
/* `old` as a tree, in its stored version. */
MUST_CHECK enum status write_old_tree(struct write_job *job, struct json **ret_tree,
                                      struct error *reterr);
/* The object must still stand as the plan's guard saw it. */
void write_guard(struct write_job *job, struct bytes key, uint64_t rev);
/* Puts `tree` in the place of `old` (or makes it). Nothing is done if nothing would change, neither
 * the object nor how it lies on the disk. */
MUST_CHECK enum status write_plan_put(struct write_job *job, struct json *tree,
                                      const struct json *old_tree, struct error *reterr);
void write_plan_delete(struct write_job *job);

/* ---- for requests ---- */
/* The job of a request, in its arena: knows its kind, namespace and name, answers errors, and the
 * object with 200 or 201. NULL: the request was answered. */
struct write_job *write_job_of(struct api_request *api, size_t size, bool dry_run,
                               enum status (*plan)(struct write_job *job, struct error *reterr));
/* What on_done of a request's job does. */
void write_answer(struct write_job *job, enum status st, struct error *err);
/* The revision to show an answered object with. */
uint64_t write_shown_rev(const struct write_job *job);

#endif
