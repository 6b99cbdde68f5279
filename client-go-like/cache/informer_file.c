#include "client-go-like/cache/informer_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/rest/client.h"

enum {
    LOG_LEAST = 1 << 20, /* bytes appended before the file is written anew */
    ASK_MS = 10 * 1000,
    ASK_BODY_MAX = 1 << 20,
    RETRY_MIN_MS = 1000, /* after a snapshot that failed; twice as long each time */
    RETRY_MAX_MS = 60 * 1000,
};

static const char format[] = "tidewatch cache 1\n";

tw_status informer_file_new(tw_informer *informer, tw_client *client, const char *path,
                            struct buf *selection, struct informer_file **ret_file,
                            tw_error **reterr)
{
    struct informer_file *file = calloc(1, sizeof(*file));
    tw_status st = TW_OK;

    if (file == NULL) {
        buf_release(selection);
        return tw_fail_no_memory(reterr);
    }
    file->informer = informer;
    file->client = tw_client_ref(client);
    file->selection = *selection;
    pthread_mutex_init(&file->lock, NULL);
    if ((file->path = strdup(path)) == NULL || selection->failed)
        st = tw_fail_no_memory(reterr);
    if (st == TW_OK)
        st = client_acquire(client, &file->http, reterr);
    if (st == TW_OK)
        *ret_file = file;
    else
        informer_file_free(file);
    return st;
}

void informer_file_free(struct informer_file *file)
{
    if (file == NULL)
        return;
    (void)cache_log_flush(&file->log, NULL);
    cache_log_close(&file->log);
    client_release(file->client, file->http);
    tw_client_unref(file->client);
    free(file->cluster);
    free(file->path);
    buf_release(&file->selection);
    buf_release(&file->scratch);
    pthread_mutex_destroy(&file->lock);
    free(file);
}

void informer_file_stop(struct informer_file *file)
{
    http_stop(file->http);
}

static void note(struct informer_file *file, const tw_error *error)
{
    pthread_mutex_lock(&file->lock);
    snprintf(file->status.error, sizeof(file->status.error), "%s", tw_error_message(error));
    pthread_mutex_unlock(&file->lock);
}

static void want_snapshot(struct informer_file *file)
{
    atomic_store(&file->informer->wants_snapshot, true);
}

/* ---- which cluster ---- */

/* The uid of kube-system, or "" where we may not know it. */
static tw_status ask_cluster(struct informer_file *file, struct http *http, char **ret_uid,
                             tw_error **reterr)
{
    struct http_request request = {.method = "GET",
                                   .path = "/api/v1/namespaces/kube-system",
                                   .bounds = {.connect_ms = ASK_MS,
                                              .first_byte_ms = ASK_MS,
                                              .idle_ms = ASK_MS,
                                              .deadline_ms = clock_monotonic_ms() + ASK_MS,
                                              .body_max = ASK_BODY_MAX}};
    tw_object *object = NULL;
    tw_status st = client_fetch(file->client, http, &request, reterr);

    if (st == TW_OK)
        st = object_read(buf_bytes(http_body(http)), &object, reterr);
    http_finish(http);
    if (st == TW_ERR_SERVER && tw_error_code(*reterr) / 100 == 4 && tw_error_code(*reterr) != 429) {
        tw_error_clear(reterr);
        st = TW_OK;
    }
    if (st == TW_OK && (*ret_uid = strdup(tw_object_uid(object))) == NULL)
        st = tw_fail_no_memory(reterr);
    tw_object_unref(object);
    return st;
}

tw_status informer_file_check(struct informer_file *file, struct http *http, tw_error **reterr)
{
    char *uid = NULL;
    tw_status st = ask_cluster(file, http, &uid, reterr);

    if (st == TW_OK && strcmp(uid, file->cluster) != 0) {
        want_snapshot(file);
        st = TW_END;
    }
    free(uid);
    return st;
}

/* ---- loading ---- */

/* A header: the format, the cluster, the selection. */
static void make_header(const struct informer_file *file, struct buf *out)
{
    buf_append_str(out, format);
    buf_append_str(out, file->cluster);
    buf_append_char(out, '\n');
    buf_append_bytes(out, buf_bytes(&file->selection));
}

/* The cluster a file says it is of: checked when the server is there to be asked. */
static char *cluster_of_file(const char *path)
{
    char head[256] = "";
    FILE *in = fopen(path, "re");
    struct bytes rest;
    size_t n;

    if (in == NULL)
        return NULL;
    n = fread(head, 1, sizeof(head), in);
    fclose(in);
    rest = bytes_of(head, n);
    if (n < 13 || !bytes_starts_with(bytes_from(rest, 13), bytes_str(format)))
        return NULL;
    rest = bytes_from(rest, 13 + strlen(format));
    return bytes_dup(bytes_cut(&rest, '\n'));
}

