#include "server_thread.h"

#include <linux/tcp.h>
#include <nghttp2/nghttp2.h>

#include "base/clock.h"

static struct server_test test;

static void begin(void)
{
    init_test(&test);
    start(&test);
}

/* ---- a client: nghttp2 over a blocking socket ---- */

struct answer {
    struct buf head, body; /* "name: value\n" each */
    int32_t id;
    bool ended, closed;
    uint32_t error_code;
    const char *to_send;
    size_t to_send_len;
};

struct client {
    nghttp2_session *session;
    struct answer answers[300]; /* by id / 2 */
    int fd;
    bool goaway, manual_windows, pong;
};

static struct answer *answer_of(struct client *client, int32_t id)
{
    return &client->answers[(size_t)(id / 2) % ARRAY_LEN(client->answers)];
}

static int client_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                            const uint8_t *name, size_t name_len, const uint8_t *value,
                            size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)flags;
    buf_appendf(&answer_of(user, frame->hd.stream_id)->head, "%.*s: %.*s\n", (int)name_len,
                (const char *)name, (int)value_len, (const char *)value);
    return 0;
}

static int client_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                          size_t len, void *user)
{
    (void)session;
    (void)flags;
    buf_append(&answer_of(user, id)->body, data, len);
    return 0;
}

static int client_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct client *client = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        client->goaway = true;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        client->pong = true;
    if (frame->hd.type <= NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        answer_of(client, frame->hd.stream_id)->ended = true;
    return 0;
}

static int client_on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user)
{
    struct answer *answer = answer_of(user, id);

    (void)session;
    answer->closed = true;
    answer->error_code = error_code;
    return 0;
}

static struct client *client_new_with(const struct server_test *to, bool manual_windows,
                                      uint32_t window)
{
    const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    struct client *client = calloc(1, sizeof(*client));
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, manual_windows);
    nghttp2_option_set_max_send_header_block_length(option, 4 << 20);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, client_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, client_on_close);
    CHECK(nghttp2_session_client_new2(&client->session, callbacks, client, option) == 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    CHECK(nghttp2_submit_settings(client->session, 0, &settings, 1) == 0);
    client->fd = connect_to(to);
    return client;
}

static struct client *client_new(const struct server_test *to)
{
    return client_new_with(to, false, 65535);
}

static void client_free(struct client *client)
{
    close(client->fd);
    nghttp2_session_del(client->session);
    for (size_t i = 0; i < ARRAY_LEN(client->answers); i++) {
        buf_release(&client->answers[i].head);
        buf_release(&client->answers[i].body);
    }
    free(client);
}

static bool client_send(struct client *client)
{
    const uint8_t *data;
    ssize_t len;

    while ((len = nghttp2_session_mem_send(client->session, &data)) > 0)
        if (!send_bytes(client->fd, data, (size_t)len))
            return false;
    return len == 0;
}

/* Sends what is due, and takes in what comes next. False at the end of the connection. */
static bool client_step(struct client *client)
{
    uint8_t some[65536];
    ssize_t len;

    (void)client_send(client);
    len = recv(client->fd, some, sizeof(some), 0);
    CHECK(len >= 0 || errno != EAGAIN); /* nothing came for WAIT_S */
    return len > 0 && nghttp2_session_mem_recv(client->session, some, (size_t)len) == len;
}

/* The server has answered all that came before. */
static void client_settle(struct client *client)
{
    client->pong = false;
    CHECK(nghttp2_submit_ping(client->session, 0, NULL) == 0);
    while (!client->pong)
        CHECK(client_step(client));
}

static nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

