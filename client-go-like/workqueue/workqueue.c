#include "client-go-like/workqueue/workqueue.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "client-go-like/fail.h"
#include "client-go-like/wait.h"
#include "client-go-like/workqueue/limiter.h"

#define NOT_WAITING SIZE_MAX

/* One key, for as long as anything is known of it. In client-go's words: `dirty` is queued or
 * again, `processing` is working. */
struct item {
    struct list queued; /* linked while it waits to be given out */
    bool working, again;
    unsigned failures;
    uint64_t added_ms, began_ms;
    uint64_t ready_ms; /* while in the heap */
    size_t heap_at;    /* NOT_WAITING: not there */
    struct bytes key;
    char text[];
};

struct tw_queue {
    tw_queue_options options;
    uint64_t (*now_ms)(void);
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed, idle;
    struct map items;
    struct list queue;
    size_t depth, working;
    struct item **heap; /* the earliest first */
    size_t heap_count, heap_capacity;
    struct bucket bucket;
    uint64_t adds, retries;
    bool down;
};

tw_status queue_new(const tw_queue_options *options, uint64_t (*now_ms)(void), tw_queue **ret_queue,
                    tw_error **reterr)
{
    tw_queue *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return tw_fail_no_memory(reterr);
    if (options != NULL)
        q->options = *options;
    if (q->options.retry_first_ms == 0)
        q->options.retry_first_ms = 5;
    if (q->options.retry_max_ms == 0)
        q->options.retry_max_ms = 1000 * 1000;
    if (!(q->options.retries_per_s > 0))
        q->options.retries_per_s = 10;
    if (q->options.retry_burst == 0)
        q->options.retry_burst = 100;
    q->now_ms = now_ms;
    q->bucket = bucket_of(q->options.retries_per_s, q->options.retry_burst, now_ms());
    pthread_mutex_init(&q->lock, NULL);
    wait_init(&q->changed);
    wait_init(&q->idle);
    list_init(&q->queue);
    *ret_queue = q;
    return TW_OK;
}

tw_status tw_queue_new(const tw_queue_options *options, tw_queue **ret_queue, tw_error **reterr)
{
    return queue_new(options, clock_monotonic_ms, ret_queue, reterr);
}

