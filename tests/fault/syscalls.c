/*
 * syscalls - preloaded into a server: the n-th call on a file of its data folder fails, is cut
 * short, or is the last thing the process does.
 *
 *   FAULT_FOLDER   the folder        FAULT_CONTROL   a file of `struct control`, which the test
 * maps
 *
 * It ends the process by exit_group(): as sudden as SIGKILL, and allowed by the server's seccomp
 * filter, which no signal is.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum call {
    CALL_WRITE = 1,
    CALL_SYNC = 2,
    CALL_TRUNCATE = 4,
    CALL_OPEN = 8,
    CALL_NAME = 16,
    CALL_READ = 32,
    CALL_MAP = 64,
    CALL_SYNC_FOLDER = 128
};
enum action { ACTION_COUNT, ACTION_FAIL, ACTION_SHORT, ACTION_KILL, ACTION_TEAR, ACTION_LIE };
enum { FDS_MAX = 4096, KILLED = 99 };

static struct control {
    atomic_int calls; /* enum call that count; 0: none */
    atomic_int after; /* so many pass */
    atomic_int times; /* then so many are struck */
    atomic_int action, error;
    atomic_int counted, struck;
} unmapped, *control = &unmapped;

static atomic_bool ours[FDS_MAX];
static const char *folder;

static bool is_in_folder(const char *path)
{
    size_t len = folder != NULL ? strlen(folder) : 0;

    return len != 0 && path != NULL && strncmp(path, folder, len) == 0;
}

static bool is_ours(int fd)
{
    return fd >= 0 && fd < FDS_MAX && ours[fd];
}

static void die(void)
{
    syscall(SYS_exit_group, KILLED);
}

/* What is to be done with this call. ACTION_COUNT: nothing. */
static enum action step(enum call call, bool counts)
{
    int number;

    if (!counts || (control->calls & (int)call) == 0)
        return ACTION_COUNT;
    number = atomic_fetch_add(&control->counted, 1);
    if (control->action == ACTION_COUNT || number < control->after ||
        number >= control->after + control->times)
        return ACTION_COUNT;
    atomic_fetch_add(&control->struck, 1);
    if (control->action == ACTION_KILL)
        die();
    return (enum action)(int)control->action;
}

enum outcome { DO_IT, FAILED, DONE };

/* A call that has no bytes: it is done, it fails, or it says that it was done. */
static enum outcome outcome_of(enum call call, bool counts)
{
    if (step(call, counts) == ACTION_COUNT)
        return DO_IT;
    if (control->action == ACTION_LIE)
        return DONE;
    if (control->action != ACTION_FAIL)
        die();
    errno = control->error;
    return FAILED;
}

static bool fails(enum call call, bool counts)
{
    return outcome_of(call, counts) == FAILED;
}

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void setup(void)
{
    const char *path = getenv("FAULT_CONTROL");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd >= 0 ? mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                           : MAP_FAILED;

    if (shared != MAP_FAILED)
        control = shared;
    if (fd >= 0)
        close(fd);
    folder = getenv("FAULT_FOLDER");
}

static int note_open(int fd, const char *path)
{
    if (fd >= 0 && fd < FDS_MAX)
        ours[fd] = is_in_folder(path);
    return fd;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        mode_t mode = 0;                                                                           \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, flags);                                                                     \
        if ((flags & O_CREAT) != 0)                                                                \
            mode = va_arg(args, mode_t);                                                           \
        va_end(args);                                                                              \
        if (fails(CALL_OPEN, is_in_folder(path)))                                                  \
            return -1;                                                                             \
        return note_open(REAL(name)(path, flags, mode), path);                                     \
    }
OPEN(open)
OPEN(open64)

#define PWRITE(name, off)                                                                          \
    ssize_t name(int fd, const void *data, size_t len, off at)                                     \
    {                                                                                              \
        switch (step(CALL_WRITE, is_ours(fd))) {                                                   \
        case ACTION_FAIL:                                                                          \
            errno = control->error;                                                                \
            return -1;                                                                             \
        case ACTION_SHORT:                                                                         \
            return REAL(name)(fd, data, len > 1 ? len / 2 : len, at);                              \
        case ACTION_LIE:                                                                           \
            return (ssize_t)len;                                                                   \
        case ACTION_TEAR:                                                                          \
            if (REAL(name)(fd, data, len / 2, at) >= 0)                                            \
                die();                                                                             \
            return -1;                                                                             \
        default:                                                                                   \
            return REAL(name)(fd, data, len, at);                                                  \
        }                                                                                          \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PREAD(name, off)                                                                           \
    ssize_t name(int fd, void *data, size_t len, off at)                                           \
    {                                                                                              \
        switch (step(CALL_READ, is_ours(fd))) {                                                    \
        case ACTION_FAIL:                                                                          \
            errno = control->error;                                                                \
            return -1;                                                                             \
        case ACTION_SHORT:                                                                         \
            return REAL(name)(fd, data, len > 1 ? len / 2 : len, at);                              \
        default:                                                                                   \
            return REAL(name)(fd, data, len, at);                                                  \
        }                                                                                          \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

static enum call call_of_sync(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? CALL_SYNC_FOLDER : CALL_SYNC;
}

#define SIMPLE(name, call, counts, params, args)                                                   \
    int name params                                                                                \
    {                                                                                              \
        enum outcome outcome = outcome_of(call, counts);                                           \
                                                                                                   \
        return outcome == FAILED ? -1 : outcome == DONE ? 0 : REAL(name) args;                     \
    }
SIMPLE(fsync, call_of_sync(fd), is_ours(fd), (int fd), (fd))
SIMPLE(fdatasync, call_of_sync(fd), is_ours(fd), (int fd), (fd))
SIMPLE(ftruncate, CALL_TRUNCATE, is_ours(fd), (int fd, off_t size), (fd, size))
SIMPLE(ftruncate64, CALL_TRUNCATE, is_ours(fd), (int fd, off64_t size), (fd, size))
SIMPLE(rename, CALL_NAME, is_in_folder(to), (const char *from, const char *to), (from, to))
SIMPLE(link, CALL_NAME, is_in_folder(to), (const char *from, const char *to), (from, to))
SIMPLE(unlink, CALL_NAME, is_in_folder(path), (const char *path), (path))

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
    return fails(CALL_MAP, is_ours(fd)) ? MAP_FAILED
                                        : REAL(mmap64)(at, len, prot, flags, fd, offset);
}
