/*
 * One turn: timers, sockets (h2o polls and calls back), posted tasks, deferred tasks. Timers that
 * are late wait for one turn of the others.
 * h2o has lists of timeouts with one length each; ours differ, so they live in a binary heap.
 */
#include "apiserver/transport/frame.h"
#include "apiserver/transport/loop_h2o.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { LATE_MS = 250 };

struct loop {
    h2o_loop_t *h2o;
    h2o_socket_t *wake; /* an eventfd: another thread has posted, or wants us to stop */
    int wake_fd;
    atomic_bool stopped;
    _Atomic(struct loop_task *) posted; /* the last one first */
    struct loop_task *deferred, **deferred_end;
    struct loop_timer **heap; /* from 1: heap[1] fires next */
    size_t heap_count, heap_capacity;
    uint64_t now_ms; /* 0: not taken yet since the last sleep */
};

/* Stands behind the last deferred task, so that `next` also says "is deferred". */
static struct loop_task end_of_list;

static void on_wake(h2o_socket_t *sock, const char *err)
{
    struct loop *loop = sock->data;
    uint64_t count;

    (void)err;
    while (read(loop->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

/* Also called from signal handlers (loop_stop()): write() and nothing else. */
static void wake_up(struct loop *loop)
{
    const uint64_t one = 1;
    int saved = errno;

    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    errno = saved;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL)
        return NULL;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        free(loop);
        return NULL;
    }
    loop->deferred = &end_of_list;
    loop->deferred_end = &loop->deferred;
    loop->h2o = h2o_evloop_create();
    loop->wake = h2o_evloop_socket_create(loop->h2o, loop->wake_fd, H2O_SOCKET_FLAG_DONT_READ);
    loop->wake->data = loop;
    h2o_socket_read_start(loop->wake, on_wake);
    return loop;
}

h2o_loop_t *loop_h2o(const struct loop *loop)
{
    return loop->h2o;
}

/* ---- tasks ---- */

void loop_post(struct loop *loop, struct loop_task *task)
{
    struct loop_task *before = atomic_load_explicit(&loop->posted, memory_order_relaxed);

    do
        task->next = before;
    while (!atomic_compare_exchange_weak_explicit(&loop->posted, &before, task,
                                                  memory_order_release, memory_order_relaxed));
    if (before ==
        NULL) /* else whoever posted first has woken the loop, and it has not looked yet */
        wake_up(loop);
}

static void run_posted(struct loop *loop)
{
    struct loop_task *last, *first = NULL;

    if (atomic_load_explicit(&loop->posted, memory_order_relaxed) == NULL)
        return;
    last = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    while (last != NULL) {
        struct loop_task *before = last->next;

        last->next = first;
        first = last;
        last = before;
    }
    while (first != NULL) {
        struct loop_task *task = first;

        first = task->next;
        task->next = NULL;
        task->run(task); /* may free it, or post it again */
    }
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->next != NULL)
        return;
    task->next = &end_of_list;
    *loop->deferred_end = task;
    loop->deferred_end = &task->next;
}

/* What is deferred meanwhile waits for the next turn, which then does not sleep: sockets get their
 * chance even when a task defers itself for ever. */
static void run_deferred(struct loop *loop)
{
    struct loop_task *task = loop->deferred;

    loop->deferred = &end_of_list;
    loop->deferred_end = &loop->deferred;
    while (task != &end_of_list) {
        struct loop_task *next = task->next;

        task->next = NULL;
        task->run(task);
        task = next;
    }
}

/* ---- timers ---- */

static void heap_put(struct loop *loop, size_t at, struct loop_timer *timer)
{
    loop->heap[at] = timer;
    timer->heap_at = at;
}

static void heap_up(struct loop *loop, size_t at, struct loop_timer *timer)
{
    while (at > 1 && loop->heap[at / 2]->at_ms > timer->at_ms) {
        heap_put(loop, at, loop->heap[at / 2]);
        at /= 2;
    }
    heap_put(loop, at, timer);
}

