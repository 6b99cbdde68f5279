#include "unit/test.h"

#include <semaphore.h>

#include "unit/apiserver/watch/fake.h"

struct count_job {
    struct history_job job;
    struct storage *storage;
    bool ran;
    int *done;
};

static void run(struct history_job *job, struct storage *storage)
{
    struct count_job *self = container_of(job, struct count_job, job);

    self->storage = storage;
    self->ran = true;
}

static void on_done(struct history_job *job)
{
    struct count_job *self = container_of(job, struct count_job, job);

    CHECK(self->ran);
    ++*self->done;
}

TEST(history, every_job_runs_once_and_comes_back_to_its_loop)
{
    enum { JOBS = 500 };
    static struct loop loops[2];
    static struct count_job jobs[JOBS];
    int marker, done[2] = {0};
    struct storage *storage = (struct storage *)&marker;
    struct history *history = history_new(storage, 3);

    fake_loop_init(&loops[0]);
    fake_loop_init(&loops[1]);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct count_job){{.run = run, .on_done = on_done, .loop = &loops[i % 2]},
                                     .done = &done[i % 2]};
        history_submit(history, &jobs[i].job);
    }
    for (int i = 0; i < 2; i++) {
        while (done[i] < JOBS / 2) {
            CHECK(fake_wait_for_post(&loops[i]));
            fake_settle(&loops[i]);
        }
    }
    for (int i = 0; i < JOBS; i++)
        CHECK(jobs[i].storage == storage);
    history_free(history);
    CHECK(!fake_turn(&loops[0]) && !fake_turn(&loops[1]));
}

TEST(history, one_that_ends_drops_what_it_has_not_begun)
{
    enum { JOBS = 2000 };
    static struct loop loop;
    static struct count_job jobs[JOBS];
    int done = 0, ran = 0;
    struct history *history = history_new(NULL, 1);

    fake_loop_init(&loop);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] =
            (struct count_job){{.run = run, .on_done = on_done, .loop = &loop}, .done = &done};
        history_submit(history, &jobs[i].job);
    }
    history_free(history);
    fake_settle(&loop);
    for (int i = 0; i < JOBS; i++)
        ran += jobs[i].ran;
    CHECK_INT(done, ran); /* what was run was answered, and nothing else */
}

TEST(history, an_idle_one_ends_at_once)
{
    history_free(history_new(NULL, 4));
    history_free(NULL);
}

/* One job that waits until all others stand behind it. */
struct gate {
    struct history_job job;
    sem_t begun, open;
};

static void stand_in_the_way(struct history_job *job, struct storage *storage)
{
    struct gate *gate = container_of(job, struct gate, job);

    (void)storage;
    sem_post(&gate->begun);
    sem_wait(&gate->open);
}

static char order[64];
static size_t served, answered;

static void count_answered(struct history_job *job)
{
    (void)job;
    answered++;
}

struct user_job {
    struct history_job job;
    char name;
};

static void note(struct history_job *job, struct storage *storage)
{
    (void)storage;
    order[served++] = container_of(job, struct user_job, job)->name;
}

static void check_served_as(const char *submitted, const char *expected)
{
    static struct loop loop;
    static struct user_job jobs[64];
    struct gate gate = {.job = {.run = stand_in_the_way, .on_done = count_answered, .loop = &loop}};
    struct history *history = history_new(NULL, 1);
    size_t count = strlen(submitted);

    fake_loop_init(&loop);
    sem_init(&gate.begun, 0, 0);
    sem_init(&gate.open, 0, 0);
    history_submit(history, &gate.job);
    sem_wait(&gate.begun);
    served = answered = 0;
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct user_job){
            {.run = note, .on_done = count_answered, .loop = &loop, .user = (uint64_t)submitted[i]},
            submitted[i]};
        history_submit(history, &jobs[i].job);
    }
    sem_post(&gate.open);
    while (answered < count + 1) {
        CHECK(fake_wait_for_post(&loop));
        fake_settle(&loop);
    }
    history_free(history);
    sem_destroy(&gate.begun);
    sem_destroy(&gate.open);
    CHECK_TEXT(bytes_of(order, served), expected);
}

TEST(history, users_take_turns)
{
    check_served_as("aaa", "aaa");
    check_served_as("aaaaab", "abaaaa");
    check_served_as("aaaabbc", "abcabaa");
    check_served_as("abababcc", "abcabcab");
}