static ssize_t client_pull(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct answer *answer = answer_of(user, id);
    size_t len = answer->to_send_len < room ? answer->to_send_len : room;

    (void)session;
    (void)source;
    memcpy(to, answer->to_send, len);
    answer->to_send += len;
    answer->to_send_len -= len;
    if (answer->to_send_len == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static struct answer *submit_with(struct client *client, const char *method, const char *path,
                                  struct bytes body, const char *extra)
{
    const nghttp2_nv head[] = {nv(":method", method), nv(":path", path), nv(":scheme", "http"),
                               nv(":authority", "h:1"), nv("x-foo", extra != NULL ? extra : "")};
    const nghttp2_data_provider provider = {.read_callback = client_pull};
    int32_t id = nghttp2_submit_request(client->session, NULL, head, extra != NULL ? 5 : 4,
                                        body.ptr != NULL ? &provider : NULL, NULL);
    struct answer *answer = answer_of(client, id);

    CHECK(id > 0);
    *answer = (struct answer){.id = id, .to_send = body.ptr, .to_send_len = body.len};
    return answer;
}

static struct answer *submit(struct client *client, const char *method, const char *path)
{
    return submit_with(client, method, path, bytes_of(NULL, 0), NULL);
}

static bool until_closed(struct client *client, const struct answer *answer)
{
    while (!answer->closed)
        if (!client_step(client))
            return false;
    return true;
}

static bool until_body(struct client *client, const struct answer *answer, size_t len)
{
    while (answer->body.len < len)
        if (!client_step(client))
            return false;
    return true;
}

static bool until_head(struct client *client, const struct answer *answer)
{
    while (answer->head.len == 0)
        if (!client_step(client))
            return false;
    return true;
}

static bool has(struct buf *text, const char *needle)
{
    buf_append_char(text, '\0');
    text->len--;
    return contains(text, needle);
}

/* ---- requests ---- */

TEST(http2, a_request_arrives_whole_and_is_answered_with_its_length)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = submit_with(client, "POST", "/echo?a=b%2Fc", BYTES("hello"), "Bar");
    CHECK(until_closed(client, answer));
    CHECK(has(&answer->head, ":status: 200\n") && has(&answer->head, "\ndate: "));
    CHECK(has(&answer->head, "content-type: text/plain\n"));
    CHECK(!has(&answer->head, "set-cookie") && !has(&answer->head, "content-length: 3\n"));
    CHECK(has(&answer->body, "method POST\ntarget /echo?a=b%2Fc\nauthority h:1\nversion 2\n"));
    CHECK(has(&answer->body, "\nx-foo=Bar\nbody 5 hello\npeer 127.0.0.1:"));
    CHECK_INT(answer->error_code, 0);
    client_free(client);
    stop(&test);
}

TEST(http2, a_hundred_requests_at_once_are_all_answered)
{
    struct http_server_stats stats;
    struct answer *answers[100];
    struct client *client;

    begin();
    client = client_new(&test);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        answers[i] = submit(client, "GET", "/echo");
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        CHECK(until_closed(client, answers[i]) && has(&answers[i]->body, "peer"));
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.requests_total, 100);
    CHECK_INT(stats.connections_total, 1);
    client_free(client);
    stop(&test);
}

TEST(http2, head_and_204_have_no_body)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = submit(client, "HEAD", "/big");
    CHECK(until_closed(client, answer));
    CHECK(has(&answer->head, "content-length: 8388608\n") && answer->body.len == 0);
    answer = submit(client, "GET", "/204");
    CHECK(until_closed(client, answer));
    CHECK(has(&answer->head, ":status: 204\n") && !has(&answer->head, "content-length"));
    client_free(client);
    stop(&test);
}

TEST(http2, a_large_answer_follows_the_windows)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = submit(client, "GET", "/big");
    CHECK(until_closed(client, answer));
    CHECK_INT(answer->body.len, BIG);
    CHECK(answer->body.data[0] == 'x' && answer->body.data[BIG - 1] == 'x');
    client_free(client);
    stop(&test);
}

TEST(http2, a_preface_may_come_byte_by_byte)
{
    struct client *client;
    struct answer *answer;
    const uint8_t *data;
    ssize_t len;

    begin();
    client = client_new(&test);
    answer = submit(client, "GET", "/echo");
    while ((len = nghttp2_session_mem_send(client->session, &data)) > 0)
        for (ssize_t i = 0; i < len; i++)
            CHECK(send_bytes(client->fd, data + i, 1));
    CHECK(until_closed(client, answer) && has(&answer->body, "peer"));
    client_free(client);
    stop(&test);
}

