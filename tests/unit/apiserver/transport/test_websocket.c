#include "websocket_peer.h"

#include "apiserver/transport/websocket_reader.h"
#include "base/clock.h"

static struct server_test test;

static void begin(void)
{
    init_test(&test);
    start(&test);
}

static void begin_with_pings(uint32_t ping_ms, uint32_t pong_ms)
{
    init_test(&test);
    test.limits.ping_ms = ping_ms;
    test.limits.pong_ms = pong_ms;
    start(&test);
}

/* ---- RFC 6455, what a client may and may not send ---- */

struct sent {
    uint8_t first;        /* FIN, reserved bits, opcode */
    struct bytes payload; /* ptr NULL: the end of the list */
    uint64_t len;         /* as told, */
    int form;             /* in 0, 2 or 8 more bytes */
    bool unmasked;
};

#define SENT(first, text)                                                                          \
    {                                                                                              \
        first, BYTES_INIT(text), sizeof(text) - 1, 0, false                                        \
    }
#define UNMASKED(first, text)                                                                      \
    {                                                                                              \
        first, BYTES_INIT(text), sizeof(text) - 1, 0, true                                         \
    }
#define LONG(first, text, len, form)                                                               \
    {                                                                                              \
        first, BYTES_INIT(text), len, form, false                                                  \
    }

