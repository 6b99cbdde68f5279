#include "apiserver/watch/history.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct history {
    struct storage *storage;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    struct history_job *first; /* by their rounds, which rise; each has one job of each user */
    uint64_t round;            /* of the job that was taken last */
    bool ending;
    unsigned thread_count;
    pthread_t threads[];
};

/* On the job's loop. */
static void answer(struct loop_task *task)
{
    struct history_job *job = container_of(task, struct history_job, task);

    job->on_done(job);
}

/* Waits for a job; NULL: the history ends. */
static struct history_job *next_job(struct history *history)
{
    struct history_job *job = NULL;

    pthread_mutex_lock(&history->lock);
    while (history->first == NULL && !history->ending)
        pthread_cond_wait(&history->work, &history->lock);
    if (!history->ending) {
        job = history->first;
        history->first = job->next;
        history->round = job->round;
    }
    pthread_mutex_unlock(&history->lock);
    return job;
}

static void *run_jobs(void *user)
{
    struct history *history = user;

    pthread_setname_np(pthread_self(), "history");
    for (struct history_job *job; (job = next_job(history)) != NULL;) {
        job->run(job, history->storage);
        job->task.run = answer;
        loop_post(job->loop, &job->task);
    }
    return NULL;
}

/* Signals are for the thread that waits for them. */
static bool start_threads(struct history *history, unsigned threads)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (history->thread_count < threads &&
           pthread_create(&history->threads[history->thread_count], NULL, run_jobs, history) == 0)
        history->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return history->thread_count == threads;
}

struct history *history_new(struct storage *storage, unsigned threads)
{
    struct history *history = calloc(1, sizeof(*history) + threads * sizeof(history->threads[0]));

    assert(threads > 0);
    if (history == NULL)
        return NULL;
    history->storage = storage;
    pthread_mutex_init(&history->lock, NULL);
    pthread_cond_init(&history->work, NULL);
    if (!start_threads(history, threads)) {
        history_free(history);
        return NULL;
    }
    return history;
}

/* Behind the last job of its round, which is the one after that of its user's last. There are as
 * many as requests and watches that read at once: few enough to walk. */
static void insert(struct history *history, struct history_job *job)
{
    struct history_job **at = &history->first;

    job->round = history->round;
    for (const struct history_job *it = history->first; it != NULL; it = it->next)
        if (it->user == job->user)
            job->round = it->round + 1;
    while (*at != NULL && (*at)->round <= job->round)
        at = &(*at)->next;
    job->next = *at;
    *at = job;
}

void history_submit(struct history *history, struct history_job *job)
{
    pthread_mutex_lock(&history->lock);
    insert(history, job);
    pthread_cond_signal(&history->work);
    pthread_mutex_unlock(&history->lock);
}

void history_free(struct history *history)
{
    if (history == NULL)
        return;
    pthread_mutex_lock(&history->lock);
    history->ending = true;
    pthread_cond_broadcast(&history->work);
    pthread_mutex_unlock(&history->lock);
    for (unsigned i = 0; i < history->thread_count; i++)
        pthread_join(history->threads[i], NULL);
    pthread_cond_destroy(&history->work);
    pthread_mutex_destroy(&history->lock);
    free(history);
}
