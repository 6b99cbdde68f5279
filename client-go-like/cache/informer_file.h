/*
 * informer_file - keeps an informer's objects in a file, and gives them back after a restart.
 * Internal.
 *
 *   a handler of the informer --deltas--> cache_log        in the handler's thread
 *
 * A file is of one selection of objects of one server: its header says which, with the uid of the
 * namespace kube-system, as which a cluster is known. Where that may not be read it is left out.
 * The file is written anew when what was appended is more than the snapshot, and 1 MiB at least:
 * twice what changed is written in all.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_INFORMER_FILE_H
#define TIDEWATCH_CLIENT_CACHE_INFORMER_FILE_H

#include "client-go-like/cache/cache_log.h"
#include "client-go-like/cache/informer.h"

struct informer_file {
    tw_informer *informer;
    tw_client *client;
    char *path;
    struct buf selection; /* the header without the cluster */
    struct http *http;
    struct cache_log log; /* the handler's thread's, but for loading */
    struct buf scratch;
    uint64_t retry_ms;    /* no snapshot before that, after one that failed */
    uint64_t pause_ms;    /* that long after it; 0: none failed */
    bool checked;         /* `cluster` is what the server says */
    char *cluster;        /* its uid, "" if it may not be read; NULL: not asked yet */
    pthread_mutex_t lock; /* what follows */
    tw_informer_file_status status;
};

/* With `selection` (taken over) as what makes it another file. */
tw_status informer_file_new(tw_informer *informer, tw_client *client, const char *path,
                            struct buf *selection, struct informer_file **ret_file,
                            tw_error **reterr);
void informer_file_free(struct informer_file *file);
/* Fills the informer's store, and makes its reflector resume. TW_END: there is nothing usable. */
tw_status informer_file_load(struct informer_file *file);
/* Is the server the one the file is of? TW_OK, TW_END: no. */
tw_status informer_file_check(struct informer_file *file, struct http *http, tw_error **reterr);
void informer_file_on_delta(void *user, struct delta *delta);
/* From any thread: ends a request under way. */
void informer_file_stop(struct informer_file *file);

#endif