static const struct {
    const char *name;
    struct sent frames[4];
    uint16_t code;    /* of the answer; 0: none, it goes on */
    const char *last; /* message, or NULL */
    int messages, pings;
} cases[] = {
    {"a text", {SENT(0x81, "hello")}, 0, "hello", 1, 0},
    {"binary", {SENT(0x82, "\0\xff\x80")}, 0, NULL, 1, 0},
    {"an empty text", {SENT(0x81, "")}, 0, "", 1, 0},
    {"two texts", {SENT(0x81, "a"), SENT(0x81, "b")}, 0, "b", 2, 0},
    {"three fragments", {SENT(0x01, "he"), SENT(0x00, ""), SENT(0x80, "llo")}, 0, "hello", 1, 0},
    {"UTF-8 split inside a character",
     {SENT(0x01, "\xc3"), SENT(0x80, "\xa4")},
     0,
     "\xc3\xa4",
     1,
     0},
    {"a ping", {SENT(0x89, "are you there")}, 0, NULL, 0, 1},
    {"an empty ping", {SENT(0x89, "")}, 0, NULL, 0, 1},
    {"a ping between fragments",
     {SENT(0x01, "he"), SENT(0x89, "?"), SENT(0x80, "llo")},
     0,
     "hello",
     1,
     1},
    {"a pong that nobody asked for", {SENT(0x8a, "x")}, 0, NULL, 0, 0},
    {"a close", {SENT(0x88, "\x03\xe8")}, 1000, NULL, 0, 0},
    {"a close with a reason", {SENT(0x88, "\x03\xe9gone")}, 1001, NULL, 0, 0},
    {"a close without a code", {SENT(0x88, "")}, 1005, NULL, 0, 0},
    {"a close with a code of ours", {SENT(0x88, "\x0f\xa0")}, 4000, NULL, 0, 0},
    {"nothing behind a close", {SENT(0x88, "\x03\xe8"), SENT(0x81, "late")}, 1000, NULL, 0, 0},
    {"a close of one byte", {SENT(0x88, "\x03")}, 1002, NULL, 0, 0},
    {"a close with code 999", {SENT(0x88, "\x03\xe7")}, 1002, NULL, 0, 0},
    {"a close with code 1005", {SENT(0x88, "\x03\xed")}, 1002, NULL, 0, 0},
    {"a close with code 1006", {SENT(0x88, "\x03\xee")}, 1002, NULL, 0, 0},
    {"a close with bad UTF-8", {SENT(0x88, "\x03\xe8\xff")}, 1007, NULL, 0, 0},
    {"an unmasked frame", {UNMASKED(0x81, "a")}, 1002, NULL, 0, 0},
    {"reserved bit 1", {SENT(0xc1, "a")}, 1002, NULL, 0, 0},
    {"reserved bit 2", {SENT(0xa1, "a")}, 1002, NULL, 0, 0},
    {"reserved bit 3", {SENT(0x91, "a")}, 1002, NULL, 0, 0},
    {"opcode 3", {SENT(0x83, "a")}, 1002, NULL, 0, 0},
    {"opcode 7", {SENT(0x87, "a")}, 1002, NULL, 0, 0},
    {"opcode 11", {SENT(0x8b, "a")}, 1002, NULL, 0, 0},
    {"opcode 15", {SENT(0x8f, "a")}, 1002, NULL, 0, 0},
    {"a continuation of nothing", {SENT(0x80, "a")}, 1002, NULL, 0, 0},
    {"a text within a text", {SENT(0x01, "a"), SENT(0x81, "b")}, 1002, NULL, 0, 0},
    {"a fragmented ping", {SENT(0x09, "a")}, 1002, NULL, 0, 0},
    {"a ping of 126 bytes", {LONG(0x89, "", 126, 2)}, 1002, NULL, 0, 0},
    {"a length with the top bit", {LONG(0x82, "a", 1ULL << 63, 8)}, 1002, NULL, 0, 0},
    {"a length of 2^63 - 1", {LONG(0x82, "a", INT64_MAX, 8)}, 1009, NULL, 0, 0},
    {"a length too wide, 2 bytes", {LONG(0x82, "a", 1, 2)}, 1002, NULL, 0, 0},
    {"a length too wide, 8 bytes", {LONG(0x82, "a", 1, 8)}, 1002, NULL, 0, 0},
    {"64 KiB and a byte", {LONG(0x82, "a", 65537, 8)}, 1009, NULL, 0, 0},
    {"65,537 bytes in fragments", {SENT(0x02, "a"), LONG(0x80, "b", 65536, 8)}, 1009, NULL, 0, 0},
    {"a bad byte", {SENT(0x81, "\xff")}, 1007, NULL, 0, 0},
    {"an overlong slash", {SENT(0x81, "\xc0\xaf")}, 1007, NULL, 0, 0},
    {"a surrogate", {SENT(0x81, "\xed\xa0\x80")}, 1007, NULL, 0, 0},
    {"a code point too large", {SENT(0x81, "\xf4\x90\x80\x80")}, 1007, NULL, 0, 0},
    {"a character that does not end", {SENT(0x81, "\xc3")}, 1007, NULL, 0, 0},
    {"a bad byte in a fragment", {SENT(0x01, "a\xff"), SENT(0x80, "")}, 1007, NULL, 0, 0},
    {"a close with a reason of two-byte letters",
     {SENT(0x88, "\x03\xe8"
                 "b\xc5\x96")},
     1000,
     NULL,
     0,
     0},
    {"a close with code 1004", {SENT(0x88, "\x03\xec")}, 1002, NULL, 0, 0},
    {"a close with code 5000", {SENT(0x88, "\x13\x88")}, 1002, NULL, 0, 0},
};

static struct buf bytes_of_case(size_t at)
{
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_LEN(cases[at].frames) && cases[at].frames[i].payload.ptr != NULL;
         i++) {
        const struct sent *sent = &cases[at].frames[i];

        put_frame(&out, sent->first, !sent->unmasked, sent->form, sent->len, sent->payload);
    }
    return out;
}

static struct buf many_fragments(void)
{
    struct buf out = {0};

    put_good_frame(&out, 0x01, BYTES("he"));
    put_good_frame(&out, 0x00, BYTES("l"));
    put_good_frame(&out, 0x89, BYTES("?"));
    put_good_frame(&out, 0x00, BYTES(""));
    put_good_frame(&out, 0x80, BYTES("lo"));
    return out;
}

/* ---- the reader alone ---- */

