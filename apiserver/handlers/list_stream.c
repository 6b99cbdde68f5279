#include "apiserver/handlers/list_stream.h"

#include "apiserver/handlers/flight.h"
#include "apiserver/handlers/watch.h"
#include "apiserver/transport/frame.h"

enum {
    LONG = 1 << 20,    /* bytes of items from which a list is sent in pieces */
    PIECE = 256 << 10, /* and about so many are written at a time */
};

struct list_stream {
    struct api_request *api; /* this lies in its arena */
    struct http_stream *http;
    struct fair_turn turn; /* of the next piece: others' requests may go first */
    struct list_items list;
    size_t at;
    struct buf piece; /* kept from one to the next: its memory is warm */
    bool writing, gone;
};

bool list_stream_suits(const struct api_request *api, const struct list_items *items)
{
    size_t len = 0;

    for (size_t i = 0; i < items->count && len < LONG; i++)
        len += items->items[i]->base.len;
    return len >= LONG && api->http != NULL && items->view.shape == VIEW_OBJECT &&
           items->view.projection == NULL && api->negotiated.form == FORM_JSON && !api->pretty &&
           !api->negotiated.pretty && bytes_eq_str(api->http->method, "GET") &&
           !respond_wants_gzip(api);
}

static void finish(struct list_stream *s)
{
    buf_release(&s->piece);
    api_free(s->api);
}

/* Writes the next piece: the list's head with the first of them, its end with the last. */
static struct frame *next_piece(struct list_stream *s)
{
    const struct list_items *list = &s->list;
    const struct kind *kind = s->api->kind;

    s->piece.len = 0;
    if (s->at == 0)
        view_begin_list(&s->piece, kind, list->view, &list->meta);
    for (; s->at < list->count && s->piece.len < PIECE; s->at++)
        view_add_item(&s->piece, kind, list->view, list->items[s->at], s->at == 0);
    if (s->at == list->count) {
        view_end_list(&s->piece, kind, list->view);
        buf_append_char(&s->piece, '\n');
    }
    return s->piece.failed ? NULL : frame_new(buf_bytes(&s->piece));
}

static void write_piece(struct fair_turn *turn)
{
    struct list_stream *s = container_of(turn, struct list_stream, turn);
    struct frame *frame = next_piece(s);

    if (frame == NULL) {
        http_stream_abort(s->http); /* a list that ends early must not look like a whole one */
        finish(s);
        return;
    }
    s->writing = true;
    http_stream_write(s->http, &frame, 1);
    s->writing = false;
    frame_unref(frame);
    if (!s->gone && s->at < s->list.count)
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

void list_stream_start(struct api_request *api, const struct list_items *items)
{
    static const struct http_stream_handler callbacks = {.on_ready = on_ready, .on_gone = on_gone};
    struct http_header headers[API_HEADERS_MAX];
    struct http_response head = {.status = 200, .headers = headers};
    struct list_stream *s = arena_new(&api->arena, struct list_stream);
    struct error err = {0};

    if (s == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return;
    }
    s->api = api;
    s->turn.run = write_piece;
    s->list = *items;
    head.header_count = api_headers(api, BYTES("application/json"), headers);
    s->http = http_start_stream(watch_become_stream(api), &head, &callbacks, s);
    if (s->http == NULL)
        finish(s);
}
