/*
 * fault_vfs - a layer under sqlite that fails, or ends the process, at a chosen call of the disk.
 *
 *   sqlite --xWrite, xTruncate, xSync--> fault_step(): n-th call? --> fail | die torn | the real
 * one
 *
 * With `keep_durable` it also keeps, beside each file, a copy of what a power cut would leave: the
 * contents at the last sync. fault_cut_power() puts those copies into place.
 */
#ifndef TIDEWATCH_TESTS_UNIT_STORAGE_FAULT_VFS_H
#define TIDEWATCH_TESTS_UNIT_STORAGE_FAULT_VFS_H

#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault_call { FAULT_WRITE = 1, FAULT_SYNC = 2, FAULT_TRUNCATE = 4 };

static struct fault_plan {
    atomic_int calls; /* enum fault_call that count; 0: none */
    atomic_int after; /* so many pass, then it strikes */
    atomic_int error; /* what sqlite is told; 0: the process ends */
    atomic_int counted;
    bool keep_durable;
} fault_plan;

struct fault_file {
    sqlite3_file base;
    const char *name;
    sqlite3_file *real;
};

static sqlite3_vfs fault_vfs, *fault_real_vfs;
static sqlite3_io_methods fault_methods;

/* At once: no exit handler, and no sanitizer's, comes between. */
static inline void fault_die(void)
{
    syscall(SYS_exit_group, 9);
}

/* SQLITE_OK: go on. */
static inline int fault_step(enum fault_call call)
{
    if ((fault_plan.calls & (int)call) == 0 ||
        atomic_fetch_add(&fault_plan.counted, 1) < fault_plan.after)
        return SQLITE_OK;
    return fault_plan.error != 0 ? fault_plan.error : -1;
}

static inline sqlite3_file *fault_real(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static inline void fault_copy(const char *from, const char *to)
{
    static char block[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t len;

    if (in < 0 || out < 0)
        abort();
    while ((len = read(in, block, sizeof(block))) > 0)
        if (write(out, block, (size_t)len) != len)
            abort();
    close(in);
    close(out);
}

static inline int fault_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    int rc = fault_step(FAULT_WRITE);

    if (rc == -1) {
        fault_real(file)->pMethods->xWrite(fault_real(file), data, len / 2, at); /* torn */
        fault_die();
    }
    return rc != SQLITE_OK ? rc
                           : fault_real(file)->pMethods->xWrite(fault_real(file), data, len, at);
}

static inline int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = fault_step(FAULT_TRUNCATE);

    if (rc == -1)
        fault_die();
    return rc != SQLITE_OK ? rc : fault_real(file)->pMethods->xTruncate(fault_real(file), size);
}

static inline int fault_sync(sqlite3_file *file, int flags)
{
    const char *name = ((struct fault_file *)file)->name;
    int rc = fault_step(FAULT_SYNC);
    char durable[256];

    if (rc == -1)
        fault_die();
    if (rc == SQLITE_OK)
        rc = fault_real(file)->pMethods->xSync(fault_real(file), flags);
    if (rc == SQLITE_OK && fault_plan.keep_durable && name != NULL) {
        snprintf(durable, sizeof(durable), "%s.durable", name);
        fault_copy(name, durable);
    }
    return rc;
}

static inline int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    char durable[256];

    (void)vfs;
    snprintf(durable, sizeof(durable), "%s.durable", name);
    unlink(durable);
    return fault_real_vfs->xDelete(fault_real_vfs, name, sync_folder);
}

/* The calls that are only handed on. */
#define FAULT_PASS(method, params, args)                                                           \
    static inline int fault_##method params                                                        \
    {                                                                                              \
        return fault_real(file)->pMethods->method args;                                            \
    }
#define FAULT_REAL fault_real(file)
FAULT_PASS(xRead, (sqlite3_file * file, void *data, int len, sqlite3_int64 at),
           (FAULT_REAL, data, len, at))
