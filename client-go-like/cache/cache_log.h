/*
 * cache_log - the file in which an informer keeps its objects: a snapshot, and what came after it.
 * Internal.
 *
 *   HEADER, PUT.., VERSION,   PUT, VERSION, DELETE, VERSION, ..
 *   '-- written whole, fsync, rename --'  '-- appended --'
 *
 * Shape    records of length, type, checksum and text. A checksum covers all records before it too.
 *          What counts ends at the last VERSION: any such prefix was the state at that version, so
 * a tail that is cut off costs nothing but a longer watch. Owner    in place. What is appended is
 * in memory until cache_log_flush(). Threads  one. Errors   errno in words. A log that cannot be
 * written is closed; what the file has stays right. A record that is whole but has another checksum
 * makes the file unusable.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_CACHE_LOG_H
#define TIDEWATCH_CLIENT_CACHE_CACHE_LOG_H

#include <tidewatch/indexer.h>

#include "base/buf.h"
#include "client-go-like/cache/object_map.h"

enum cache_record {
    CACHE_HEADER = 'H', /* what the objects are of: other words, other objects */
    CACHE_PUT = 'P',    /* an object */
    CACHE_DELETE = 'D', /* a key */
    CACHE_VERSION = 'V',
};

struct cache_log {    /* zeroed is closed */
    const char *path; /* borrowed */
    int fd;           /* 0: closed */
    uint64_t sum;     /* of the last record */
    struct buf pending;
    uint64_t snapshot_len, log_len; /* bytes */
};

/* Reads a file and leaves it open for more. TW_END, and closed: there is none, or it cannot be
 * used, for the reason in *reterr. */
tw_status cache_log_load(struct cache_log *log, const char *path, struct bytes header,
                         struct object_map *objects, char **ret_version, tw_error **reterr);
/* Replaces the file by what `snapshot` shows. */
tw_status cache_log_rewrite(struct cache_log *log, const char *path, struct bytes header,
                            const tw_snapshot *snapshot, const char *version, tw_error **reterr);
/* Does nothing while closed. */
void cache_log_append(struct cache_log *log, enum cache_record type, struct bytes text);
void cache_log_append_object(struct cache_log *log, const tw_object *object, struct buf *scratch);
tw_status cache_log_flush(struct cache_log *log, tw_error **reterr);
/* What is not flushed is lost. */
void cache_log_close(struct cache_log *log);

#endif
