/*
 * trace - what a run of the store did to the disk, call by call, and what it had promised by then.
 *
 *   sqlite   --xWrite, xTruncate, xSync, xDelete--> vfs.c ---+
 *   storage  --open, pwrite, fsync, rename, link--> posix.c -+--> struct trace --> image.h
 *   on_batch() ---------------- acknowledged ----------------+
 *
 * Shape    files are numbered, names are bound to them: a rename or a link moves no bytes.
 * Owner    the trace owns its bytes; trace_free() frees them.
 * Threads  one trace is recorded at a time, by any threads; then it is read by one.
 */
#ifndef TIDEWATCH_TESTS_FAULT_CRASH_TRACE_H
#define TIDEWATCH_TESTS_FAULT_CRASH_TRACE_H

#include "base/bytes.h"

enum { TRACE_FILES_MAX = 64, TRACE_NAMES_MAX = 32, TRACE_NAME_LEN = 48, TRACE_NO_FILE = -1 };

enum trace_kind {
    TRACE_WRITE,
    TRACE_TRUNCATE,    /* `at`: the new size */
    TRACE_SYNC,        /* of one file: what it holds, and its size */
    TRACE_NAMES,       /* bindings, all of them or none */
    TRACE_SYNC_FOLDER, /* of all bindings */
    TRACE_ACKED,       /* up to `rev` all is promised; so is a floor */
    TRACE_COPIED,      /* a backup is promised, under its name */
};

struct binding {
    int name, file; /* TRACE_NO_FILE: the name is gone */
};

struct trace_event {
    enum trace_kind kind;
    int file;
    int64_t at;
    size_t len, data; /* WRITE: `len` bytes at trace.data + data */
    struct binding bind[2];
    int bind_count;
    uint64_t rev, floor;
};

/* A file that was there before, and on the disk. */
struct trace_origin {
    char *data;
    size_t len;
    int name; /* TRACE_NO_FILE: it was made later */
};

struct trace {
    struct trace_event *events;
    size_t count, capacity;
    char *data;
    size_t data_len, data_capacity;
    char names[TRACE_NAMES_MAX][TRACE_NAME_LEN];
    int name_count;
    int bound[TRACE_NAMES_MAX]; /* name -> file, now */
    struct trace_origin origins[TRACE_FILES_MAX];
    int file_count;
    char folder[128];
};

/* Switches of a bug put in on purpose: each is a promise of the disk that is not asked for, or of
 * the store that is made too early. */
enum plant {
    PLANT_NONE,
    PLANT_SYNCHRONOUS_OFF,     /* sqlite is told not to sync */
    PLANT_SYNCHRONOUS_NORMAL,  /* sqlite is told to sync in checkpoints only */
    PLANT_ACK_EARLY,           /* a write is acknowledged when it is submitted */
    PLANT_UNSYNCED_CHECKPOINT, /* the database is not synced before its log begins anew */
    PLANT_UNSYNCED_LOCK,       /* the lock file is not synced */
    PLANT_UNSYNCED_BACKUP,     /* a backup gets its name before it is synced */
    PLANT_FORGOTTEN_RUN,       /* the lock file gives a run up before the database has the next */
    PLANT_UNSYNCED_CREATION,   /* a store gets its name before it is synced */
    PLANT_COUNT,
};
extern enum plant trace_plant;

/* Records what happens in `folder`, where nothing may be open, from here to trace_end(). */
void trace_begin(struct trace *trace, const char *folder);
void trace_end(void);
void trace_free(struct trace *trace);
/* What is being recorded, for a look; NULL: nothing. */
const struct trace *trace_current(void);

/* For vfs.c and posix.c; nothing happens when nothing is recorded, or `file` is none. */
int trace_file_at(const char *path); /* by its name now; TRACE_NO_FILE: not in the folder */
int trace_open(const char *path, bool create, bool truncate);
void trace_write(int file, const void *data, size_t len, int64_t at);
void trace_truncate(int file, int64_t size);
void trace_sync(int file);
void trace_sync_folder(void);
void trace_unlink(const char *path);
void trace_link(const char *from, const char *to, bool moves);
bool trace_is_folder(const char *path);
/* For the workload. */
void trace_acked(uint64_t rev, uint64_t floor);
void trace_copied(const char *path);

/* vfs.c: sqlite's default is the one that records, or the real one. */
void vfs_record(bool on);
/* After so many writes the disk is full; -1: it is not. */
void vfs_fill(int writes);

#endif