void tw_queue_free(tw_queue *q)
{
    if (q == NULL)
        return;
    for (struct map_slot *it = map_next(&q->items, NULL); it != NULL; it = map_next(&q->items, it))
        free(it->value);
    map_release(&q->items);
    free(q->heap);
    pthread_cond_destroy(&q->changed);
    pthread_cond_destroy(&q->idle);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void queue_wake(tw_queue *q)
{
    pthread_mutex_lock(&q->lock);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

static void report(tw_queue *q, tw_queue_metric metric, uint64_t value)
{
    if (q->options.on_metric != NULL)
        q->options.on_metric(q->options.user, metric, value);
}

/* ---- items ---- */

static struct item *find(tw_queue *q, const char *key)
{
    return map_get(&q->items, bytes_str(key));
}

static struct item *find_or_make(tw_queue *q, const char *key)
{
    struct item *item = find(q, key);
    size_t len = strlen(key);

    if (item != NULL)
        return item;
    if ((item = calloc(1, sizeof(*item) + len + 1)) == NULL)
        return NULL;
    memcpy(item->text, key, len);
    item->key = bytes_of(item->text, len);
    item->heap_at = NOT_WAITING;
    if (map_put(&q->items, item->key, item))
        return item;
    free(item);
    return NULL;
}

/* Forgets a key of which nothing is left to know. */
static void tidy(tw_queue *q, struct item *item)
{
    if (list_linked(&item->queued) || item->working || item->heap_at != NOT_WAITING ||
        item->failures != 0)
        return;
    map_remove(&q->items, item->key);
    free(item);
}

static void append(tw_queue *q, struct item *item)
{
    list_append(&q->queue, &item->queued);
    q->depth++;
    pthread_cond_signal(&q->changed);
}

/* False if it waited already. */
static bool add_item(tw_queue *q, struct item *item)
{
    if (list_linked(&item->queued) || item->again)
        return false;
    item->added_ms = q->now_ms();
    q->adds++;
    if (item->working)
        item->again = true;
    else
        append(q, item);
    return true;
}

/* ---- the heap of what is for later ---- */

static void heap_set(tw_queue *q, size_t at, struct item *item)
{
    q->heap[at] = item;
    item->heap_at = at;
}

static void heap_up(tw_queue *q, size_t at)
{
    struct item *item = q->heap[at];

    for (; at > 0 && q->heap[(at - 1) / 2]->ready_ms > item->ready_ms; at = (at - 1) / 2)
        heap_set(q, at, q->heap[(at - 1) / 2]);
    heap_set(q, at, item);
}

static void heap_down(tw_queue *q, size_t at)
{
    struct item *item = q->heap[at];

    for (;;) {
        size_t child = at * 2 + 1;

        if (child + 1 < q->heap_count && q->heap[child + 1]->ready_ms < q->heap[child]->ready_ms)
            child++;
        if (child >= q->heap_count || q->heap[child]->ready_ms >= item->ready_ms)
            break;
        heap_set(q, at, q->heap[child]);
        at = child;
    }
    heap_set(q, at, item);
}

static bool heap_add(tw_queue *q, struct item *item, uint64_t ready_ms)
{
    if (item->heap_at != NOT_WAITING) {
        if (ready_ms < item->ready_ms) {
            item->ready_ms = ready_ms;
            heap_up(q, item->heap_at);
        }
        return true;
    }
    if (q->heap_count == q->heap_capacity) {
        size_t capacity = q->heap_capacity != 0 ? q->heap_capacity * 2 : 64;
        struct item **heap = realloc(q->heap, capacity * sizeof(struct item *));

        if (heap == NULL)
            return false;
        q->heap = heap;
        q->heap_capacity = capacity;
    }
    item->ready_ms = ready_ms;
    q->heap[q->heap_count++] = item;
    heap_up(q, q->heap_count - 1);
    return true;
}

static struct item *heap_take(tw_queue *q)
{
    struct item *first = q->heap[0], *last = q->heap[--q->heap_count];

    first->heap_at = NOT_WAITING;
    if (first != last) {
        q->heap[0] = last;
        heap_down(q, 0);
    }
    return first;
}

/* Queues what has become ready; returns when the next will be. */
static uint64_t promote(tw_queue *q)
{
    uint64_t now_ms = q->now_ms();

    while (q->heap_count != 0 && q->heap[0]->ready_ms <= now_ms)
        add_item(q, heap_take(q));
    return q->heap_count != 0 ? q->heap[0]->ready_ms : WAIT_FOR_EVER;
}

/* ---- adding ---- */

tw_status tw_queue_add(tw_queue *q, const char *key)
{
    struct item *item = NULL;
    bool down, added = false;
    size_t depth;

    pthread_mutex_lock(&q->lock);
    down = q->down;
    if (!down && (item = find_or_make(q, key)) != NULL)
        added = add_item(q, item);
    depth = q->depth;
    pthread_mutex_unlock(&q->lock);
    if (added) {
        report(q, TW_QUEUE_ADDS, 1);
        report(q, TW_QUEUE_DEPTH, depth);
    }
    return down || item != NULL ? TW_OK : TW_ERR_NO_MEMORY;
}

static tw_status add_after_locked(tw_queue *q, struct item *item, uint64_t delay_ms)
{
    if (item == NULL)
        return TW_ERR_NO_MEMORY;
    if (delay_ms == 0) {
        add_item(q, item);
    } else if (!heap_add(q, item, q->now_ms() + delay_ms)) {
        tidy(q, item);
        return TW_ERR_NO_MEMORY;
    }
    q->retries++;
    pthread_cond_broadcast(&q->changed); /* who waits for a later one must look again */
    return TW_OK;
}

tw_status tw_queue_add_after(tw_queue *q, const char *key, uint64_t delay_ms)
{
    tw_status st = TW_OK;

    pthread_mutex_lock(&q->lock);
    if (!q->down)
        st = add_after_locked(q, find_or_make(q, key), delay_ms);
    pthread_mutex_unlock(&q->lock);
    if (st == TW_OK)
        report(q, TW_QUEUE_RETRIES, 1);
    return st;
}

tw_status tw_queue_add_rate_limited(tw_queue *q, const char *key)
{
    struct item *item;
    tw_status st = TW_OK;

    pthread_mutex_lock(&q->lock);
    item = q->down ? NULL : find_or_make(q, key);
    if (item != NULL) {
        uint64_t own_ms = limiter_exponential_ms(q->options.retry_first_ms, q->options.retry_max_ms,
                                                 item->failures),
                 all_ms = bucket_reserve_ms(&q->bucket, q->now_ms());

        item->failures++;
        st = add_after_locked(q, item, own_ms > all_ms ? own_ms : all_ms);
    } else if (!q->down) {
        st = TW_ERR_NO_MEMORY;
    }
    pthread_mutex_unlock(&q->lock);
    if (st == TW_OK)
        report(q, TW_QUEUE_RETRIES, 1);
    return st;
}

void tw_queue_forget(tw_queue *q, const char *key)
{
    struct item *item;

    pthread_mutex_lock(&q->lock);
    item = find(q, key);
    if (item != NULL) {
        item->failures = 0;
        tidy(q, item);
    }
    pthread_mutex_unlock(&q->lock);
}

unsigned tw_queue_num_requeues(tw_queue *q, const char *key)
{
    struct item *item;
    unsigned failures;

    pthread_mutex_lock(&q->lock);
    item = find(q, key);
    failures = item != NULL ? item->failures : 0;
    pthread_mutex_unlock(&q->lock);
    return failures;
}

/* ---- working ---- */

static struct item *take(tw_queue *q)
{
    struct item *item = list_entry(q->queue.next, struct item, queued);

    list_remove(&item->queued);
    q->depth--;
    q->working++;
    item->working = true;
    item->began_ms = q->now_ms();
    return item;
}

tw_status tw_queue_get(tw_queue *q, unsigned timeout_ms, const char **ret_key)
{
    uint64_t until_ms = wait_deadline(timeout_ms), waited_ms = 0;
    struct item *item = NULL;
    tw_status st = TW_OK;
    size_t depth;

    pthread_mutex_lock(&q->lock);
    for (;;) {
        uint64_t ready_ms = promote(q);
        bool early = ready_ms < until_ms;

        if (q->depth != 0 || q->down || st != TW_OK)
            break;
        if (!wait_until(&q->changed, &q->lock, early ? ready_ms : until_ms) && !early)
            st = TW_ERR_TIMEOUT;
    }
    if (q->depth != 0) {
        st = TW_OK;
        item = take(q);
        waited_ms = item->began_ms - item->added_ms;
    } else if (q->down) {
        st = TW_END;
    }
    depth = q->depth;
    pthread_mutex_unlock(&q->lock);
    if (item != NULL) {
        *ret_key = item->text;
        report(q, TW_QUEUE_DEPTH, depth);
        report(q, TW_QUEUE_LATENCY_MS, waited_ms);
    }
    return st;
}

void tw_queue_done(tw_queue *q, const char *key)
{
    struct item *item;
    uint64_t worked_ms = 0;

    pthread_mutex_lock(&q->lock);
    item = find(q, key);
    if (item != NULL && item->working) {
        worked_ms = q->now_ms() - item->began_ms;
        item->working = false;
        q->working--;
        if (item->again) {
            item->again = false;
            append(q, item);
        } else {
            tidy(q, item);
        }
    }
    if (q->working == 0 && q->depth == 0)
        pthread_cond_broadcast(&q->idle);
    pthread_mutex_unlock(&q->lock);
    report(q, TW_QUEUE_WORK_MS, worked_ms);
}

size_t tw_queue_len(tw_queue *q)
{
    size_t depth;

    pthread_mutex_lock(&q->lock);
    promote(q);
    depth = q->depth;
    pthread_mutex_unlock(&q->lock);
    return depth;
}

/* ---- the end ---- */

void tw_queue_shut_down(tw_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->down = true;
    while (q->heap_count != 0)
        tidy(q, heap_take(q));
    pthread_cond_broadcast(&q->changed);
    pthread_cond_broadcast(&q->idle);
    pthread_mutex_unlock(&q->lock);
}

void queue_drop(tw_queue *q)
{
    pthread_mutex_lock(&q->lock);
    list_for_each(&q->queue, it) {
        struct item *item = list_entry(it, struct item, queued);

        list_remove(it);
        q->depth--;
        item->failures = 0;
        tidy(q, item);
    }
    pthread_mutex_unlock(&q->lock);
}

tw_status tw_queue_shut_down_with_drain(tw_queue *q, unsigned timeout_ms)
{
    uint64_t until_ms = wait_deadline(timeout_ms);
    bool in_time = true, idle;

    tw_queue_shut_down(q);
    pthread_mutex_lock(&q->lock);
    while ((q->working != 0 || q->depth != 0) && in_time)
        in_time = wait_until(&q->idle, &q->lock, until_ms);
    idle = q->working == 0 && q->depth == 0;
    pthread_mutex_unlock(&q->lock);
    return idle ? TW_OK : TW_ERR_TIMEOUT;
}

void tw_queue_get_status(tw_queue *q, tw_queue_status *ret_status)
{
    tw_queue_status status = {0};
    uint64_t now_ms;

    pthread_mutex_lock(&q->lock);
    promote(q);
    now_ms = q->now_ms();
    status.depth = q->depth;
    status.waiting = q->heap_count;
    status.working = q->working;
    status.adds = q->adds;
    status.retries = q->retries;
    for (struct map_slot *it = map_next(&q->items, NULL); it != NULL;
         it = map_next(&q->items, it)) {
        const struct item *item = it->value;
        uint64_t worked_ms = item->working ? now_ms - item->began_ms : 0;

        status.unfinished_ms += worked_ms;
        if (worked_ms > status.longest_ms)
            status.longest_ms = worked_ms;
    }
    pthread_mutex_unlock(&q->lock);
    *ret_status = status;
}