TEST(http2, a_body_over_the_limit_is_413_and_the_connection_goes_on)
{
    char *body = malloc((3 << 20) + 1);
    struct client *client;
    struct answer *answer;

    begin();
    memset(body, 'a', (3 << 20) + 1);
    client = client_new(&test);
    answer = submit_with(client, "PUT", "/echo", bytes_of(body, 3 << 20), NULL);
    CHECK(until_closed(client, answer) && has(&answer->body, "body 3145728 aaa"));
    answer = submit_with(client, "PUT", "/echo", bytes_of(body, (3 << 20) + 1), NULL);
    CHECK(until_closed(client, answer));
    CHECK(has(&answer->head, ":status: 413\n"));
    CHECK(has(&answer->body,
              "limit is 3145728\",\"reason\":\"RequestEntityTooLarge\",\"code\":413}"));
    answer = submit(client, "GET", "/echo");
    CHECK(until_closed(client, answer) && has(&answer->body, "peer"));
    client_free(client);
    free(body);
    stop(&test);
}

TEST(http2, a_head_over_the_limit_is_431_and_the_connection_goes_on)
{
    nghttp2_nv many[110] = {nv(":method", "GET"), nv(":path", "/echo"), nv(":scheme", "http"),
                            nv(":authority", "h")};
    char *value = calloc(1, 64 << 10);
    struct client *client;
    struct answer *answer;

    begin();
    memset(value, 'v', 60 << 10);
    client = client_new(&test);
    answer = submit_with(client, "GET", "/echo", bytes_of(NULL, 0), value);
    CHECK(until_closed(client, answer) && has(&answer->head, ":status: 200\n"));
    memset(value, 'v', (64 << 10) - 1);
    answer = submit_with(client, "GET", "/echo", bytes_of(NULL, 0), value);
    CHECK(until_closed(client, answer) && has(&answer->head, ":status: 431\n"));
    for (size_t i = 4; i < ARRAY_LEN(many); i++)
        many[i] = nv("x-many", "x");
    answer = answer_of(
        client, nghttp2_submit_request(client->session, NULL, many, ARRAY_LEN(many), NULL, NULL));
    CHECK(until_closed(client, answer) && has(&answer->head, ":status: 431\n"));
    CHECK(has(&answer->body, "Request Header Fields Too Large\",\"code\":431}"));
    answer = submit(client, "GET", "/echo");
    CHECK(until_closed(client, answer) && has(&answer->body, "peer"));
    client_free(client);
    free(value);
    stop(&test);
}

TEST(http2, connect_is_405_and_a_target_that_is_none_is_refused)
{
    const nghttp2_nv connect[] = {nv(":method", "CONNECT"), nv(":authority", "x:1")};
    const nghttp2_nv odd[] = {nv(":method", "GET"), nv(":path", "foo"), nv(":scheme", "odd"),
                              nv(":authority", "x")};
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer =
        answer_of(client, nghttp2_submit_request(client->session, NULL, connect, 2, NULL, NULL));
    CHECK(until_closed(client, answer) && has(&answer->head, ":status: 405\n"));
    answer = answer_of(client, nghttp2_submit_request(client->session, NULL, odd, 4, NULL, NULL));
    CHECK(until_closed(client, answer) && has(&answer->head, ":status: 400\n"));
    CHECK_INT(value_of(&test, &test.requests), 0);
    client_free(client);
    stop(&test);
}

/* ---- later answers ---- */

static void reply_later(struct server_test *it)
{
    if (it->later != NULL)
        reply_text(it->later, 200, it->later->authority);
    it->later = NULL;
}

TEST(http2, an_answer_may_come_after_the_handler_has_returned)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = submit(client, "GET", "/later");
    CHECK(client_send(client) && wait_for(&test, &test.requests, 1));
    on_loop(&test, reply_later);
    CHECK(until_closed(client, answer) && has(&answer->body, "h:1"));
    client_free(client);
    stop(&test);
    CHECK_INT(test.later_gone, 0);
}

TEST(http2, a_handler_is_told_when_the_client_resets_its_request)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = submit(client, "GET", "/later");
    CHECK(client_send(client) && wait_for(&test, &test.requests, 1));
    CHECK(nghttp2_submit_rst_stream(client->session, 0, answer->id, NGHTTP2_CANCEL) == 0);
    CHECK(client_send(client) && wait_for(&test, &test.later_gone, 1));
    on_loop(&test, reply_later); /* does nothing: it is gone */
    answer = submit(client, "GET", "/echo");
    CHECK(until_closed(client, answer));
    client_free(client);
    stop(&test);
    CHECK_INT(test.later_gone, 1);
}