struct seen {
    struct buf last;
    int messages, pings, pongs;
};

static void see_message(void *user, struct bytes message)
{
    struct seen *seen = user;

    seen->last.len = 0;
    buf_append_bytes(&seen->last, message);
    seen->messages++;
}

static void see_ping(void *user, struct bytes payload)
{
    (void)payload;
    ((struct seen *)user)->pings++;
}

static void see_pong(void *user, struct bytes payload)
{
    (void)payload;
    ((struct seen *)user)->pongs++;
}

static const struct websocket_reader_ops see = {see_message, see_ping, see_pong};

static uint16_t read_in_steps(struct websocket_reader *reader, struct bytes input, size_t step)
{
    uint16_t code = 0;

    while (input.len > 0 && code == 0) {
        code = websocket_read(reader, bytes_of(input.ptr, step < input.len ? step : input.len));
        input = bytes_from(input, step);
    }
    return code;
}

static void check_case_alone(size_t at, size_t step)
{
    struct seen seen = {0};
    struct websocket_reader reader = {.ops = &see, .user = &seen};
    struct buf input = bytes_of_case(at);
    uint16_t code = read_in_steps(&reader, buf_bytes(&input), step);

    if (code != cases[at].code || seen.messages != cases[at].messages)
        fprintf(stderr, "case: %s, code %d\n", cases[at].name, code);
    CHECK_INT(code, cases[at].code);
    CHECK_INT(seen.messages, cases[at].messages);
    CHECK_INT(seen.pings, cases[at].pings);
    if (cases[at].last != NULL)
        CHECK_TEXT(buf_bytes(&seen.last), cases[at].last);
    CHECK(reader.reading == NULL); /* it keeps nothing between messages */
    websocket_reader_release(&reader);
    buf_release(&seen.last);
    buf_release(&input);
}

TEST(websocket, the_reader_follows_rfc_6455_however_the_bytes_come)
{
    for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
        check_case_alone(at, SIZE_MAX / 2);
        for (size_t step = 1; step < 16; step++)
            check_case_alone(at, step);
    }
}

TEST(websocket, a_message_of_64_kib_is_whole_and_nothing_is_kept_of_it)
{
    struct seen seen = {0};
    struct websocket_reader reader = {.ops = &see, .user = &seen};
    struct buf input = {0};
    char *large = calloc(1, WEBSOCKET_MESSAGE_MAX);

    put_good_frame(&input, 0x02, bytes_of(large, 1000));
    put_good_frame(&input, 0x80, bytes_of(large, WEBSOCKET_MESSAGE_MAX - 1000));
    CHECK_INT(read_in_steps(&reader, bytes_of(input.data, input.len - 1), 5000), 0);
    CHECK(reader.reading != NULL && seen.messages == 0);
    CHECK_INT(websocket_read(&reader, bytes_from(buf_bytes(&input), input.len - 1)), 0);
    CHECK(reader.reading == NULL && seen.messages == 1);
    CHECK_INT(seen.last.len, WEBSOCKET_MESSAGE_MAX);
    buf_release(&seen.last);
    buf_release(&input);
    free(large);
}

/* ---- the same over both engines ---- */

static void check_case_served(size_t at, bool h2)
{
    struct peer peer = peer_open(&test, h2);
    struct buf input = bytes_of_case(at);
    struct ws_frame frame = {0};
    int gone = value_of(&test, &test.gone);

    (void)peer_send(&peer, buf_bytes(&input));
    if (cases[at].code == 0)
        peer_send_frame(&peer, 0x88, BYTES("\x0f\xa1")); /* 4001 */
    for (int i = 0; i < cases[at].pings; i++) {
        peer_next(&peer, &frame);
        CHECK_INT(frame.opcode, 0xa);
    }
    peer_next(&peer, &frame);
    CHECK_INT(frame.opcode, 0x8);
    if (close_code(&frame) != (cases[at].code != 0 ? cases[at].code : 4001))
        fprintf(stderr, "case: %s, h2 %d, code %d\n", cases[at].name, h2, close_code(&frame));
    CHECK_INT(close_code(&frame), cases[at].code != 0 ? cases[at].code : 4001);
    peer_next(&peer, &frame);
    CHECK_INT(frame.opcode, 0xff); /* the end follows */
    CHECK(!h2 || peer.ended);
    CHECK(wait_for(&test, &test.gone, gone + 1));
    buf_release(&frame.data);
    buf_release(&input);
    peer_close(&peer);
}

