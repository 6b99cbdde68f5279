#include "client.h"

#include <nghttp2/nghttp2.h>

enum { HEAD_MAX = 16384, HEADERS_MAX = 16 };

struct client {
    struct wire wire;
    enum protocol protocol;
    bool tls, in_callback;
    nghttp2_session *session; /* HTTP2 */
    /* HTTP1: the one call, and what is left of its answer */
    struct call *call;
    char *head;
    size_t head_len, left;
    enum { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK, IN_STREAM } state;
};

/* ---- HTTP/1.1 ---- */

static void http1_send(struct client *c, struct call *call, const struct request *r)
{
    size_t room = strlen(r->path) + strlen(r->headers) + r->body_len + 256, len;
    char *text = malloc(room);

    len = (size_t)sprintf(text, "%s %s HTTP/1.1\r\nhost: x\r\n%s", r->method, r->path, r->headers);
    if (r->body_len != 0 || strcmp(r->method, "GET") != 0)
        len += (size_t)sprintf(text + len, "content-length: %zu\r\n", r->body_len);
    len += (size_t)sprintf(text + len, "\r\n");
    if (r->body_len != 0)
        memcpy(text + len, r->body, r->body_len);
    c->call = call;
    c->state = IN_HEAD;
    c->head_len = 0;
    wire_write(&c->wire, text, len + r->body_len);
    free(text);
}

static void http1_done(struct client *c)
{
    struct call *call = c->call;

    c->call = NULL;
    call->on_done(call);
}

/* Looks at a whole head, and says what follows it. */
static void http1_head(struct client *c)
{
    const char *length = strcasestr(c->head, "content-length:");

    c->call->status = atoi(c->head + 9);
    c->left = length != NULL ? strtoul(length + 15, NULL, 10) : 0;
    if (c->call->on_head != NULL)
        c->call->on_head(c->call);
    if (c->call->streams)
        c->state = IN_STREAM;
    else if (strcasestr(c->head, "transfer-encoding: chunked") != NULL)
        c->state = IN_CHUNK_SIZE;
    else
        c->state = IN_BODY;
    c->head_len = 0;
    if (c->state == IN_BODY && c->left == 0)
        http1_done(c);
}

/* Gathers a head, or the line of a chunk's size; returns what it took. */
static size_t http1_gather(struct client *c, const char *data, size_t len)
{
    const char *end_mark = c->state == IN_HEAD ? "\r\n\r\n" : "\r\n";
    size_t before = c->head_len, take = len < HEAD_MAX - before ? len : HEAD_MAX - before;
    char *end;

    if (c->head == NULL)
        c->head = malloc(HEAD_MAX + 1);
    memcpy(c->head + before, data, take);
    c->head[before + take] = '\0';
    end = strstr(c->head, end_mark);
    if (end == NULL) {
        if (take < len)
            die("an answer's head is too long");
        c->head_len += take;
        return take;
    }
    *end = '\0';
    take = (size_t)(end - c->head) + strlen(end_mark) - before;
    if (c->state == IN_HEAD) {
        http1_head(c);
    } else {
        c->left = strtoul(c->head, NULL, 16) + 2; /* the line end behind a chunk */
        c->head_len = 0;
        c->state = IN_CHUNK;
        if (c->left == 2)
            c->state = IN_BODY; /* the last line, and then the end */
    }
    return take;
}

static size_t http1_body(struct client *c, const char *data, size_t len)
{
    size_t take = len < c->left ? len : c->left, skip = c->state == IN_CHUNK ? 2 : 0;

    if (c->call->on_data != NULL && c->left > skip)
        c->call->on_data(c->call, data, take < c->left - skip ? take : c->left - skip);
    c->left -= take;
    if (c->left == 0 && c->state == IN_CHUNK)
        c->state = IN_CHUNK_SIZE;
    else if (c->left == 0)
        http1_done(c);
    return take;
}

static void http1_receive(struct client *c, const char *data, size_t len)
{
    while (len > 0 && c->call != NULL) {
        size_t took = len;

        if (c->state == IN_STREAM)
            c->call->on_data(c->call, data, len);
        else if (c->state == IN_HEAD || c->state == IN_CHUNK_SIZE)
            took = http1_gather(c, data, len);
        else
            took = http1_body(c, data, len);
        data += took;
        len -= took;
    }
}

/* ---- HTTP/2 ---- */

static void http2_flush(struct client *c)
{
    const uint8_t *data;
    ssize_t len;

    while ((len = nghttp2_session_mem_send(c->session, &data)) > 0)
        wire_write(&c->wire, data, (size_t)len);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags, (void)user, (void)value_len;
    if (call != NULL && ((name_len == 7 && memcmp(name, ":status", 7) == 0) ||
                         (name_len == 11 && memcmp(name, "grpc-status", 11) == 0)))
        call->status = atoi((const char *)value);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)user;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_RESPONSE &&
        call != NULL && call->on_head != NULL)
        call->on_head(call);
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream,
                         const uint8_t *data, size_t len, void *user)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, stream);

    (void)flags, (void)user;
    if (call != NULL && call->on_data != NULL)
        call->on_data(call, (const char *)data, len);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, stream);

    (void)user;
    if (call != NULL && (code != 0 || call->streams))
        die("the server closed a stream");
    if (call != NULL)
        call->on_done(call);
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *data, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct call *call = source->ptr;
    size_t rest = call->body_len - call->body_at, len = rest < room ? rest : room;

    (void)session, (void)stream, (void)user;
    if (rest == 0 && call->open_ended)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(data, call->body + call->body_at, len);
    call->body_at += len;
    if (len == rest && !call->open_ended)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static nghttp2_nv field(const char *name, size_t name_len, const char *value, size_t value_len)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, name_len, value_len, 0};
}