TEST(http2, a_handler_that_does_not_ask_may_answer_nobody)
{
    struct client *client;

    begin();
    client = client_new(&test);
    (void)submit_with(client, "POST", "/forget", BYTES("body"), NULL);
    CHECK(client_send(client) && wait_for(&test, &test.requests, 1));
    client_free(client);
    stop(&test);
    CHECK_TEXT(test.later->body, "body");
    reply_text(test.later, 200, BYTES("nobody"));
}

/* ---- streams ---- */

static struct answer *open_stream(struct client *client, int nth)
{
    struct answer *answer = submit(client, "GET", "/stream");

    CHECK(until_head(client, answer));
    CHECK(wait_for(&test, &test.ready, nth));
    return answer;
}

static void write_three(struct server_test *it)
{
    struct frame *frames[3] = {frame_new(BYTES("one\n")), frame_new(BYTES("two\n")),
                               frame_new(BYTES("three\n"))};

    for (size_t s = 0; s < it->stream_count; s++) {
        CHECK(http_stream_ready(it->streams[s]));
        http_stream_write(it->streams[s], frames, 3);
        CHECK(!http_stream_ready(it->streams[s]));
    }
    for (int i = 0; i < 3; i++)
        frame_unref(frames[i]);
}

static void write_three_and_end(struct server_test *it)
{
    write_three(it);
    for (size_t s = 0; s < it->stream_count; s++)
        http_stream_end(it->streams[s]);
    it->stream = NULL;
}

static void abort_stream(struct server_test *it)
{
    http_stream_abort(it->stream);
    it->stream = NULL;
}

TEST(http2, the_head_of_a_stream_comes_before_any_data_then_frames_then_a_clean_end)
{
    struct http_server_stats stats;
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = open_stream(client, 1);
    CHECK(has(&answer->head, ":status: 200\ndate: "));
    CHECK(has(&answer->head, "content-type: application/json\n"));
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.streams, 1);
    on_loop(&test, write_three);
    CHECK(until_body(client, answer, 14));
    CHECK_TEXT(buf_bytes(&answer->body), "one\ntwo\nthree\n");
    CHECK(wait_for(&test, &test.ready, 2));
    on_loop(&test, write_three_and_end);
    CHECK(until_closed(client, answer));
    CHECK(answer->ended && answer->error_code == 0 && answer->body.len == 28);
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.streams, 0);
    client_free(client);
    stop(&test);
    CHECK_INT(test.gone, 0);
    CHECK_INT(test.ready, 2);
}

static uint32_t segments_in(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    return info.tcpi_data_segs_in;
}

TEST(http2, what_many_streams_write_in_one_turn_leaves_in_one_write)
{
    struct answer *answers[20];
    struct client *client;
    uint32_t before;

    begin();
    client = client_new(&test);
    for (int i = 0; i < 20; i++)
        answers[i] = open_stream(client, i + 1);
    client_settle(client);
    before = segments_in(client->fd);
    on_loop(&test, write_three);
    for (int i = 0; i < 20; i++)
        CHECK(until_body(client, answers[i], 14));
    CHECK_INT(segments_in(client->fd) - before, 1);
    client_free(client);
    CHECK(wait_for(&test, &test.gone, 20));
    stop(&test);
    CHECK_INT(test.gone, 20);
}

static void write_big(struct server_test *it)
{
    struct frame *frame = frame_new(blob_bytes(it->big));

    http_stream_write(it->stream, &frame, 1);
    frame_unref(frame);
}

static void write_big_and_end(struct server_test *it)
{
    write_big(it);
    http_stream_end(it->stream);
    it->stream = NULL;
}

TEST(http2, an_end_waits_for_all_that_was_written)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = open_stream(client, 1);
    on_loop(&test, write_big_and_end);
    CHECK(until_closed(client, answer));
    CHECK(answer->ended && answer->body.len == BIG);
    client_free(client);
    stop(&test);
    CHECK_INT(test.gone, 0);
}

