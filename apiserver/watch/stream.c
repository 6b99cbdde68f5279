/*
 * stream - a watch into an HTTP stream: the sink that stays open.
 */
#include "apiserver/watch/internal.h"

#include <stdlib.h>

/* ---- the sink ---- */

static bool stream_ready(const void *sink)
{
    return http_stream_ready(sink);
}

static void stream_write(void *sink, struct frame *const *frames, size_t count, uint64_t rev)
{
    (void)rev;
    http_stream_write_now(sink, frames, count);
}

static void stream_end(void *sink, uint64_t rev)
{
    (void)rev;
    http_stream_end(sink);
}

static void stream_abort(void *sink)
{
    http_stream_abort(sink);
}

static const struct watch_sink_ops stream_ops = {
    .ready = stream_ready, .write = stream_write, .end = stream_end, .abort = stream_abort};

static void on_ready(void *user)
{
    watcher_ready(user);
}

static void on_gone(void *user)
{
    watcher_drop(user);
}

/* ---- its start ---- */

/* 200 with the caller's headers, and the content type of a stream of JSON if they name none. */
static struct http_stream *start_stream(struct http_request *req, const struct http_header *headers,
                                        size_t header_count,
                                        const struct http_stream_handler *handler, void *user)
{
    struct http_response head = {.status = 200, .headers = headers, .header_count = header_count};
    struct http_header *more = arena_alloc(req->arena, (header_count + 1) * sizeof(*more));

    for (size_t i = 0; i < header_count; i++)
        if (bytes_ieq(headers[i].name, BYTES("content-type")))
            return http_start_stream(req, &head, handler, user);
    if (more != NULL) {
        if (header_count > 0)
            memcpy(more, headers, header_count * sizeof(*more));
        more[header_count] = (struct http_header){BYTES("content-type"), BYTES("application/json")};
        head.headers = more;
        head.header_count++;
    }
    return http_start_stream(req, &head, handler, user);
}

static void reply_no_memory(struct http_request *req)
{
    http_reply(req, &(struct http_response){.status = status_http_code(STATUS_NO_MEMORY)});
}

void watcher_start(struct watch_cache *cache, struct http_request *req,
                   const struct watch_spec *spec, const struct http_header *headers,
                   size_t header_count)
{
    static const struct http_stream_handler handler = {.on_ready = on_ready, .on_gone = on_gone};
    struct watcher *watcher = watcher_new(cache, spec, &stream_ops, NULL);

    if (watcher == NULL) {
        reply_no_memory(req);
        return;
    }
    watcher->sink = start_stream(req, headers, header_count, &handler, watcher);
    if (watcher->sink == NULL)
        watcher_release(watcher);
}

/* ---- a watch that only fails ---- */

struct refusal {
    struct http_stream *stream;
    struct frame *frame;
    bool writing, gone;
};

static void refusal_free(struct refusal *refusal)
{
    frame_unref(refusal->frame);
    free(refusal);
}

static void on_refusal_ready(void *user)
{
    struct refusal *refusal = user;

    refusal->writing = true;
    http_stream_write(refusal->stream, &refusal->frame, 1);
    if (!refusal->gone)
        http_stream_end(refusal->stream);
    refusal_free(refusal);
}

static void on_refusal_gone(void *user)
{
    struct refusal *refusal = user;

    refusal->gone = true;
    if (!refusal->writing)
        refusal_free(refusal);
}

void watcher_refuse(struct http_request *req, const struct error *err, enum watch_framing framing,
                    const struct http_header *headers, size_t header_count)
{
    static const struct http_stream_handler handler = {.on_ready = on_refusal_ready,
                                                       .on_gone = on_refusal_gone};
    struct refusal *refusal = calloc(1, sizeof(*refusal));

    if (refusal != NULL)
        refusal->frame = watch_encode_error(err, framing);
    if (refusal == NULL || refusal->frame == NULL) {
        if (refusal != NULL)
            refusal_free(refusal);
        reply_no_memory(req);
        return;
    }
    refusal->stream = start_stream(req, headers, header_count, &handler, refusal);
    if (refusal->stream == NULL)
        refusal_free(refusal);
}