TEST(websocket, the_server_follows_rfc_6455_over_http_1_1_and_http_2)
{
    begin();
    for (size_t at = 0; at < ARRAY_LEN(cases); at++)
        for (int h2 = 0; h2 < 2; h2++)
            check_case_served(at, h2 != 0);
    stop(&test);
}

static void fragments(bool h2)
{
    struct peer peer = peer_open(&test, h2);
    struct buf input = many_fragments();
    struct ws_frame frame = {0};

    for (size_t i = 0; i < input.len; i++)
        CHECK(peer_send(&peer, bytes_of(input.data + i, 1)));
    CHECK(wait_for(&test, &test.messages, h2 ? 2 : 1));
    CHECK_TEXT(buf_bytes(&test.message), "hello");
    peer_next(&peer, &frame);
    CHECK_INT(frame.opcode, 0xa);
    CHECK_TEXT(frame.payload, "?");
    buf_release(&frame.data);
    buf_release(&input);
    peer_close(&peer);
    CHECK(wait_for(&test, &test.gone, h2 ? 2 : 1));
}

TEST(websocket, a_message_in_fragments_with_a_ping_between_is_one_message)
{
    begin();
    fragments(false);
    fragments(true);
    stop(&test);
}

/* ---- what the server sends ---- */

static const size_t sizes[] = {1, 125, 126, 65535, 65536, 1 << 20};
static size_t size_at;

static void send_of_size(struct server_test *on)
{
    struct frame *frame = frame_new(bytes_of(on->big->data, sizes[size_at]));

    CHECK(http_stream_ready(on->stream));
    http_stream_write(on->stream, &frame, 1);
    frame_unref(frame);
}

static void sizes_over(bool h2)
{
    struct peer peer = peer_open(&test, h2);
    struct ws_frame frame = {0};

    for (size_at = 0; size_at < ARRAY_LEN(sizes); size_at++) {
        CHECK(wait_for(&test, &test.ready, (int)(size_at + 1)));
        on_loop(&test, send_of_size);
        peer_next(&peer, &frame);
        CHECK_INT(frame.first, 0x81);
        CHECK_INT(frame.payload.len, sizes[size_at]);
        CHECK(frame.payload.ptr[frame.payload.len - 1] == 'x');
    }
    buf_release(&frame.data);
    peer_close(&peer);
    CHECK(wait_for(&test, &test.gone, 1));
}

TEST(websocket, each_frame_is_one_text_message_of_any_size)
{
    for (int h2 = 0; h2 < 2; h2++) {
        begin();
        sizes_over(h2 != 0);
        stop(&test);
    }
}

static void send_many_binary(struct server_test *on)
{
    struct frame *frames[HTTP_STREAM_WRITE_MAX];

    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        frames[i] = frame_new_binary(BYTES("\0\0\0\3abc"), 4);
    http_stream_write(on->stream, frames, ARRAY_LEN(frames));
    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        frame_unref(frames[i]);
}

TEST(websocket, many_binary_frames_go_without_their_length_prefix)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct ws_frame frame = {0};
        struct peer peer;

        begin();
        peer = peer_open(&test, h2 != 0);
        CHECK(wait_for(&test, &test.ready, 1));
        on_loop(&test, send_many_binary);
        for (size_t i = 0; i < HTTP_STREAM_WRITE_MAX; i++) {
            peer_next(&peer, &frame);
            CHECK_INT(frame.first, 0x82);
            CHECK_TEXT(frame.payload, "abc");
        }
        buf_release(&frame.data);
        peer_close(&peer);
        stop(&test);
    }
}