static void write_big_to_all(struct server_test *it)
{
    struct frame *frame = frame_new(blob_bytes(it->big));

    for (size_t s = 0; s < it->stream_count; s++)
        http_stream_write(it->streams[s], &frame, 1);
    frame_unref(frame);
}

static size_t least_of(struct answer *const *answers, size_t count)
{
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < count; i++)
        if (answers[i]->body.len < least)
            least = answers[i]->body.len;
    return least;
}

TEST(http2, streams_with_much_to_send_take_turns)
{
    enum { READ_AT_ONCE = 65536 };
    struct answer *answers[3];
    struct client *client;

    begin();
    client = client_new_with(&test, false, 4 * BIG);
    CHECK(nghttp2_session_set_local_window_size(client->session, 0, 0, 4 * BIG) == 0);
    for (int i = 0; i < 3; i++)
        answers[i] = open_stream(client, i + 1);
    client_settle(client);
    on_loop(&test, write_big_to_all);
    CHECK(until_body(client, answers[0], BIG));
    CHECK(least_of(answers, 3) + READ_AT_ONCE >= BIG);
    for (int i = 1; i < 3; i++)
        CHECK(until_body(client, answers[i], BIG));
    client_free(client);
    CHECK(wait_for(&test, &test.gone, 3));
    stop(&test);
}

TEST(http2, an_aborted_stream_is_reset_and_the_connection_goes_on)
{
    struct client *client;
    struct answer *answer;

    begin();
    client = client_new(&test);
    answer = open_stream(client, 1);
    on_loop(&test, abort_stream);
    CHECK(until_closed(client, answer));
    CHECK_INT(answer->error_code, NGHTTP2_INTERNAL_ERROR);
    answer = submit(client, "GET", "/echo");
    CHECK(until_closed(client, answer) && has(&answer->body, "peer"));
    client_free(client);
    stop(&test);
    CHECK_INT(test.gone, 0);
}