static nghttp2_nv pseudo(const char *name, const char *value)
{
    return field(name, strlen(name), value, strlen(value));
}

static size_t add_headers(nghttp2_nv *fields, size_t count, const char *headers)
{
    while (*headers != '\0') {
        const char *colon = strchr(headers, ':'), *end = strstr(headers, "\r\n");

        fields[count++] =
            field(headers, (size_t)(colon - headers), colon + 2, (size_t)(end - colon - 2));
        headers = end + 2;
    }
    return count;
}

static void http2_send(struct client *c, struct call *call, const struct request *r)
{
    nghttp2_data_provider provider = {.source.ptr = call, .read_callback = read_body};
    nghttp2_nv fields[4 + HEADERS_MAX] = {pseudo(":method", r->method),
                                          pseudo(":scheme", c->tls ? "https" : "http"),
                                          pseudo(":authority", "x"), pseudo(":path", r->path)};
    size_t count = add_headers(fields, 4, r->headers);

    if (call->body_len < r->body_len || call->body == NULL)
        call->body = realloc(call->body, r->body_len + 1);
    if (r->body_len != 0)
        memcpy(call->body, r->body, r->body_len);
    call->body_len = r->body_len;
    call->body_at = 0;
    call->open_ended = r->open_ended;
    if (nghttp2_submit_request(c->session, NULL, fields, count, r->body_len != 0 ? &provider : NULL,
                               call) < 0)
        die("HTTP/2 request");
    if (!c->in_callback)
        http2_flush(c);
}

static void http2_start(struct client *c)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 24}, {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    nghttp2_session_callbacks *callbacks;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_client_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(c->session, 0, settings, 2);
    nghttp2_session_set_local_window_size(c->session, 0, 0, 1 << 28);
}

/* ---- NATS (docs.nats.io/reference/reference-protocols/nats-protocol): a request's path is the
 * subject; what has a body publishes, and is done at once ---- */

static void nats_send(struct client *c, struct call *call, const struct request *r)
{
    char head[256];
    int len;

    if (r->body_len == 0) {
        c->call = call;
        len = snprintf(head, sizeof(head), "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPING\r\n",
                       r->path);
        wire_write(&c->wire, head, (size_t)len);
        return;
    }
    len = snprintf(head, sizeof(head), "PUB %s %zu\r\n", r->path, r->body_len);
    wire_write(&c->wire, head, (size_t)len);
    wire_write(&c->wire, r->body, r->body_len);
    wire_write(&c->wire, "\r\n", 2);
    call->status = 200;
    call->on_done(call);
}

static void nats_receive(struct client *c, const char *data, size_t len)
{
    struct call *call = c->call;

    if (call == NULL)
        return; /* the server's INFO for a publisher */
    if (call->status == 0 && memmem(data, len, "PONG\r\n", 6) != NULL) {
        call->status = 200;
        call->on_head(call);
    }
    call->on_data(call, data, len);
}

/* ---- all ---- */

static void http2_receive(struct client *c, const char *data, size_t len)
{
    c->in_callback = true;
    if (nghttp2_session_mem_recv(c->session, (const uint8_t *)data, len) < 0)
        die("HTTP/2");
    c->in_callback = false;
    http2_flush(c);
}

static const struct {
    const char *alpn;
    void (*send)(struct client *c, struct call *call, const struct request *r);
    void (*receive)(struct client *c, const char *data, size_t len);
} protocols[] = {
    [HTTP1] = {"http/1.1", http1_send, http1_receive},
    [HTTP2] = {"h2", http2_send, http2_receive},
    [NATS] = {NULL, nats_send, nats_receive},
};

struct client *client_new(enum protocol protocol, int port, bool tls, unsigned number, int poller)
{
    struct client *c = calloc(1, sizeof(*c));
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};

    c->protocol = protocol;
    c->tls = tls;
    wire_open(&c->wire, port, number, tls ? protocols[protocol].alpn : NULL);
    if (protocol == HTTP2)
        http2_start(c);
    epoll_ctl(poller, EPOLL_CTL_ADD, c->wire.fd, &want);
    return c;
}

void client_send(struct client *client, struct call *call, const struct request *request)
{
    call->status = 0;
    protocols[client->protocol].send(client, call, request);
}

static void on_readable(struct client *c)
{
    static char in[1 << 18];
    ssize_t n;

    while ((n = wire_read(&c->wire, in, sizeof(in))) > 0) {
        protocols[c->protocol].receive(c, in, (size_t)n);
        if (n < (ssize_t)sizeof(in) && c->wire.ssl == NULL)
            return;
    }
    if (n == 0)
        die("the server closed a connection");
}

bool clients_poll(int poller, int timeout_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(poller, events, 512, timeout_ms);

    for (int i = 0; i < n; i++)
        on_readable(events[i].data.ptr);
    return n > 0;
}
