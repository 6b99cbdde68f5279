/*
 * The same for the files that storage writes by itself: the lock file, the folder, a copy's name.
 * The linker puts these in the place of the calls of the same name (tests/CMakeLists.txt).
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/rand.h"
#include "trace.h"

enum { FDS_MAX = 1024, IS_FOLDER = -2 };

static int files[FDS_MAX]; /* fd -> file, less 1: what is not ours is 0 */

int __real_open(const char *path, int flags, ...);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t at);
int __real_ftruncate(int fd, off_t size);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **),
                        void *user, char **ret_error);

int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **),
                        void *user, char **ret_error);

static int file_of(int fd)
{
    return fd >= 0 && fd < FDS_MAX ? files[fd] - 1 : TRACE_NO_FILE;
}

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    int fd;

    if ((flags & O_CREAT) != 0) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    fd = __real_open(path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX)
        files[fd] = trace_is_folder(path)
                        ? IS_FOLDER + 1
                        : trace_open(path, (flags & O_CREAT) != 0, (flags & O_TRUNC) != 0) + 1;
    return fd;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
    char text[2 * (UUID_LEN + 1)];
    ssize_t done;

    if (trace_plant == PLANT_FORGOTTEN_RUN && file_of(fd) >= 0 && len == sizeof(text)) {
        memcpy(text, data, len);
        memset(text, ' ', UUID_LEN);
        data = text;
    }
    done = __real_pwrite(fd, data, len, at);
    if (done > 0)
        trace_write(file_of(fd), data, (size_t)done, at);
    return done;
}

int __wrap_ftruncate(int fd, off_t size)
{
    int rc = __real_ftruncate(fd, size);

    if (rc == 0)
        trace_truncate(file_of(fd), size);
    return rc;
}

int __wrap_fsync(int fd)
{
    int rc = __real_fsync(fd);

    if (rc == 0 && file_of(fd) == IS_FOLDER)
        trace_sync_folder();
    else if (rc == 0)
        trace_sync(file_of(fd));
    return rc;
}

int __wrap_rename(const char *from, const char *to)
{
    int rc = __real_rename(from, to);

    if (rc == 0)
        trace_link(from, to, true);
    return rc;
}

int __wrap_link(const char *from, const char *to)
{
    int rc = __real_link(from, to);

    if (rc == 0)
        trace_link(from, to, false);
    return rc;
}

int __wrap_unlink(const char *path)
{
    int rc = __real_unlink(path);

    if (rc == 0)
        trace_unlink(path);
    return rc;
}

/* Where the two bugs are planted that make sqlite itself promise less. */
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **),
                        void *user, char **ret_error)
{
    static const char full[] = "synchronous = FULL";
    const char *at = strstr(sql, full);
    char weak[512];

    if (at != NULL && trace_current() != NULL &&
        (trace_plant == PLANT_SYNCHRONOUS_OFF || trace_plant == PLANT_SYNCHRONOUS_NORMAL)) {
        snprintf(weak, sizeof(weak), "%.*ssynchronous = %s%s", (int)(at - sql), sql,
                 trace_plant == PLANT_SYNCHRONOUS_OFF ? "OFF" : "NORMAL", at + strlen(full));
        sql = weak;
    }
    return __real_sqlite3_exec(db, sql, each, user, ret_error);
}