TEST(http2, a_watcher_that_leaves_while_idle_is_noticed_however_it_leaves)
{
    for (int how = 0; how < 3; how++) {
        const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        struct client *client;
        struct answer *answer;

        begin();
        client = client_new(&test);
        answer = open_stream(client, 1);
        if (how == 0) {
            CHECK(nghttp2_submit_rst_stream(client->session, 0, answer->id, NGHTTP2_CANCEL) == 0);
            CHECK(client_send(client));
        } else if (how == 1) {
            CHECK(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
            client_free(client);
        } else {
            CHECK(nghttp2_session_terminate_session(client->session, NGHTTP2_NO_ERROR) == 0);
            CHECK(client_send(client));
            client_free(client);
        }
        CHECK(wait_for(&test, &test.gone, 1));
        if (how == 0)
            client_free(client);
        stop(&test);
        CHECK_INT(test.gone, 1);
    }
}

TEST(http2, a_stream_whose_window_stays_shut_is_reset_alone)
{
    struct client *client;
    struct answer *stuck, *answer;
    int ready;

    init_test(&test);
    test.limits.write_stall_ms = 100;
    start(&test);
    client = client_new_with(&test, true, 1000);
    stuck = open_stream(client, 1);
    on_loop(&test, write_big);
    CHECK(until_closed(client, stuck));
    CHECK_INT(stuck->error_code, NGHTTP2_CANCEL);
    CHECK_INT(stuck->body.len, 1000);
    CHECK(wait_for(&test, &test.gone, 1));
    ready = value_of(&test, &test.ready);
    CHECK_INT(ready, 1);
    answer = submit(client, "GET", "/echo");
    CHECK(until_closed(client, answer) && has(&answer->body, "peer"));
    answer = submit(client, "GET", "/big"); /* an answer gets no more patience than a stream */
    CHECK(until_closed(client, answer));
    CHECK_INT(answer->error_code, NGHTTP2_CANCEL);
    client_free(client);
    stop(&test);
    CHECK_INT(test.gone, 1);
}

TEST(http2, a_client_that_does_not_read_its_socket_is_cut)
{
    struct client *client;

    init_test(&test);
    test.limits.write_stall_ms = 100;
    start(&test);
    client = client_new_with(&test, false, 1 << 30);
    CHECK(nghttp2_submit_window_update(client->session, 0, 0, 1 << 30) == 0);
    (void)open_stream(client, 1);
    on_loop(&test, write_big);
    CHECK(wait_for(&test, &test.gone, 1));
    CHECK_INT(value_of(&test, &test.ready), 1);
    client_free(client);
    stop(&test);
    CHECK_INT(test.gone, 1);
}

/* ---- draining ---- */

static void on_test_drained(void *user)
{
    struct server_test *it = user;

    happened(it, &it->drained);
}

static void drain(struct server_test *it)
{
    http_server_drain(it->server, 60000, on_test_drained, it);
}

TEST(http2, draining_sends_goaway_and_lets_streams_end)
{
    struct client *client, *idle;
    struct answer *answer;

    begin();
    idle = client_new(&test);
    CHECK(until_closed(idle, submit(idle, "GET", "/echo")));
    client = client_new(&test);
    answer = open_stream(client, 1);
    on_loop(&test, drain);
    while (client_step(idle))
        ;
    CHECK(idle->goaway);
    client_free(idle);
    while (!client->goaway)
        CHECK(client_step(client));
    CHECK_INT(value_of(&test, &test.drained), 0);
    on_loop(&test, write_three_and_end);
    CHECK(until_closed(client, answer));
    CHECK(answer->ended && answer->body.len == 14);
    while (client_step(client))
        ;
    client_free(client);
    CHECK(wait_for(&test, &test.drained, 1));
    stop(&test);
    CHECK_INT(test.drained, 1);
}

TEST(http2, an_idle_connection_is_ended_with_a_goaway)
{
    struct client *client;

    init_test(&test);
    test.limits.idle_ms = 30;
    start(&test);
    client = client_new(&test);
    while (client_step(client))
        ;
    CHECK(client->goaway);
    client_free(client);
    stop(&test);
}

/* ---- attacks ---- */

static struct buf attack_begin(void)
{
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    struct buf out = {0};

    buf_append_str(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    buf_append(&out, settings, sizeof(settings));
    return out;
}

static void put_frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t id,
                      const void *payload, size_t len)
{
    const uint8_t head[9] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

    buf_append(out, head, sizeof(head));
    buf_append(out, payload, len);
}

static const uint8_t get_root[] = {0x82, 0x84, 0x86, 1, 1, 'h'};

/* Sends it all, reads what comes until the server ends the connection; false: it does not. */
static bool is_cut(struct buf *out)
{
    int fd = connect_to(&test);
    struct buf in = {0};
    int error;

    (void)send_bytes(fd, out->data, out->len);
    error = read_to_end(fd, &in);
    close(fd);
    buf_release(&in);
    buf_release(out);
    return error == 0 || error == ECONNRESET || error == EPIPE;
}

TEST(http2, a_request_that_does_not_get_complete_ends)
{
    static const uint8_t post_root[] = {0x83, 0x84, 0x86, 1, 1, 'h'};
    struct buf out = attack_begin();

    init_test(&test);
    test.limits.first_byte_ms = 30;
    test.limits.idle_ms = 60;
    start(&test);
    put_frame(&out, 1, 0, 1, get_root, 3); /* HEADERS without END_HEADERS */
    CHECK(is_cut(&out));
    out = attack_begin();
    put_frame(&out, 1, 4, 1, post_root, sizeof(post_root)); /* and without END_STREAM */
    CHECK(is_cut(&out));
    CHECK_INT(value_of(&test, &test.requests), 0);
    stop(&test);
}

TEST(http2, rapid_reset_starts_few_requests_and_is_cut)
{
    struct buf out = attack_begin();
    const uint8_t cancel[4] = {0, 0, 0, 8};

    begin();
    for (uint32_t id = 1; id < 40000; id += 2) {
        put_frame(&out, 1, 5, id, get_root, sizeof(get_root));
        put_frame(&out, 3, 0, id, cancel, sizeof(cancel));
    }
    CHECK(is_cut(&out));
    CHECK(value_of(&test, &test.requests) <= 300);
    stop(&test);
}

TEST(http2, resets_that_the_server_is_made_to_send_count_too)
{
    struct buf out = attack_begin();
    const uint8_t overflow[4] = {0x7f, 0xff, 0xff, 0xff};
    static const uint8_t get_big[] = {0x82, 0x04, 4, '/', 'b', 'i', 'g', 0x86, 1, 1, 'h'};

    begin();
    for (uint32_t id = 1; id < 40000; id += 2) {
        put_frame(&out, 1, 5, id, get_big, sizeof(get_big));
        put_frame(&out, 8, 0, id, overflow, sizeof(overflow));
    }
    CHECK(is_cut(&out));
    CHECK(value_of(&test, &test.requests) <= 300);
    stop(&test);
}

TEST(http2, floods_of_frames_that_ask_nothing_are_cut)
{
    static const struct {
        uint8_t type, flags;
        uint32_t id;
        size_t len;
    } rows[] = {
        {6, 0, 0, 8}, /* PING */
        {4, 0, 0, 0}, /* SETTINGS */
        {2, 0, 1, 5}, /* PRIORITY */
        {0, 0, 1, 0}, /* empty DATA, on an open stream */
        {9, 0, 1, 0}, /* CONTINUATION */
        {8, 0, 0, 4}, /* WINDOW_UPDATE of 0 */
    };
    const uint8_t zeros[8] = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = attack_begin();

        begin();
        if (rows[i].type == 0)
            put_frame(&out, 1, 4, 1, get_root, sizeof(get_root));
        if (rows[i].type == 9)
            put_frame(&out, 1, 0, 1, get_root, sizeof(get_root));
        for (int n = 0; n < 60000; n++)
            put_frame(&out, rows[i].type, rows[i].flags, rows[i].id, zeros, rows[i].len);
        CHECK(is_cut(&out));
        CHECK_INT(value_of(&test, &test.requests), 0);
        stop(&test);
    }
}

