#include "unit/test.h"

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