/* ---- how it ends ---- */

static void end_stream(struct server_test *on)
{
    http_stream_end(on->stream);
    on->stream = NULL;
}

/* Ends as `end` does, and expects `code`; the peer answers, or stays silent. */
static void clean_end(bool h2, bool answers, void (*end)(struct server_test *), uint16_t code)
{
    struct ws_frame frame = {0};
    struct peer peer;

    begin();
    peer = peer_open(&test, h2);
    CHECK(wait_for(&test, &test.ready, 1));
    on_loop(&test, end);
    peer_next(&peer, &frame);
    CHECK_INT(frame.opcode, 0x8);
    CHECK_INT(close_code(&frame), code);
    if (answers)
        peer_send_frame(&peer, 0x88, frame.payload);
    peer_next(&peer, &frame);
    CHECK_INT(frame.opcode, 0xff);
    CHECK_INT(value_of(&test, &test.gone), 0);
    peer_close(&peer);
    buf_release(&frame.data);
    stop(&test);
}

TEST(websocket, a_clean_end_is_1000_and_waits_for_the_peers_close)
{
    uint64_t began = clock_monotonic_us();

    clean_end(false, true, end_stream, 1000);
    clean_end(true, true, end_stream, 1000);
    CHECK(clock_monotonic_us() - began < 2 * 1900000);
}

TEST(websocket, a_peer_that_does_not_close_is_waited_for_two_seconds)
{
    uint64_t began = clock_monotonic_us();

    clean_end(false, false, end_stream, 1000);
    clean_end(true, false, end_stream, 1000);
    CHECK(clock_monotonic_us() - began >= 2 * 1900000);
}

static void drain_and_end(struct server_test *on)
{
    http_server_drain(on->server, 20000, nothing_happens, on);
    end_stream(on);
}

TEST(websocket, while_the_server_drains_the_end_is_1001)
{
    clean_end(false, true, drain_and_end, 1001);
    clean_end(true, true, drain_and_end, 1001);
}

TEST(websocket, a_handler_may_end_its_stream_while_it_is_handed_a_message)
{
    begin();
    for (int i = 0; i < 4; i++) {
        bool h2 = (i & 1) != 0, breaks = (i & 2) != 0;
        struct peer peer = peer_open(&test, h2);
        struct ws_frame frame = {0};

        peer_send_frame(&peer, 0x81, breaks ? BYTES("break") : BYTES("bye"));
        peer_send_frame(&peer, 0x81, BYTES("and more"));
        peer_next(&peer, &frame);
        if (!breaks) {
            CHECK_INT(close_code(&frame), 1000);
            peer_send_frame(&peer, 0x88, frame.payload);
            peer_next(&peer, &frame);
        }
        CHECK_INT(frame.opcode, 0xff);
        buf_release(&frame.data);
        peer_close(&peer);
    }
    CHECK_INT(value_of(&test, &test.gone), 0);
    stop(&test);
}

TEST(websocket, a_peer_that_leaves_without_a_word_is_gone)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct peer peer;

        begin();
        peer = peer_open(&test, h2 != 0);
        CHECK(wait_for(&test, &test.ready, 1));
        peer_close(&peer);
        CHECK(wait_for(&test, &test.gone, 1));
        stop(&test);
    }
}

TEST(websocket, the_end_of_an_http_2_stream_is_a_half_close)
{
    struct buf out = {0};
    struct peer peer;

    begin();
    peer = peer_open(&test, true);
    h2_put(&out, H2_DATA, H2_END_STREAM, 1, bytes_of(NULL, 0));
    CHECK(send_bytes(peer.fd, out.data, out.len));
    CHECK(wait_for(&test, &test.gone, 1));
    while (peer_step(&peer))
        ;
    CHECK_INT(peer.reset, 8 + 1); /* CANCEL */
    buf_release(&out);
    peer_close(&peer);
    stop(&test);
}