/* CVE-2019-9511: answers that are taken in the smallest of frames. */
TEST(http2, windows_of_a_byte_at_a_time_are_cut)
{
    static const uint8_t get_big[] = {0x82, 0x04, 4, '/', 'b', 'i', 'g', 0x86, 1, 1, 'h'};
    const uint8_t shut[6] = {0, 4, 0, 0, 0, 0}, one[4] = {0, 0, 0, 1};
    struct buf out = attack_begin();
    char some[65536];
    int fd, rounds = 0;

    begin();
    fd = connect_to(&test);
    put_frame(&out, 4, 0, 0, shut, sizeof(shut));
    for (uint32_t id = 1; id < 180; id += 2)
        put_frame(&out, 1, 5, id, get_big, sizeof(get_big));
    do {
        (void)send_bytes(fd, out.data, out.len);
        out.len = 0;
        for (uint32_t id = 1; id < 180; id += 2)
            put_frame(&out, 8, 0, id, one, sizeof(one));
        errno = 0;
    } while (recv(fd, some, sizeof(some), 0) > 0 && ++rounds < 200);
    CHECK(rounds < 200 && errno != EAGAIN);
    close(fd);
    buf_release(&out);
    stop(&test);
}

/* One 4 KB header goes into the table of HPACK; each further byte repeats it. */
TEST(http2, a_header_bomb_is_refused_without_being_stored)
{
    struct buf out = attack_begin(), block = {0};
    char *value = malloc(4000);

    begin();
    memset(value, 'v', 4000);
    buf_append(&block, get_root, sizeof(get_root));
    buf_append(&block, "\x40\x01x\x7f\xa1\x1e", 6); /* literal, indexed: "x", 4000 bytes */
    buf_append(&block, value, 4000);
    for (int i = 0; i < 8000; i++)
        buf_append_char(&block, (char)0xbe); /* entry 62 */
    for (uint32_t id = 1; id <= 20001; id += 2)
        put_frame(&out, 1, 5, id, block.data, block.len);
    CHECK(is_cut(&out)); /* each is a reset, and resets are counted */
    CHECK_INT(value_of(&test, &test.requests), 0);
    free(value);
    buf_release(&block);
    stop(&test);
}

TEST(http2, what_is_no_frame_ends_the_connection)
{
    struct buf out = attack_begin();

    begin();
    buf_append_str(&out, "GET / HTTP/1.1\r\nHost: h\r\n\r\n, but after a preface");
    CHECK(is_cut(&out));
    stop(&test);
}
