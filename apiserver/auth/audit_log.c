#include "apiserver/auth/audit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

enum { QUEUE_MAX = 16 << 20 };

struct audit_log {
    char *path;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t filled;
    struct buf queue;
    uint64_t lines;  /* in the queue */
    int fd, next_fd; /* next_fd: to go on with; or -1 */
    bool stopping;
    struct audit_log_stats stats;
};

static int open_file(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

enum status audit_log_open(const char *path, struct audit_log **ret_log, struct error *reterr)
{
    struct audit_log *log = calloc(1, sizeof(*log));

    if (log == NULL || (log->path = strdup(path)) == NULL) {
        free(log);
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    }
    log->next_fd = -1;
    log->fd = open_file(path);
    if (log->fd < 0) {
        error_set(reterr, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
        free(log->path);
        free(log);
        return STATUS_IO;
    }
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->filled, NULL);
    *ret_log = log;
    return STATUS_OK;
}

/* ---- the thread ---- */

static bool write_all(int fd, struct bytes text)
{
    while (text.len != 0) {
        ssize_t written = write(fd, text.ptr, text.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text = bytes_from(text, (size_t)written);
    }
    return true;
}

static void use_next_file(struct audit_log *log)
{
    if (log->next_fd < 0)
        return;
    close(log->fd);
    log->fd = log->next_fd;
    log->next_fd = -1;
}

/* Locked at both ends; not while it writes. */
static void write_queue(struct audit_log *log)
{
    struct buf taken = log->queue;
    uint64_t lines = log->lines;
    int fd = log->fd;
    bool fine;

    log->queue = (struct buf){0};
    log->lines = 0;
    pthread_mutex_unlock(&log->lock);
    fine = write_all(fd, buf_bytes(&taken));
    if (!fine)
        LOG_ERROR("audit events are lost", LOG_STR("file", log->path),
                  LOG_STR("why", strerror(errno)));
    buf_release(&taken);
    pthread_mutex_lock(&log->lock);
    *(fine ? &log->stats.written : &log->stats.dropped) += lines;
}

static void *run(void *user)
{
    struct audit_log *log = user;

    pthread_setname_np(pthread_self(), "audit");
    pthread_mutex_lock(&log->lock);
    while (!log->stopping || log->queue.len != 0) {
        use_next_file(log);
        if (log->queue.len != 0)
            write_queue(log);
        else
            pthread_cond_wait(&log->filled, &log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

enum status audit_log_start(struct audit_log *log, struct error *reterr)
{
    if (pthread_create(&log->thread, NULL, run, log) != 0)
        return error_set(reterr, STATUS_NO_MEMORY, "cannot start the thread of the audit log");
    log->running = true;
    return STATUS_OK;
}

/* ---- from outside ---- */

enum status audit_log_reopen(struct audit_log *log, struct error *reterr)
{
    int fd = open_file(log->path);

    if (fd < 0)
        return error_set(reterr, STATUS_IO, "cannot write %s: %s", log->path, strerror(errno));
    pthread_mutex_lock(&log->lock);
    if (log->next_fd >= 0)
        close(log->next_fd);
    log->next_fd = fd;
    pthread_cond_signal(&log->filled);
    pthread_mutex_unlock(&log->lock);
    return STATUS_OK;
}

void audit_log_append(struct audit_log *log, struct bytes line)
{
    pthread_mutex_lock(&log->lock);
    if (log->queue.len + line.len > QUEUE_MAX || !buf_reserve(&log->queue, line.len)) {
        log->queue.failed = false; /* what is in it stays whole */
        log->stats.dropped++;
    } else {
        buf_append_bytes(&log->queue, line);
        log->lines++;
        pthread_cond_signal(&log->filled);
    }
    pthread_mutex_unlock(&log->lock);
}

void audit_log_get_stats(struct audit_log *log, struct audit_log_stats *ret_stats)
{
    pthread_mutex_lock(&log->lock);
    *ret_stats = log->stats;
    pthread_mutex_unlock(&log->lock);
}

void audit_log_close(struct audit_log *log)
{
    if (log == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    pthread_cond_signal(&log->filled);
    pthread_mutex_unlock(&log->lock);
    if (log->running)
        pthread_join(log->thread, NULL);
    use_next_file(log);
    close(log->fd);
    buf_release(&log->queue);
    pthread_cond_destroy(&log->filled);
    pthread_mutex_destroy(&log->lock);
    free(log->path);
    free(log);
}
