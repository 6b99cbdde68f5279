#include "apiserver/handlers/emptying.h"

#include <stdlib.h>

#include "apiserver/handlers/delete.h"
#include "base/log.h"

struct deletion {
    struct write_job job; /* first */
    struct emptying *of;
    struct list link;
    struct object *object; /* referenced: the job borrows its names */
};

static void emptying_free(struct emptying *emptying)
{
    loop_timer_stop(emptying->worker->loop, &emptying->retry);
    map_remove(emptying->running, emptying->key);
    write_release(&emptying->finish);
    free((void *)emptying->key.ptr);
    emptying->ended = true;
    if (emptying->task.next == NULL)
        free(emptying); /* else the loop still holds it: run_scan() does it */
}

static void deletion_free(struct deletion *deletion)
{
    list_remove(&deletion->link);
    write_release(&deletion->job);
    object_unref(deletion->object);
    kind_unref(deletion->job.kind);
    free(deletion);
}

static void scan_again(struct emptying *emptying)
{
    loop_defer(emptying->worker->loop, &emptying->task);
}

static void scan_later(struct emptying *emptying, const struct error *err)
{
    LOG_WARN("deletion is held up", LOG_BYTES("of", emptying->key),
             LOG_STR("why", error_message(err)));
    emptying->failed = true;
}

/* ---- one object ---- */

static enum status plan_deletion(struct write_job *job, struct error *reterr)
{
    /* This object and no later one of its name. Pods get no time of their own: there is no kubelet
     * to use it. */
    const struct delete_options at_once = {.has_grace = true,
                                           .uid = ((struct deletion *)job)->object->uid};

    return delete_plan(job, &at_once, reterr);
}

static void on_deleted(struct write_job *job, enum status st, struct error *err)
{
    struct deletion *deletion = (struct deletion *)job;
    struct emptying *emptying = deletion->of;

    if (st != STATUS_OK && st != STATUS_NOT_FOUND)
        scan_later(emptying, err);
    error_release(err);
    deletion_free(deletion);
    if (--emptying->in_flight != 0)
        return;
    if (emptying->failed)
        loop_timer_start(emptying->worker->loop, &emptying->retry, EMPTYING_RETRY_MS);
    else
        scan_again(emptying);
}

struct scan {
    struct emptying *emptying;
    const struct kind *kind;
};

static bool begin_deletion(void *user, struct bytes key, struct object *object)
{
    struct scan *scan = user;
    struct emptying *emptying = scan->emptying;
    struct deletion *deletion;

    (void)key;
    if (object->deletion_timestamp.len != 0 && object->finalizer_count != 0) {
        emptying->waiting++;
        return true;
    }
    if (emptying->in_flight == EMPTYING_IN_FLIGHT_MAX)
        return false;
    deletion = calloc(1, sizeof(*deletion));
    if (deletion == NULL) {
        emptying->failed = true;
        return false;
    }
    deletion->of = emptying;
    deletion->object = object_ref(object);
    deletion->job = (struct write_job){.worker = emptying->worker,
                                       .kind = kind_ref(scan->kind),
                                       .namespace = object->namespace,
                                       .name = object->name,
                                       .plan = plan_deletion,
                                       .on_done = on_deleted};
    list_append(&emptying->deletions, &deletion->link);
    emptying->in_flight++;
    write_start(&deletion->job);
    return true;
}

void emptying_scan(struct emptying *emptying, const struct kind *kind, struct bytes namespace)
{
    struct scan scan = {emptying, kind};
    struct arena arena = {0};
    struct bytes prefix = kind_key_prefix(kind, &arena, namespace);

    if (arena.failed)
        emptying->failed = true;
    else
        watch_cache_each(emptying->worker->cache, prefix, bytes_of(NULL, 0), begin_deletion, &scan);
    arena_release(&arena);
}

/* ---- the whole ---- */

static void on_finished(struct write_job *job, enum status st, struct error *err)
{
    struct emptying *emptying = container_of(job, struct emptying, finish);

    emptying->finishing = false;
    if (st != STATUS_OK && st != STATUS_NOT_FOUND) {
        scan_later(emptying, err);
        error_release(err);
        write_release(job);
        loop_timer_start(emptying->worker->loop, &emptying->retry, EMPTYING_RETRY_MS);
        return;
    }
    error_release(err);
    emptying_free(emptying);
}

static void finish(struct emptying *emptying)
{
    emptying->finishing = true;
    emptying->finish = (struct write_job){.worker = emptying->worker,
                                          .kind = emptying->kind,
                                          .name = emptying->name,
                                          .plan = emptying->ops->plan_finish,
                                          .on_done = on_finished};
    write_start(&emptying->finish);
}

/* Somebody may have taken its finalizer, and another may stand in its place: that is not ours. */
static bool is_over(const struct emptying *emptying)
{
    const struct object *target = watch_cache_get(emptying->worker->cache, emptying->key);

    return target == NULL || target->deletion_timestamp.len == 0;
}

static void run_scan(struct loop_task *task)
{
    struct emptying *emptying = container_of(task, struct emptying, task);

    if (emptying->ended) {
        free(emptying);
        return;
    }
    if (emptying->in_flight != 0 || emptying->finishing)
        return; /* the last of them comes back here */
    if (is_over(emptying)) {
        emptying_free(emptying);
        return;
    }
    emptying->failed = false;
    emptying->waiting = 0;
    emptying->ops->each_part(emptying);
    if (emptying->in_flight != 0 || emptying->waiting != 0)
        return;
    if (emptying->failed)
        loop_timer_start(emptying->worker->loop, &emptying->retry, EMPTYING_RETRY_MS);
    else
        finish(emptying);
}

static void on_retry(struct loop_timer *timer)
{
    scan_again(container_of(timer, struct emptying, retry));
}

void emptying_on_over(struct emptying *emptying)
{
    scan_again(emptying);
}

void emptying_on_gone(struct emptying *emptying)
{
    if (emptying->in_flight == 0 && emptying->waiting != 0 && --emptying->waiting == 0)
        scan_again(emptying);
}

void emptying_start(struct worker *worker, struct map *running, const struct emptying_ops *ops,
                    const struct kind *kind, const struct object *target, struct bytes key)
{
    struct emptying *emptying;
    char *copy;

    if (map_get(running, key) != NULL)
        return;
    emptying = calloc(1, sizeof(*emptying));
    copy = bytes_dup(key);
    if (emptying == NULL || copy == NULL)
        goto out;
    emptying->ops = ops;
    emptying->worker = worker;
    emptying->running = running;
    emptying->kind = kind;
    emptying->key = bytes_of(copy, key.len);
    emptying->name = bytes_from(emptying->key, key.len - target->name.len);
    emptying->task.run = run_scan;
    emptying->retry.on_fire = on_retry;
    list_init(&emptying->deletions);
    if (!map_put(running, emptying->key, emptying))
        goto out;
    scan_again(emptying);
    return;
out:
    LOG_ERROR("out of memory: a deletion waits for the next start", LOG_BYTES("of", key));
    free(emptying);
    free(copy);
}

void emptying_free_all(struct map *running)
{
    struct map_slot *slot;

    while ((slot = map_next(running, NULL)) != NULL) {
        struct emptying *emptying = slot->value;

        list_for_each(&emptying->deletions, it)
            deletion_free(list_entry(it, struct deletion, link));
        emptying_free(emptying);
    }
    map_release(running);
}