FAULT_PASS(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), (FAULT_REAL, size))
FAULT_PASS(xLock, (sqlite3_file * file, int lock), (FAULT_REAL, lock))
FAULT_PASS(xUnlock, (sqlite3_file * file, int lock), (FAULT_REAL, lock))
FAULT_PASS(xCheckReservedLock, (sqlite3_file * file, int *ret), (FAULT_REAL, ret))
FAULT_PASS(xFileControl, (sqlite3_file * file, int op, void *arg), (FAULT_REAL, op, arg))
FAULT_PASS(xSectorSize, (sqlite3_file * file), (FAULT_REAL))
FAULT_PASS(xDeviceCharacteristics, (sqlite3_file * file), (FAULT_REAL))
FAULT_PASS(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **ret),
           (FAULT_REAL, page, size, extend, ret))
FAULT_PASS(xShmLock, (sqlite3_file * file, int at, int n, int flags), (FAULT_REAL, at, n, flags))
FAULT_PASS(xShmUnmap, (sqlite3_file * file, int remove), (FAULT_REAL, remove))

static inline void fault_xShmBarrier(sqlite3_file *file)
{
    fault_real(file)->pMethods->xShmBarrier(fault_real(file));
}

static inline int fault_close(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xClose(fault_real(file));
}

static inline int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                             int *out_flags)
{
    struct fault_file *self = (struct fault_file *)file;
    int rc;

    (void)vfs;
    self->name = name;
    self->real = (sqlite3_file *)(self + 1);
    rc = fault_real_vfs->xOpen(fault_real_vfs, name, self->real, flags, out_flags);
    self->base.pMethods = rc == SQLITE_OK ? &fault_methods : NULL;
    return rc;
}

/* From here on sqlite runs on it, and nothing strikes yet. */
static inline void fault_vfs_use(void)
{
    fault_plan = (struct fault_plan){0};
    if (fault_real_vfs != NULL)
        return;
    fault_real_vfs = sqlite3_vfs_find(NULL);
    fault_vfs = *fault_real_vfs;
    fault_vfs.zName = "fault";
    fault_vfs.pNext = NULL;
    fault_vfs.szOsFile += (int)sizeof(struct fault_file);
    fault_vfs.xOpen = fault_open;
    fault_vfs.xDelete = fault_delete;
    fault_methods = (sqlite3_io_methods){
        .iVersion = 2, /* no xFetch: reads go through xRead */
        .xClose = fault_close,
        .xRead = fault_xRead,
        .xWrite = fault_write,
        .xTruncate = fault_truncate,
        .xSync = fault_sync,
        .xFileSize = fault_xFileSize,
        .xLock = fault_xLock,
        .xUnlock = fault_xUnlock,
        .xCheckReservedLock = fault_xCheckReservedLock,
        .xFileControl = fault_xFileControl,
        .xSectorSize = fault_xSectorSize,
        .xDeviceCharacteristics = fault_xDeviceCharacteristics,
        .xShmMap = fault_xShmMap,
        .xShmLock = fault_xShmLock,
        .xShmBarrier = fault_xShmBarrier,
        .xShmUnmap = fault_xShmUnmap,
    };
    sqlite3_vfs_register(&fault_vfs, 1);
}

/* After `after` of the `calls` the next ones fail with `error`, or end the process with 0. */
static inline void fault_arm(int calls, int after, int error)
{
    fault_plan.counted = 0;
    fault_plan.after = after;
    fault_plan.error = error;
    fault_plan.calls = calls;
}

static inline void fault_disarm(void)
{
    fault_plan.calls = 0;
}

/* Leaves of the database at `path` what was synced. */
static inline void fault_cut_power(const char *path)
{
    static const char *const suffixes[] = {"", "-wal"};
    char name[256], durable[300];

    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        snprintf(durable, sizeof(durable), "%s.durable", name);
        if (access(durable, F_OK) == 0)
            fault_copy(durable, name);
        else if (access(name, F_OK) == 0 && truncate(name, 0) != 0)
            abort();
        unlink(durable);
    }
    snprintf(name, sizeof(name), "%s-shm", path);
    unlink(name);
}

#endif
