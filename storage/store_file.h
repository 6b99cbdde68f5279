/*
 * store_file - a store's file as a whole: is it intact, and how to copy it.
 *
 *   a store, served or not --store_file_backup()--> one file --store_file_restore()--> a new store
 *   a store that nobody serves, or a backup --store_file_reseal()--> the same under another key
 *
 * Backup   one moment of the store, however long copying takes and whatever is written meanwhile. A
 *          copy is checked before it gets its name, and says of itself that it is one: a server
 *          that opens it begins its history anew, far above every revision anyone can have seen.
 * Threads  any; a server may have the file open in another process, but for a restore.
 * Sealed   values (sealing.h) are copied as they are, and need no keys for it.
 * Errors   CORRUPT names the first thing that is wrong; SEALED: a key is missing; CONFLICT: in use,
 *          or there already; IO, NO_SPACE. Nothing is left behind by a failure.
 */
#ifndef TIDEWATCH_STORAGE_STORE_FILE_H
#define TIDEWATCH_STORAGE_STORE_FILE_H

#include "base/error.h"
#include "storage/sealing.h"

/* How many changes have a value that is sealed with a key. */
struct store_file_key {
    char id[SEALING_ID_MAX + 1]; /* "": not sealed */
    uint64_t changes;
};
enum { STORE_FILE_KEYS_MAX = 32 };

struct store_file_report {
    uint64_t objects, changes; /* current ones; rows of the log */
    uint64_t committed, floor; /* newest revision, and the oldest that can be read */
    bool served;               /* a process has it open */
    struct store_file_key
        keys[STORE_FILE_KEYS_MAX]; /* the last one has the rest, if there are more */
    size_t key_count;
};

/* Called now and then while it works. */
typedef void store_file_progress(void *user, const char *doing, uint64_t done, uint64_t all);

struct store_file_watcher {
    store_file_progress *progress; /* NULL: nobody looks */
    void *user;
};
void store_file_tell(const struct store_file_watcher *watcher, const char *doing, uint64_t done,
                     uint64_t all);

/* Every page, every row against its checksum, the order of revisions, what each row replaces. With
 * a sealing every sealed value is opened, too. */
MUST_CHECK enum status store_file_verify(const char *path, const struct sealing *sealing,
                                         const struct store_file_watcher *watcher,
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
/* Writes every value anew, history included, as the sealing says. The file is replaced by another,
 * once that is whole and checked. */
MUST_CHECK enum status store_file_reseal(const char *path, const struct sealing *sealing,
                                         const struct store_file_watcher *watcher,
                                         struct store_file_report *ret_report,
                                         struct error *reterr);

#endif
