/* Server push (RFC 9113, section 8.4): answers to requests that the client would make next. */
#include "apiserver/transport/http2.h"

#include <stdlib.h>

/* A client may refuse what is pushed, for its own reasons; one that goes on refusing takes none.
 * Far below the resets for which nghttp2 ends a connection (CVE-2023-44487). */
enum { REFUSED_MAX = 64 };

static uint32_t room_of(struct http2 *h2)
{
    uint32_t most = h2->conn->server->limits.h2_pushes_max;
    uint32_t allowed =
        nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    return allowed < most ? allowed : most;
}

bool http2_can_push(struct http2 *h2)
{
    return room_of(h2) > 0 && h2->pushes_refused < REFUSED_MAX && !h2->ending && !h2->goaway_sent &&
           nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_ENABLE_PUSH) != 0;
}

static bool submit_promise(struct h2_stream *parent, struct h2_stream *pushed, struct bytes path)
{
    const nghttp2_nv head[] = {
        http2_nv(BYTES(":method"), BYTES("GET")),
        http2_nv(BYTES(":scheme"), BYTES("http")),
        http2_nv(BYTES(":authority"), bytes_str(parent->authority)),
        http2_nv(BYTES(":path"), path),
    };

    pushed->id = nghttp2_submit_push_promise(parent->h2->session, NGHTTP2_FLAG_NONE, parent->id,
                                             head, ARRAY_LEN(head), pushed);
    return pushed->id > 0;
}

static struct h2_stream *new_pushed(struct h2_stream *parent, const struct http_response *response)
{
    struct h2_stream *pushed = calloc(1, sizeof(*pushed));

    if (pushed == NULL)
        return NULL;
    pushed->h2 = parent->h2;
    pushed->pushed_by = parent->id;
    pushed->ended = true;
    pushed->body = blob_ref(response->body);
    h2_stream_init_timer(pushed);
    list_append(&parent->h2->streams, &pushed->link);
    parent->h2->pushes++;
    return pushed;
}

/* The answer goes along with its promise; nghttp2 sends it when that is out. */
enum status h2_stream_push(struct http_stream *base, struct bytes path,
                           const struct http_response *response)
{
    struct h2_stream *parent = (struct h2_stream *)base;
    struct h2_stream *pushed;
    size_t len = response->body->len;

    if (parent->authority == NULL || !http2_can_push(parent->h2))
        return STATUS_UNAVAILABLE;
    parent->wants_push = parent->h2->pushes >= room_of(parent->h2);
    if (parent->wants_push)
        return STATUS_END;
    pushed = new_pushed(parent, response);
    if (pushed == NULL)
        return STATUS_NO_MEMORY;
    if (!submit_promise(parent, pushed, path)) {
        h2_stream_gone(pushed);
        return STATUS_NO_MEMORY;
    }
    if (h2_stream_submit_head(pushed, response, &len, true))
        h2_stream_output_started(pushed);
    else
        h2_stream_reset(pushed, NGHTTP2_INTERNAL_ERROR);
    return STATUS_OK;
}

void http2_push_gone(struct h2_stream *stream)
{
    struct http2 *h2 = stream->h2;

    h2->pushes--;
    list_for_each(&h2->streams, it) {
        struct h2_stream *waiting = list_entry(it, struct h2_stream, link);

        if (!waiting->wants_push)
            continue;
        waiting->wants_push = false;
        if (waiting->batch.count == 0 && !list_linked(&waiting->queued))
            list_append(&h2->handed_over, &waiting->queued);
    }
    http2_flush_soon(h2);
}

/* A promise that could not be made, as its parent has gone meanwhile. If nghttp2 has its stream
 * already, on_stream_close() follows; else nobody else will tell. */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user)
{
    struct http2 *h2 = user;

    (void)error;
    if (frame->hd.type != NGHTTP2_PUSH_PROMISE ||
        nghttp2_session_get_stream_user_data(session, frame->push_promise.promised_stream_id) !=
            NULL)
        return 0;
    list_for_each(&h2->streams, it) {
        struct h2_stream *pushed = list_entry(it, struct h2_stream, link);

        if (pushed->id == frame->push_promise.promised_stream_id) {
            h2_stream_gone(pushed);
            break;
        }
    }
    return 0;
}

void http2_set_push_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
}