TEST(websocket, a_peer_that_does_not_read_is_cut)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct peer peer;

        init_test(&test);
        test.limits.write_stall_ms = 200;
        test.write_when_ready = true;
        start(&test);
        peer = peer_open_on(&test, h2 != 0, 4096);
        CHECK(wait_for(&test, &test.gone, 1));
        peer_close(&peer);
        stop(&test);
    }
}

/* ---- pings ---- */

TEST(websocket, a_ping_that_is_answered_is_followed_by_the_next)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct ws_frame frame = {0};
        struct peer peer;

        begin_with_pings(30, 20000);
        peer = peer_open(&test, h2 != 0);
        for (int i = 0; i < 4; i++) {
            peer_next(&peer, &frame);
            CHECK_INT(frame.first, 0x89);
            peer_send_frame(&peer, 0x8a, frame.payload);
        }
        CHECK_INT(value_of(&test, &test.gone), 0);
        buf_release(&frame.data);
        peer_close(&peer);
        stop(&test);
    }
}

TEST(websocket, a_ping_without_an_answer_ends_it)
{
    for (int h2 = 0; h2 < 2; h2++) {
        struct ws_frame frame = {0};
        struct peer peer;
        int pings = 0;

        begin_with_pings(h2 ? 60 : 30, 60);
        peer = peer_open(&test, h2 != 0);
        for (peer_next(&peer, &frame); frame.opcode == 0x9; pings++) {
            peer_send_frame(&peer, 0x81, BYTES("still here")); /* which is no pong */
            peer_next(&peer, &frame);
        }
        CHECK_INT(pings, 1);
        CHECK_INT(frame.opcode, 0xff);
        CHECK(wait_for(&test, &test.gone, 1));
        buf_release(&frame.data);
        peer_close(&peer);
        stop(&test);
    }
}

TEST(websocket, only_the_last_of_many_pings_must_be_answered)
{
    struct buf pings = {0};
    struct ws_frame frame = {0};
    struct peer peer;
    int pongs = 0;

    begin();
    for (int i = 0; i < 100000; i++)
        put_good_frame(&pings, 0x89, BYTES("many"));
    put_good_frame(&pings, 0x89, BYTES("last"));
    peer = peer_open(&test, false);
    CHECK(peer_send(&peer, buf_bytes(&pings)));
    do {
        peer_next(&peer, &frame);
        CHECK_INT(frame.opcode, 0xa);
        pongs++;
    } while (!bytes_eq_str(frame.payload, "last"));
    CHECK(pongs < 100000);
    buf_release(&frame.data);
    buf_release(&pings);
    peer_close(&peer);
    stop(&test);
}

/* ---- handshakes ---- */

TEST(websocket, a_bad_handshake_is_refused_and_ends_the_connection)
{
    static const struct {
        const char *head, *status, *says;
    } bad[] = {
        {WS_HEAD "Sec-WebSocket-Version: 13\r\n\r\n", " 400 ", "Sec-WebSocket-Key"},
        {WS_HEAD "Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Version: 13\r\n\r\n", " 400 ",
         "Sec-WebSocket-Key"},
        {WS_HEAD WS_KEY "\r\n", " 400 ", "Sec-WebSocket-Version"},
        {WS_HEAD WS_KEY "Sec-WebSocket-Version: 8\r\n\r\n", " 426 ", "sec-websocket-version: 13"},
        {"POST /stream HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" WS_KEY
         "Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
         " 400 ", "begins with GET"},
        {WS_HEAD WS_KEY "Sec-WebSocket-Version: 13\r\nContent-Length: 1\r\n\r\nx", " 400 ",
         "without a body"},
        {"GET /stream HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" WS_KEY
         "Sec-WebSocket-Version: 13\r\n\r\n",
         " 400 ", "need HTTP/1.1"},
    };

    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf request = {0}, answer = {0};
        int fd = connect_to(&test);

        buf_append_str(&request, bad[i].head);
        buf_append_str(&request, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        CHECK(send_bytes(fd, request.data, request.len));
        (void)read_to_end(fd, &answer);
        CHECK(contains(&answer, bad[i].status) && contains(&answer, bad[i].says));
        CHECK(!contains(&answer, "method GET") && !contains(&answer, " 101 "));
        buf_release(&answer);
        buf_release(&request);
        close(fd);
    }
    stop(&test);
}

