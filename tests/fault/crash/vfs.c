/*
 * The layer under sqlite: hands every call on to the real one, and notes those that change a file.
 *
 * Noted when the real call has come back and was done; that a crash may come between, or in the
 * midst of it, is the replayer's to think of. The store's writer lays out its log's room through
 * the same methods.
 */
#include <sqlite3.h>
#include <stdatomic.h>

#include "trace.h"

struct vfs_file {
    sqlite3_file base;
    sqlite3_file *real;
    int file;
};

static atomic_int room = -1; /* writes until the disk is full; -1: it never is */
static sqlite3_vfs vfs, *real_vfs;
static sqlite3_io_methods methods;

static struct vfs_file *self_of(sqlite3_file *file)
{
    return (struct vfs_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return self_of(file)->real;
}

void vfs_fill(int writes)
{
    atomic_store(&room, writes);
}

static int vfs_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    int rc, left = atomic_load(&room);

    if (left == 0)
        return SQLITE_FULL;
    if (left > 0)
        atomic_store(&room, left - 1); /* one thread writes */
    rc = real_of(file)->pMethods->xWrite(real_of(file), data, len, at);

    if (rc == SQLITE_OK)
        trace_write(self_of(file)->file, data, (size_t)len, at);
    return rc;
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = real_of(file)->pMethods->xTruncate(real_of(file), size);

    if (rc == SQLITE_OK)
        trace_truncate(self_of(file)->file, size);
    return rc;
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    int rc = real_of(file)->pMethods->xSync(real_of(file), flags);

    /* With the first sync of a new log sqlite's unix layer syncs the folder, but does not say when
     * that fails: not noted, so that storage must do it by itself. */
    if (rc == SQLITE_OK)
        trace_sync(self_of(file)->file);
    return rc;
}

static int vfs_delete(sqlite3_vfs *unused, const char *name, int sync_folder)
{
    int rc = real_vfs->xDelete(real_vfs, name, sync_folder);

    (void)unused;
    if (rc != SQLITE_OK)
        return rc;
    trace_unlink(name);
    if (sync_folder)
        trace_sync_folder();
    return rc;
}

/* The calls that are only handed on. */
#define PASS(method, params, args)                                                                 \
    static int pass_##method params                                                                \
    {                                                                                              \
        return real_of(file)->pMethods->method args;                                               \
    }
#define REAL real_of(file)
PASS(xRead, (sqlite3_file * file, void *data, int len, sqlite3_int64 at), (REAL, data, len, at))
PASS(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), (REAL, size))
PASS(xLock, (sqlite3_file * file, int lock), (REAL, lock))
PASS(xUnlock, (sqlite3_file * file, int lock), (REAL, lock))
PASS(xCheckReservedLock, (sqlite3_file * file, int *ret), (REAL, ret))
PASS(xFileControl, (sqlite3_file * file, int op, void *arg), (REAL, op, arg))
PASS(xSectorSize, (sqlite3_file * file), (REAL))
PASS(xDeviceCharacteristics, (sqlite3_file * file), (REAL))
PASS(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **ret),
     (REAL, page, size, extend, ret))
PASS(xShmLock, (sqlite3_file * file, int at, int n, int flags), (REAL, at, n, flags))
PASS(xShmUnmap, (sqlite3_file * file, int remove), (REAL, remove))
PASS(xClose, (sqlite3_file * file), (REAL))

static void pass_xShmBarrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int vfs_open(sqlite3_vfs *unused, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct vfs_file *self = self_of(file);
    int rc;

    (void)unused;
    self->real = (sqlite3_file *)(self + 1);
    rc = real_vfs->xOpen(real_vfs, name, self->real, flags, out_flags);
    self->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
    self->file = TRACE_NO_FILE;
    if (rc == SQLITE_OK && name != NULL)
        self->file = trace_open(name, (flags & SQLITE_OPEN_CREATE) != 0, false);
    return rc;
}

static void make_vfs(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "trace";
    vfs.pNext = NULL;
    vfs.szOsFile += (int)sizeof(struct vfs_file);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    methods = (sqlite3_io_methods){
        .iVersion = 2, /* no xFetch: nothing is read, or written, by a mapping */
        .xClose = pass_xClose,
        .xRead = pass_xRead,
        .xWrite = vfs_write,
        .xTruncate = vfs_truncate,
        .xSync = vfs_sync,
        .xFileSize = pass_xFileSize,
        .xLock = pass_xLock,
        .xUnlock = pass_xUnlock,
        .xCheckReservedLock = pass_xCheckReservedLock,
        .xFileControl = pass_xFileControl,
        .xSectorSize = pass_xSectorSize,
        .xDeviceCharacteristics = pass_xDeviceCharacteristics,
        .xShmMap = pass_xShmMap,
        .xShmLock = pass_xShmLock,
        .xShmBarrier = pass_xShmBarrier,
        .xShmUnmap = pass_xShmUnmap,
    };
    sqlite3_vfs_register(&vfs, 0);
}

void vfs_record(bool on)
{
    if (real_vfs == NULL)
        make_vfs();
    sqlite3_vfs_register(on ? &vfs : real_vfs, 1);
}
