#include "client-go-like/config/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

static bool is_named(const char *line, char *const *env)
{
    for (; *env != NULL; env++) {
        size_t len = strcspn(*env, "=") + 1;

        if (strncmp(line, *env, len) == 0)
            return true;
    }
    return false;
}

/* The child's environment: its array is the caller's to free, the lines are borrowed. */
static char **join_env(char *const *env)
{
    size_t count = 1, at = 0;
    char **all;

    for (char *const *it = env; *it != NULL; it++)
        count++;
    for (char *const *it = environ; it != NULL && *it != NULL; it++)
        count++;
    if ((all = malloc(count * sizeof(*all))) == NULL)
        return NULL;
    for (char *const *it = env; *it != NULL; it++)
        all[at++] = *it;
    for (char *const *it = environ; it != NULL && *it != NULL && at + 1 < count; it++)
        if (!is_named(*it, env))
            all[at++] = *it;
    all[at] = NULL;
    return all;
}

/* What the program blocks or ignores is none of the child's business. */
static int set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    return rc != 0 ? rc
                   : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn_with(const struct child *child, int out, char *const *env, posix_spawnattr_t *attr,
                      pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);

    if (rc != 0)
        return rc;
    rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (rc == 0)
        rc = posix_spawnp(ret_pid, child->args[0], &actions, attr, child->args, env);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int spawn(const struct child *child, int out, pid_t *ret_pid)
{
    char **env = join_env(child->env);
    posix_spawnattr_t attr;
    int rc = env != NULL ? posix_spawnattr_init(&attr) : ENOMEM;

    if (rc == 0) {
        rc = set_signals(&attr);
        if (rc == 0)
            rc = spawn_with(child, out, env, &attr, ret_pid);
        posix_spawnattr_destroy(&attr);
    }
    free(env);
    return rc;
}

/* Waits until `fd` is readable. */
static bool wait_for(int fd, uint64_t until_ms)
{
    struct pollfd row = {fd, POLLIN, 0};

    for (;;) {
        uint64_t now = clock_monotonic_ms();
        int rc = now < until_ms ? poll(&row, 1, (int)(until_ms - now)) : 0;

        if (rc >= 0 || errno != EINTR)
            return rc > 0;
    }
}

static tw_status read_output(const struct child *child, int fd, uint64_t until_ms,
                             struct buf *output, tw_error **reterr)
{
    for (;;) {
        ssize_t got;

        if (!wait_for(fd, until_ms))
            return tw_fail(reterr, TW_ERR_TIMEOUT, "exec: executable %s does not end in %u s",
                           child->args[0], child->time_ms / 1000);
        if (!buf_reserve(output, 4096))
            return tw_fail_no_memory(reterr);
        got = read(fd, output->data + output->len, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return TW_OK;
        output->len += (size_t)got;
        if (output->len > child->output_max)
            return tw_fail(reterr, TW_ERR_CONFIG, "exec: executable %s prints more than %zu bytes",
                           child->args[0], child->output_max);
    }
}

/* Its output may end before it does. A program that ignores SIGCHLD has no exit codes: then what
 * was printed must speak for itself. */
static tw_status reap(const struct child *child, pid_t pid, uint64_t until_ms, tw_error **reterr)
{
    int fd = pidfd_open(pid, 0), code = 0;
    bool in_time = fd < 0 || wait_for(fd, until_ms);

    if (fd >= 0)
        close(fd);
    if (!in_time)
        kill(pid, SIGKILL);
    while (waitpid(pid, &code, 0) < 0 && errno == EINTR)
        ;
    if (!in_time)
        return tw_fail(reterr, TW_ERR_TIMEOUT, "exec: executable %s does not end in %u s",
                       child->args[0], child->time_ms / 1000);
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0)
        return TW_OK;
    return tw_fail(reterr, TW_ERR_CONFIG, "exec: executable %s failed with %s %d", child->args[0],
                   WIFEXITED(code) ? "exit code" : "signal",
                   WIFEXITED(code) ? WEXITSTATUS(code) : WTERMSIG(code));
}

tw_status child_run(const struct child *child, struct buf *output, bool *ret_missing,
                    tw_error **reterr)
{
    uint64_t until_ms = clock_monotonic_ms() + child->time_ms;
    int ends[2], rc;
    pid_t pid = 0;
    tw_status st;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return tw_fail(reterr, TW_ERR_CONFIG, "exec: pipe: %s", strerror(errno));
    rc = spawn(child, ends[1], &pid);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        *ret_missing = rc == ENOENT;
        return rc == ENOMEM ? tw_fail_no_memory(reterr)
                            : tw_fail(reterr, TW_ERR_CONFIG, "exec: executable %s: %s",
                                      child->args[0], strerror(rc));
    }
    st = read_output(child, ends[0], until_ms, output, reterr);
    close(ends[0]);
    if (st != TW_OK) {
        kill(pid, SIGKILL);
        (void)reap(child, pid, until_ms, NULL);
        return st;
    }
    return reap(child, pid, until_ms, reterr);
}