TEST(websocket, one_of_the_two_headers_alone_asks_for_nothing)
{
    static const char *const plain[] = {
        "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    };

    begin();
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        struct buf answer = ask(&test, plain[i], "peer 127");

        CHECK(contains(&answer, "HTTP/1.1 200 OK"));
        buf_release(&answer);
    }
    stop(&test);
}

/* The answer to a CONNECT: the status as HPACK writes it (RFC 7541: 0x88 is 200). */
static void check_connect(const char *protocol, const char *version, uint8_t flags,
                          const char *says)
{
    struct peer peer = {.fd = connect_to(&test), .h2 = true};

    h2_connect(&peer, protocol, version, flags);
    while (peer_step(&peer))
        ;
    CHECK(!peer.answered && peer.ended);
    buf_append_char(&peer.in, '\0');
    CHECK(contains(&peer.in, says));
    peer_close(&peer);
}

TEST(websocket, over_http_2_other_protocols_and_versions_are_refused)
{
    begin();
    check_connect("connect-udp", "13", 0, "\"code\":501");
    check_connect("websocket", "8", 0, "\"code\":426");
    check_connect("websocket", NULL, 0, "\"code\":400");
    stop(&test);
}

TEST(websocket, over_http_2_a_client_waits_for_the_answer_before_it_sends)
{
    struct peer peer;
    struct buf out = {0};

    begin();
    peer = (struct peer){.fd = connect_to(&test), .h2 = true};
    h2_connect(&peer, "websocket", "13", H2_END_STREAM); /* never says anything: gone at once */
    CHECK(wait_for(&test, &test.gone, 1));
    buf_release(&out);
    peer_close(&peer);
    stop(&test);
}

/* ---- HTTP/2 without WebSockets ---- */

/* Opens a stream that stays, answers `answers` pings, and reads to the end; the pings it got. */
static int pings_until_the_end(int answers)
{
    static const char get[] = "\x82\x86\x04\x07/stream\x41\x01h"; /* GET http /stream h */
    struct buf out = {0};
    struct peer peer;
    int pings;

    begin_with_pings(30, answers == 0 ? 60 : 2000); /* time for us to answer on a busy machine */
    peer = (struct peer){.fd = connect_to(&test), .h2 = true};
    buf_append_str(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    h2_put(&out, H2_SETTINGS, 0, 0, bytes_of(NULL, 0));
    h2_put(&out, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, bytes_of(get, sizeof(get) - 1));
    CHECK(send_bytes(peer.fd, out.data, out.len));
    out.len = 0;
    h2_put(&out, H2_PING, H2_ACK, 0, BYTES("\0\0\0\0\0\0\0\0"));
    for (int answered = 0; peer_step(&peer);)
        if (peer.pings > answered && answered < answers)
            answered += send_bytes(peer.fd, out.data, out.len);
    CHECK(peer.answered && !peer.ended && peer.reset == 0);
    CHECK(wait_for(&test, &test.gone, 1));
    pings = peer.pings;
    buf_release(&out);
    peer_close(&peer);
    stop(&test);
    return pings;
}

TEST(websocket, an_http_2_peer_is_pinged_as_long_as_it_answers_and_cut_when_it_does_not)
{
    CHECK_INT(pings_until_the_end(0), 1);
    CHECK_INT(pings_until_the_end(5), 6);
}
