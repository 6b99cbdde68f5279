/*
 * store_file - a store's file as a whole: is it intact, and how to copy it.
 *
 *   a store, served or not --store_file_backup()--> one file --store_file_restore()--> a new store
 *
 * Backup   one moment of the store, however long copying takes and whatever is written meanwhile. A
 *          copy is checked before it gets its name, and says of itself that it is one: a server
 *          that opens it begins its history anew, far above every revision anyone can have seen.
 * Threads  any; a server may have the file open in another process, but for a restore.
 * Errors   CORRUPT names the first thing that is wrong; CONFLICT: in use, or there already; IO,
 *          NO_SPACE. Nothing is left behind by a failure.
 */
#ifndef TIDEWATCH_STORAGE_STORE_FILE_H
#define TIDEWATCH_STORAGE_STORE_FILE_H

#include "base/error.h"

struct store_file_report {
    uint64_t objects, changes; /* current ones; rows of the log */
    uint64_t committed, floor; /* newest revision, and the oldest that can be read */
    bool served;               /* a process has it open */
};

/* Called now and then while it works. */
typedef void store_file_progress(void *user, const char *doing, uint64_t done, uint64_t all);

struct store_file_watcher {
    store_file_progress *progress; /* NULL: nobody looks */
    void *user;
};

/* Every page, every row against its checksum, the order of revisions, what each row replaces. */
MUST_CHECK enum status store_file_verify(const char *path, const struct store_file_watcher *watcher,
                                         struct store_file_report *ret_report,
                                         struct error *reterr);
/* `to` must not exist. */
MUST_CHECK enum status store_file_backup(const char *path, const char *to,
                                         const struct store_file_watcher *watcher,
                                         struct store_file_report *ret_report,
                                         struct error *reterr);
/* A backup becomes the store at `path`, where none may be. */
MUST_CHECK enum status store_file_restore(const char *backup, const char *path,
                                          const struct store_file_watcher *watcher,
                                          struct store_file_report *ret_report,
                                          struct error *reterr);

#endif
