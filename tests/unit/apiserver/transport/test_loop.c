#include "unit/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "apiserver/transport/loop.h"
#include "base/clock.h"
#include "base/rand.h"

/* What has run, one letter each. */
static char ran[64];

struct letter {
    struct loop_task task;
    struct loop_timer timer;
    struct loop *loop;
    char name;
    int again;
};

static void note(char c)
{
    size_t len = strlen(ran);

    ran[len] = c;
    ran[len + 1] = '\0';
}

static void run_letter(struct loop_task *task)
{
    struct letter *letter = container_of(task, struct letter, task);

    note(letter->name);
    if (letter->again-- > 0)
        loop_defer(letter->loop, task);
}

static void fire_letter(struct loop_timer *timer)
{
    struct letter *letter = container_of(timer, struct letter, timer);

    note(letter->name);
    if (letter->name == '!')
        loop_stop(letter->loop);
}

static struct letter letter_of(struct loop *loop, char name)
{
    return (struct letter){
        .task = {.run = run_letter}, .timer = {.on_fire = fire_letter}, .loop = loop, .name = name};
}

/* Stops the loop after `ms`. */
static void run_for(struct loop *loop, uint64_t ms)
{
    struct letter end = letter_of(loop, '!');

    loop_timer_start(loop, &end.timer, ms);
    loop_run(loop);
}

TEST(loop, timers_fire_by_time_and_a_stopped_one_does_not)
{
    struct loop *loop = loop_new();
    struct letter a = letter_of(loop, 'a'), b = letter_of(loop, 'b'), c = letter_of(loop, 'c');

    ran[0] = '\0';
    loop_timer_start(loop, &b.timer, 20);
    loop_timer_start(loop, &a.timer, 10);
    loop_timer_start(loop, &c.timer, 15);
    loop_timer_stop(loop, &c.timer);
    loop_timer_stop(loop, &c.timer); /* harmless */
    run_for(loop, 30);
    CHECK_TEXT(bytes_str(ran), "ab!");
    loop_free(loop);
}

TEST(loop, a_timer_that_is_started_again_moves)
{
    struct loop *loop = loop_new();
    struct letter a = letter_of(loop, 'a'), b = letter_of(loop, 'b');

    ran[0] = '\0';
    loop_timer_start(loop, &a.timer, 5);
    loop_timer_start(loop, &b.timer, 10);
    loop_timer_start(loop, &a.timer, 15);
    run_for(loop, 20);
    CHECK_TEXT(bytes_str(ran), "ba!");
    loop_free(loop);
}

/* It starts `a`, which is due soon, and is then stopped for long, while `p` is posted to it. */
static void be_stopped(struct loop_task *task)
{
    static struct letter a, p;
    struct loop *loop = container_of(task, struct letter, task)->loop;

    a = letter_of(loop, 'a');
    p = letter_of(loop, 'p');
    loop_timer_start(loop, &a.timer, 1);
    loop_post(loop, &p.task);
    poll(NULL, 0, 400);
}

TEST(loop, after_a_pause_what_came_meanwhile_goes_before_the_timers)
{
    struct loop *loop = loop_new();
    struct letter pause = letter_of(loop, ' ');

    ran[0] = '\0';
    pause.task.run = be_stopped;
    loop_post(loop, &pause.task);
    run_for(loop, 500);
    CHECK_TEXT(bytes_str(ran), "pa!");
    loop_free(loop);
}

static uint64_t last_fired_at;
static int fired;

static void check_order(struct loop_timer *timer)
{
    CHECK(timer->at_ms >= last_fired_at);
    last_fired_at = timer->at_ms;
    fired++;
}

TEST(loop, a_thousand_timers_stay_in_order_while_some_are_stopped)
{
    enum { COUNT = 1000 };
    struct loop *loop = loop_new();
    struct loop_timer *timers = calloc(COUNT, sizeof(*timers));
    int stopped = 0;

    last_fired_at = 0;
    fired = 0;
    for (int i = 0; i < COUNT; i++) {
        timers[i].on_fire = check_order;
        loop_timer_start(loop, &timers[i], rand_below(40));
    }
    for (int i = 0; i < COUNT; i += 3, stopped++)
        loop_timer_stop(loop, &timers[i]);
    run_for(loop, 60);
    CHECK_INT(fired, COUNT - stopped);
    free(timers);
    loop_free(loop);
}

TEST(loop, now_is_not_the_time_before_the_sleep)
{
    struct loop *loop = loop_new();
    uint64_t before = loop_now_ms(loop);

    run_for(loop, 30);
    CHECK(loop_now_ms(loop) >= before + 30);
    loop_free(loop);
}

TEST(loop, a_task_deferred_twice_runs_once_and_may_defer_itself)
{
    struct loop *loop = loop_new();
    struct letter a = letter_of(loop, 'a'), b = letter_of(loop, 'b');

    ran[0] = '\0';
    a.again = 2;
    loop_defer(loop, &a.task);
    loop_defer(loop, &b.task);
    loop_defer(loop, &a.task);
    run_for(loop, 5);
    CHECK_TEXT(bytes_str(ran), "abaa!");
    loop_free(loop);
}

TEST(loop, what_is_posted_before_the_end_runs_even_if_the_loop_never_does)
{
    struct loop *loop = loop_new();
    struct letter a = letter_of(loop, 'a'), b = letter_of(loop, 'b');

    ran[0] = '\0';
    loop_post(loop, &a.task);
    loop_post(loop, &b.task);
    loop_free(loop);
    CHECK_TEXT(bytes_str(ran), "ab");
}

TEST(loop, a_stop_before_the_run_ends_it_at_once)
{
    struct loop *loop = loop_new();

    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
}

/* ---- posts from other threads ---- */

enum { POSTS = 20000, POSTERS = 3 };

struct numbered {
    struct loop_task task;
    int poster, number;
};

struct poster {
    struct loop *loop;
    struct numbered *tasks;
    int id;
};

static int last_number[POSTERS], arrived;
static struct loop *posted_to;

static void count_arrival(struct loop_task *task)
{
    struct numbered *it = container_of(task, struct numbered, task);

    CHECK_INT(it->number, last_number[it->poster] + 1);
    last_number[it->poster] = it->number;
    if (++arrived == POSTS * POSTERS)
        loop_stop(posted_to);
}

static void *post_all(void *user)
{
    struct poster *poster = user;

    for (int i = 0; i < POSTS; i++) {
        poster->tasks[i] = (struct numbered){{.run = count_arrival}, poster->id, i + 1};
        loop_post(poster->loop, &poster->tasks[i].task);
    }
    return NULL;
}

TEST(loop, posts_of_each_thread_arrive_in_their_order)
{
    struct loop *loop = posted_to = loop_new();
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];

    arrived = 0;
    memset(last_number, 0, sizeof(last_number));
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){loop, calloc(POSTS, sizeof(struct numbered)), i};
        CHECK(pthread_create(&threads[i], NULL, post_all, &posters[i]) == 0);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        free(posters[i].tasks);
    }
    CHECK_INT(arrived, POSTS * POSTERS);
    loop_free(loop);
}

static struct loop *to_stop;

static void *stop_it(void *user)
{
    (void)user;
    loop_stop(to_stop);
    return NULL;
}

TEST(loop, another_thread_stops_a_loop_that_sleeps)
{
    pthread_t thread;

    to_stop = loop_new();
    CHECK(pthread_create(&thread, NULL, stop_it, NULL) == 0);
    loop_run(to_stop);
    pthread_join(thread, NULL);
    loop_free(to_stop);
}
