#include "websocket_peer.h"

static struct server_test test;

/* ---- a client that sees each frame ---- */

enum { PUSH_PROMISE = 5, ENABLE_PUSH = 2, MAX_STREAMS = 3 };

struct seen_frame {
    uint8_t type, flags;
    uint32_t id, promised;
};

struct watcher_client {
    int fd;
    struct buf wire, body; /* frames that are not whole yet; DATA of stream 1 */
    struct seen_frame frames[4096];
    size_t count;
};

static void setting(struct buf *out, uint16_t id, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)(id >> 8),     (uint8_t)id,           (uint8_t)(value >> 24),
                             (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};

    buf_append(out, bytes, sizeof(bytes));
}

static void put_get(struct buf *out, uint32_t id)
{
    static const char get[] = "\x82\x86\x04\x07/stream\x41\x03h:1"; /* GET http /stream h:1 */

    h2_put(out, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, id, bytes_of(get, sizeof(get) - 1));
}

static struct watcher_client *client_open(uint32_t push, uint32_t streams)
{
    struct watcher_client *client = calloc(1, sizeof(*client));
    struct buf settings = {0}, out = {0};

    client->fd = connect_to(&test);
    setting(&settings, ENABLE_PUSH, push);
    setting(&settings, MAX_STREAMS, streams);
    buf_append_str(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    h2_put(&out, H2_SETTINGS, 0, 0, buf_bytes(&settings));
    put_get(&out, 1);
    CHECK(send_bytes(client->fd, out.data, out.len));
    buf_release(&settings);
    buf_release(&out);
    return client;
}

static void client_close(struct watcher_client *client)
{
    close(client->fd);
    buf_release(&client->wire);
    buf_release(&client->body);
    free(client);
}

static void client_take(struct watcher_client *client)
{
    while (client->wire.len >= 9 && client->wire.len >= 9 + number(client->wire.data, 3)) {
        const char *at = client->wire.data;
        struct seen_frame *frame = &client->frames[client->count++];
        size_t len = number(at, 3);

        CHECK(client->count < ARRAY_LEN(client->frames));
        *frame = (struct seen_frame){(uint8_t)at[3], (uint8_t)at[4], number(at + 5, 4), 0};
        if (frame->type == PUSH_PROMISE)
            frame->promised = number(at + 9, 4);
        if (frame->type == H2_DATA && frame->id == 1)
            buf_append(&client->body, at + 9, len);
        buf_consume(&client->wire, 9 + len);
    }
}

/* The place of the first such frame; waits until it has come. */
static size_t client_until(struct watcher_client *client, uint8_t type, uint32_t id)
{
    for (size_t i = 0;; i++) {
        while (i == client->count) {
            char some[65536];
            ssize_t n = recv(client->fd, some, sizeof(some), 0);

            CHECK(n > 0);
            buf_append(&client->wire, some, (size_t)n);
            client_take(client);
        }
        if (client->frames[i].type == type && client->frames[i].id == id)
            return i;
    }
}

static void client_reset(struct watcher_client *client, uint32_t id)
{
    const char cancel[] = {0, 0, 0, 8};
    struct buf out = {0};

    h2_put(&out, H2_RST, 0, id, bytes_of(cancel, sizeof(cancel)));
    CHECK(send_bytes(client->fd, out.data, out.len));
    buf_release(&out);
}

/* ---- what the server does ---- */

static enum status pushed;
static bool small;

static void push_one(struct server_test *on)
{
    struct blob *body = small ? blob_new(BYTES("small")) : blob_ref(on->big);

    pushed = http_stream_push(on->stream, BYTES("/x"),
                              &(struct http_response){.status = 200, .body = body});
    blob_unref(body);
}

static void push_and_write(struct server_test *on)
{
    push_one(on);
    write_text(on->stream, "pushed");
}

static void push_and_abort(struct server_test *on)
{
    push_one(on);
    http_stream_abort(on->stream);
    on->stream = NULL;
}

static struct watcher_client *begin(uint32_t push, uint32_t streams)
{
    struct watcher_client *client;

