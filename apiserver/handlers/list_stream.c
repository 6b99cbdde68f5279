#include "apiserver/handlers/list_stream.h"

#include "apiserver/handlers/flight.h"
#include "apiserver/handlers/held.h"
#include "apiserver/handlers/watch.h"
#include "apiserver/transport/frame.h"

enum { PIECE = 128 << 10 }; /* about so many bytes are written at a time */

struct list_stream {
    struct api_request *api; /* this lies in its arena */
    struct http_stream *http;
    struct fair_turn turn; /* of the next piece: others' requests may go first */
    struct list_items list;
    struct blob *whole; /* it is written already, `count` bytes, or NULL */
    size_t at, count;
    struct buf piece; /* kept from one to the next: its memory is warm */
    bool writing, gone;
};

bool list_stream_suits(const struct api_request *api, const struct list_items *items)
{
    return api->http != NULL && items->view.shape == VIEW_OBJECT &&
           items->view.projection == NULL && api->negotiated.form == FORM_JSON && !api->pretty &&
           !api->negotiated.pretty && bytes_eq_str(api->http->method, "GET") &&
           !respond_wants_gzip(api);
}

static void finish(struct list_stream *s)
{
    buf_release(&s->piece);
    blob_unref(s->whole);
    api_free(s->api);
}

/* Writes the next piece: the list's head with the first of them, its end with the last. */
static struct frame *next_piece(struct list_stream *s)
{
    const struct list_items *list = &s->list;
    const struct kind *kind = s->api->kind;

    s->piece.len = 0;
    if (s->whole != NULL) {
        size_t left = s->count - s->at, len = left < PIECE ? left : PIECE;

        s->at += len;
        return frame_new(bytes_of(s->whole->data + s->at - len, len));
    }
    if (s->at == 0)
        view_begin_list(&s->piece, kind, list->view, &list->meta);
    for (; s->at < s->count && s->piece.len < PIECE; s->at++)
        view_add_item(&s->piece, kind, list->view, list->items[s->at], s->at == 0);
    if (s->at == s->count) {
        view_end_list(&s->piece, kind, list->view);
        buf_append_char(&s->piece, '\n');
    }
    return s->piece.failed ? NULL : frame_new(buf_bytes(&s->piece));
}

/* A list that ends early must not look like a whole one. */
void list_stream_cut(struct list_stream *s)
{
    fair_leave(&s->turn);
    http_stream_abort(s->http);
    finish(s);
}

static void write_piece(struct fair_turn *turn)
{
    struct list_stream *s = container_of(turn, struct list_stream, turn);
    struct frame *frame = next_piece(s);

    if (frame == NULL) {
        list_stream_cut(s);
        return;
    }
    s->writing = true;
    http_stream_write(s->http, &frame, 1);
    s->writing = false;
    frame_unref(frame);
    if (!s->gone && s->at < s->count)
        return;
    if (!s->gone)
        http_stream_end(s->http);
    finish(s);
}

static void on_ready(void *user)
{
    struct list_stream *s = user;

    flight_go_on(s->api, &s->turn);
}

static void on_gone(void *user)
{
    struct list_stream *s = user;

    s->gone = true;
    fair_leave(&s->turn);
    if (!s->writing)
        finish(s);
}

static void start(struct list_stream *s, struct bytes type, bool packed)
{
    static const struct http_stream_handler callbacks = {.on_ready = on_ready, .on_gone = on_gone};
    struct http_header headers[API_HEADERS_MAX + 2];
    struct http_response head = {.status = 200, .headers = headers};

    s->turn.run = write_piece;
    head.header_count = api_headers(s->api, type, headers);
    if (packed)
        api_add_gzip_headers(headers, &head.header_count);
    s->http = http_start_stream(watch_become_stream(s->api), &head, &callbacks, s);
    if (s->http == NULL)
        finish(s);
    else
        s->api->stream = s;
}

static struct list_stream *stream_of(struct api_request *api)
{
    struct list_stream *s = arena_new(&api->arena, struct list_stream);
    struct error err = {0};

    if (s != NULL) {
        s->api = api;
        return s;
    }
    error_set(&err, STATUS_NO_MEMORY, "out of memory");
    respond_error(api, &err);
    return NULL;
}

void list_stream_start(struct api_request *api, const struct list_items *items)
{
    struct list_stream *s = stream_of(api);

    if (s == NULL)
        return;
    s->list = *items;
    s->count = items->count;
    start(s, BYTES("application/json"), false);
}

void list_stream_send(struct api_request *api, struct finished_body finished)
{
    struct error err = {0};
    struct list_stream *s;

    if (held_count(api, finished.body, &err) != STATUS_OK) {
        blob_unref(finished.body);
        respond_error(api, &err);
        return;
    }
    s = stream_of(api);
    if (s == NULL) {
        blob_unref(finished.body);
        return;
    }
    s->whole = finished.body;
    s->count = finished.body->len;
    start(s, finished.type, finished.packed);
}