static tw_status fill_store(struct informer_file *file, const struct object_map *objects,
                            const char *version)
{
    tw_list *list = object_map_list(objects);
    tw_status st = list != NULL ? tw_store_replace(file->informer->store, list) : TW_ERR_NO_MEMORY;

    tw_list_free(list);
    if (st == TW_OK)
        st = reflector_resume_at(file->informer->reflector, version);
    return st;
}

tw_status informer_file_load(struct informer_file *file)
{
    struct object_map objects = {0};
    struct buf header = {0};
    char *version = NULL;
    tw_error *error = NULL;
    tw_status st;

    file->cluster = cluster_of_file(file->path);
    if (file->cluster == NULL)
        return TW_END;
    make_header(file, &header);
    st = header.failed ? TW_ERR_NO_MEMORY
                       : cache_log_load(&file->log, file->path, buf_bytes(&header), &objects,
                                        &version, &error);
    if (st == TW_OK)
        st = fill_store(file, &objects, version);
    if (st == TW_OK) {
        file->status.loaded = true;
        file->status.bytes = file->log.log_len;
    } else {
        note(file, error);
        cache_log_close(&file->log);
        free(file->cluster);
        file->cluster = NULL;
    }
    object_map_release(&objects);
    buf_release(&header);
    free(version);
    tw_error_free(error);
    return st;
}

/* ---- writing, in the handler's thread ---- */

static uint64_t longer_pause(uint64_t pause_ms)
{
    if (pause_ms == 0)
        return RETRY_MIN_MS;
    return pause_ms < RETRY_MAX_MS / 2 ? 2 * pause_ms : RETRY_MAX_MS;
}

static void write_snapshot(struct informer_file *file, const struct delta *delta)
{
    struct buf header = {0};
    tw_error *error = NULL;
    tw_status st = TW_OK;
    char *cluster = NULL;

    if (!file->checked && (st = ask_cluster(file, file->http, &cluster, &error)) == TW_OK) {
        free(file->cluster);
        file->cluster = cluster;
        file->checked = true;
    }
    if (st == TW_OK) {
        make_header(file, &header);
        st = header.failed ? tw_fail_no_memory(&error)
                           : cache_log_rewrite(&file->log, file->path, buf_bytes(&header),
                                               delta->snapshot, delta->rv, &error);
    }
    note(file, error);
    if (st == TW_OK) {
        pthread_mutex_lock(&file->lock);
        file->status.snapshots++;
        pthread_mutex_unlock(&file->lock);
        file->pause_ms = 0;
    } else {
        cache_log_close(&file->log); /* what it has stays right; what follows would not */
        file->pause_ms = longer_pause(file->pause_ms);
        file->retry_ms = clock_monotonic_ms() + file->pause_ms;
    }
    tw_error_free(error);
    buf_release(&header);
}

static void end_version(struct informer_file *file, const struct delta *delta)
{
    tw_error *error = NULL;

    cache_log_append(&file->log, CACHE_VERSION, bytes_str(delta->rv));
    if (cache_log_flush(&file->log, &error) != TW_OK)
        note(file, error);
    tw_error_free(error);
    if ((file->log.fd == 0 && clock_monotonic_ms() >= file->retry_ms) ||
        (file->log.log_len > LOG_LEAST && file->log.log_len > file->log.snapshot_len))
        want_snapshot(file);
}

void informer_file_on_delta(void *user, struct delta *delta)
{
    struct informer_file *file = user;

    switch (delta->type) {
    case DELTA_ADDED:
    case DELTA_UPDATED:
    case DELTA_REPLACED:
        if (file->log.fd != 0)
            cache_log_append_object(&file->log, delta->object, &file->scratch);
        break;
    case DELTA_DELETED:
        cache_log_append(&file->log, CACHE_DELETE, delta->object->key);
        break;
    case DELTA_VERSION:
        if (delta->snapshot != NULL)
            write_snapshot(file, delta);
        else
            end_version(file, delta);
        pthread_mutex_lock(&file->lock);
        file->status.bytes = file->log.snapshot_len + file->log.log_len;
        pthread_mutex_unlock(&file->lock);
        break;
    case DELTA_SYNC:
    case DELTA_REPLAY:
    case DELTA_SYNCED:
        break;
    }
}

void tw_informer_get_file_status(tw_informer *informer, tw_informer_file_status *ret_status)
{
    *ret_status = (tw_informer_file_status){.loaded = false};
    if (informer->file == NULL)
        return;
    pthread_mutex_lock(&informer->file->lock);
    *ret_status = informer->file->status;
    pthread_mutex_unlock(&informer->file->lock);
}