static void heap_down(struct loop *loop, size_t at, struct loop_timer *timer)
{
    for (size_t child; (child = at * 2) <= loop->heap_count; at = child) {
        if (child < loop->heap_count && loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
            child++;
        if (loop->heap[child]->at_ms >= timer->at_ms)
            break;
        heap_put(loop, at, loop->heap[child]);
    }
    heap_put(loop, at, timer);
}

/* A timer that cannot be kept is a connection that is never cut: ending is better, as h2o does. */
static void heap_reserve(struct loop *loop)
{
    size_t capacity = loop->heap_capacity != 0 ? loop->heap_capacity * 2 : 64;
    struct loop_timer **heap;

    if (loop->heap_count + 1 < loop->heap_capacity)
        return;
    heap = realloc(loop->heap, capacity * sizeof(*heap)); /* NOLINT(bugprone-sizeof-expression) */
    if (heap == NULL) {
        LOG_ERROR("no memory for a timer");
        abort();
    }
    loop->heap = heap;
    loop->heap_capacity = capacity;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
    uint64_t now = loop_now_ms(loop);

    loop_timer_stop(loop, timer);
    heap_reserve(loop);
    timer->at_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX;
    heap_up(loop, ++loop->heap_count, timer);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    size_t at = timer->heap_at;
    struct loop_timer *last;

    if (at == 0)
        return;
    timer->heap_at = 0;
    last = loop->heap[loop->heap_count--];
    if (last == timer)
        return;
    if (at > 1 && loop->heap[at / 2]->at_ms > last->at_ms)
        heap_up(loop, at, last);
    else
        heap_down(loop, at, last);
}

/* At most as many as there are now: one that starts itself again with no delay waits a turn. */
static void run_timers(struct loop *loop)
{
    uint64_t now = loop_now_ms(loop);

    for (size_t n = loop->heap_count; n > 0 && loop->heap_count > 0; n--) {
        struct loop_timer *timer = loop->heap[1];

        if (timer->at_ms > now)
            break;
        loop_timer_stop(loop, timer);
        timer->on_fire(timer);
    }
}

uint64_t loop_now_ms(const struct loop *loop)
{
    if (loop->now_ms == 0)
        ((struct loop *)loop)->now_ms = clock_monotonic_ms(); /* a cache: nobody can tell */
    return loop->now_ms;
}

/* ---- the loop ---- */

/* Lets h2o call back for the writes that were made outside of its callbacks. It would do so after
 * its next poll only: after a sleep, and after it has freed what was written to and then closed. */
static void run_pending(struct loop *loop)
{
    h2o_timeout__do_post_callback(loop->h2o);
}

static int32_t wait_ms(const struct loop *loop)
{
    uint64_t now = loop_now_ms(loop), wait = INT32_MAX;

    if (loop->deferred != &end_of_list ||
        atomic_load_explicit(&loop->posted, memory_order_relaxed) != NULL)
        return 0;
    if (loop->heap_count > 0)
        wait = loop->heap[1]->at_ms > now ? loop->heap[1]->at_ms - now : 0;
    return wait < INT32_MAX ? (int32_t)wait : INT32_MAX;
}

/* We were stopped (SIGSTOP, a suspended machine), or have been busy for long. What peers sent in
 * that time has not been looked at: their timers must not say that they were silent. */
static bool timers_are_late(const struct loop *loop)
{
    uint64_t now = loop_now_ms(loop);

    return loop->heap_count > 0 && loop->heap[1]->at_ms < now &&
           now - loop->heap[1]->at_ms > LATE_MS;
}

void loop_run(struct loop *loop)
{
    bool late = false;

    frame_credits_open();
    while (!atomic_load_explicit(&loop->stopped, memory_order_acquire)) {
        int32_t wait;

        loop->now_ms = 0;
        late = !late && timers_are_late(loop); /* one turn for all else, and then it is theirs */
        if (!late)
            run_timers(loop);
        run_pending(loop);
        frame_credits_settle();
        wait = wait_ms(loop);
        loop->now_ms = 0;                /* whoever asks first after the sleep takes the time */
        h2o_evloop_run(loop->h2o, wait); /* fails with EINTR: the next turn does it */
        run_posted(loop);
        run_deferred(loop);
        run_pending(loop);
    }
    frame_credits_close();
    atomic_store_explicit(&loop->stopped, false, memory_order_relaxed);
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->stopped, true, memory_order_release);
    wake_up(loop);
}

void loop_settle(struct loop *loop)
{
    while (atomic_load(&loop->posted) != NULL || loop->deferred != &end_of_list) {
        run_posted(loop);
        run_deferred(loop);
        run_pending(loop);
    }
    run_pending(loop);
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    loop_settle(
        loop); /* tasks own what they are embedded in: let them end, so that nothing leaks */
    h2o_socket_close(loop->wake); /* and its eventfd */
    h2o_evloop_destroy(loop->h2o);
    free(loop->heap);
    free(loop);
}
