#include "storage/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static enum status io_error(struct error *reterr, const char *doing, const char *database)
{
    return error_set(reterr, errno == ENOSPC ? STATUS_NO_SPACE : STATUS_IO, "cannot %s %s.lock: %s",
                     doing, database, strerror(errno));
}

enum { TEXT_LEN = 2 * (UUID_LEN + 1) };

/* Up to two lines, a run each; whatever else it holds is no run we know. */
static void read_runs(struct lock_file *lock)
{
    char text[TEXT_LEN + 1] = {0};
    struct bytes rest;

    if (pread(lock->fd, text, sizeof(text) - 1, 0) < 0)
        return;
    rest = bytes_str(text);
    for (size_t i = 0; i < ARRAY_LEN(lock->runs); i++) {
        struct bytes line = bytes_cut(&rest, '\n');

        if (line.len == UUID_LEN)
            memcpy(lock->runs[i], line.ptr, UUID_LEN);
    }
}

enum status lock_file_open(struct lock_file *lock, const char *database, struct error *reterr)
{
    char *path;

    *lock = (struct lock_file){.fd = -1};
    if (asprintf(&path, "%s.lock", database) < 0)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (lock->fd < 0)
        return io_error(reterr, "open", database);
    if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
        enum status st = errno == EWOULDBLOCK
                             ? error_set(reterr, STATUS_CONFLICT,
                                         "another process has the store %s open", database)
                             : io_error(reterr, "lock", database);

        lock_file_close(lock);
        return st;
    }
    read_runs(lock);
    return STATUS_OK;
}

bool lock_file_knows(const struct lock_file *lock, const char *run)
{
    return strcmp(lock->runs[0], run) == 0 || strcmp(lock->runs[1], run) == 0;
}

/* Always as long as ever, so that there is no moment with new bytes and an old length, or the other
 * way round; and the old run first, since a file of an earlier program is shorter. */
enum status lock_file_write(struct lock_file *lock, const char *old_run, const char *new_run,
                            struct error *reterr)
{
    char text[TEXT_LEN + 1];

    snprintf(text, sizeof(text), "%-*s\n%-*s\n", UUID_LEN, old_run, UUID_LEN, new_run);
    if (pwrite(lock->fd, text, TEXT_LEN, 0) != TEXT_LEN || fsync(lock->fd) != 0)
        return io_error(reterr, "write", "the store's");
    snprintf(lock->runs[0], sizeof(lock->runs[0]), "%s", old_run);
    snprintf(lock->runs[1], sizeof(lock->runs[1]), "%s", new_run);
    return STATUS_OK;
}

void lock_file_close(struct lock_file *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}