    init_test(&test);
    start(&test);
    small = true;
    client = client_open(push, streams);
    CHECK(wait_for(&test, &test.ready, 1));
    return client;
}

static void finish(struct watcher_client *client)
{
    client_close(client);
    stop(&test);
}

/* ---- what holds ---- */

TEST(http2_push, a_promise_goes_ahead_of_its_answer_and_of_what_is_written_next)
{
    struct watcher_client *client = begin(1, 100);
    size_t promise;

    on_loop(&test, push_and_write);
    CHECK_INT(pushed, STATUS_OK);
    promise = client_until(client, PUSH_PROMISE, 1);
    CHECK_INT(client->frames[promise].promised, 2);
    CHECK(promise < client_until(client, H2_HEADERS, 2));
    CHECK(promise < client_until(client, H2_DATA, 1));
    CHECK((client->frames[client_until(client, H2_DATA, 2)].flags & H2_END_STREAM) != 0);
    CHECK(test.can_push);
    finish(client);
}

TEST(http2_push, a_client_that_wants_none_gets_none)
{
    static const uint32_t wants[][2] = {{0, 100}, {1, 0}}; /* push disabled; no streams of ours */

    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        struct watcher_client *client = begin(wants[i][0], wants[i][1]);

        CHECK(!test.can_push);
        on_loop(&test, push_one);
        CHECK_INT(pushed, STATUS_UNAVAILABLE);
        finish(client);
    }
}

TEST(http2_push, as_many_are_on_their_way_as_the_client_allows)
{
    struct watcher_client *client = begin(1, 2);
    int ready;

    small = false; /* larger than the window: they stay */
    on_loop(&test, push_one);
    on_loop(&test, push_one);
    CHECK_INT(pushed, STATUS_OK);
    on_loop(&test, push_one);
    CHECK_INT(pushed, STATUS_END);
    (void)client_until(client, H2_HEADERS, 4);
    ready = value_of(&test, &test.ready);
    client_reset(client, 2);
    CHECK(wait_for(&test, &test.ready, ready + 1)); /* there is room: try again */
    on_loop(&test, push_one);
    CHECK_INT(pushed, STATUS_OK);
    finish(client);
}

TEST(http2_push, a_client_that_refuses_them_gets_no_more_and_is_served_on)
{
    struct watcher_client *client = begin(1, 100);
    struct buf out = {0};
    uint32_t id = 0;

    small = false; /* so that it is under way when it is refused */
    for (;;) {
        do
            on_loop(&test, push_one);
        while (pushed == STATUS_END);
        if (pushed != STATUS_OK)
            break;
        id += 2;
        (void)client_until(client, H2_HEADERS, id);
        client_reset(client, id);
    }
    CHECK_INT(pushed, STATUS_UNAVAILABLE);
    CHECK(id >= 2 * 64 && id < 2 * 100);
    put_get(&out, 3); /* which a client that has reset too much would not get answered */
    CHECK(send_bytes(client->fd, out.data, out.len));
    (void)client_until(client, H2_HEADERS, 3);
    CHECK_INT(value_of(&test, &test.gone), 0);
    buf_release(&out);
    finish(client);
}

TEST(http2_push, one_whose_stream_is_aborted_at_once_leaves_nothing_behind)
{
    struct watcher_client *client = begin(1, 100);

    on_loop(&test, push_and_abort);
    CHECK_INT(pushed, STATUS_OK);
    (void)client_until(client, H2_RST, 1);
    finish(client);
}

TEST(http2_push, a_client_that_leaves_takes_them_along)
{
    struct watcher_client *client = begin(1, 100);

    small = false;
    on_loop(&test, push_one);
    on_loop(&test, push_one);
    client_close(client);
    CHECK(wait_for(&test, &test.gone, 1));
    stop(&test);
}
