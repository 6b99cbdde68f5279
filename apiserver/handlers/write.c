#include "apiserver/handlers/write.h"

#include "apiserver/handlers/server_info.h"
#include "base/planted.h"

static void drop_plan(struct write_job *job)
{
    job->old = object_unref(job->old);
    job->next = object_unref(job->next);
    arena_release(&job->arena);
    job->action = ACTION_NONE;
    job->key = bytes_of(NULL, 0);
    job->guard_count = 0;
    job->created = false;
}

void write_release(struct write_job *job)
{
    drop_plan(job);
}

static void finish(struct write_job *job, enum status st, struct error *err)
{
    job->on_done(job, st, err);
}

static bool is_abandoned(const struct write_job *job)
{
    return job->api != NULL && job->api->http == NULL;
}

static enum status give_up(struct write_job *job, struct error *reterr)
{
    return error_conflict(reterr, job->kind, job->name, NULL);
}

static enum status explain_failure(enum status st, struct error *reterr)
{
    switch (st) {
    case STATUS_NO_SPACE:
        return error_set(reterr, st, "the disk is full: nothing was changed");
    case STATUS_UNAVAILABLE:
        return error_set(reterr, st, "the server is shutting down: nothing was changed");
    default:
        return error_set(reterr, st, "the change could not be stored");
    }
}

static void on_written(struct pending_write *pending)
{
    struct write_job *job = container_of(pending, struct write_job, pending);
    enum status st = pending->write.status;
    struct error err = {0};

    if (st == STATUS_OK) {
        job->rev = pending->write.rev;
        finish(job, STATUS_OK, &err);
        return;
    }
    if (job->action == ACTION_PUT)
        object_unref(job->next); /* storage did not take its reference */
    if (st == STATUS_CONFLICT && !is_abandoned(job) && ++job->tries < WRITE_TRIES_MAX) {
        write_start(job);
        return;
    }
    st = st == STATUS_CONFLICT ? give_up(job, &err) : explain_failure(st, &err);
    finish(job, st, &err);
}

static uint32_t ttl_of(const struct write_job *job)
{
    const struct server_info *info = job->worker->info;

    if (job->kind->ttl_s != 0 && info != NULL && info->event_ttl_s != 0)
        return info->event_ttl_s;
    return job->kind->ttl_s;
}

static void submit(struct write_job *job)
{
    struct write *write = &job->pending.write;

    if (job->worker->storage == NULL)
        return; /* storage is closed, the server ends: nobody waits for this any more */
    *write = (struct write){.type = job->action == ACTION_PUT ? WRITE_PUT : WRITE_DELETE,
                            .key = job->key,
                            .expected = job->old != NULL ? job->old->base.rev : 0};
    if (job->action == ACTION_PUT) {
        write->value = &object_ref(job->next)->base;
        write->ttl_s = ttl_of(job);
    }
    memcpy(write->guards, job->guards, job->guard_count * sizeof(job->guards[0]));
    job->pending.on_done = on_written;
    worker_submit(job->worker, &job->pending);
}

void write_start(struct write_job *job)
{
    struct error err = {0};
    enum status st;

    drop_plan(job);
    st = job->plan(job, &err);
    if (st == STATUS_OK && job->arena.failed)
        st = error_set(&err, STATUS_NO_MEMORY, "out of memory");
    if (st != STATUS_OK || job->action == ACTION_NONE || (job->dry_run && !PLANTED(dry_run_writes)))
        finish(job, st, &err);
    else
        submit(job);
}

/* ---- for plans ---- */

void write_look_up(struct write_job *job)
{
    struct object *now;

    job->key = kind_key(job->kind, &job->arena, job->namespace, job->name);
    now = job->arena.failed ? NULL : watch_cache_get(job->worker->cache, job->key);
    job->old = now != NULL ? object_ref(now) : NULL;
}

enum status write_old_tree(struct write_job *job, struct json **ret_tree, struct error *reterr)
{
    enum status st = object_to_json(job->old, 0, BYTES(""), &job->arena, ret_tree);

    return st == STATUS_OK ? st : error_set(reterr, st, "out of memory");
}

void write_guard(struct write_job *job, struct bytes key, uint64_t rev)
{
    assert(job->guard_count < WRITE_GUARDS_MAX);
    job->guards[job->guard_count++] = (struct guard){key, rev};
}

/* Rotation of keys is a rewrite of everything, without a change
 * (k8s.io/apiserver/pkg/storage/etcd3/store.go, origState.stale). */
static bool is_stale(const struct write_job *job)
{
    return job->worker->storage != NULL && storage_is_stale(job->worker->storage, job->key);
}

enum status write_plan_put(struct write_job *job, struct json *tree, const struct json *old_tree,
                           struct error *reterr)
{
    enum status st = strategy_image(&job->arena, job->kind, tree, &job->next, reterr);

    if (st == STATUS_OK &&
        (old_tree == NULL || !json_equal(tree, old_tree) || is_stale(job) || PLANTED(noop_event)))
        job->action = ACTION_PUT;
    return st;
}

void write_plan_delete(struct write_job *job)
{
    job->action = ACTION_DELETE;
}

/* ---- for requests ---- */

uint64_t write_shown_rev(const struct write_job *job)
{
    if (job->rev != 0)
        return job->rev;
    return job->old != NULL ? job->old->base.rev : 0;
}

void write_answer(struct write_job *job, enum status st, struct error *err)
{
    struct api_request *api = job->api;
    const struct object *shown = job->next != NULL ? job->next : job->old;

    if (st != STATUS_OK)
        respond_error(api, err);
    else
        respond_object(api, job->created ? 201 : 200, shown, write_shown_rev(job));
}

static void release_job(struct api_request *api)
{
    write_release(api->state);
}

struct write_job *write_job_of(struct api_request *api, size_t size, bool dry_run,
                               enum status (*plan)(struct write_job *job, struct error *reterr))
{
    struct write_job *job = arena_zalloc(&api->arena, size);
    struct error err = {0};

    if (job == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return NULL;
    }
    job->worker = api->worker;
    job->kind = api->kind;
    job->namespace = arena_dup(&api->arena, api->info.namespace); /* outlive the URL */
    job->name = arena_dup(&api->arena, api->info.name);
    job->dry_run = dry_run;
    job->api = api;
    job->plan = plan;
    job->on_done = write_answer;
    api->state = job;
    api->release = release_job;
    return job;
}
