#include "server_thread.h"

#include <errno.h>

#include "base/clock.h"

static struct server_test test;

static void begin(void)
{
    init_test(&test);
    start(&test);
}

/* ---- requests ---- */

TEST(http1, a_request_arrives_whole_and_is_answered_with_its_length)
{
    struct buf answer;

    begin();
    answer = ask(&test,
                 "POST /echo?a=b%2Fc HTTP/1.1\r\nHost: h:1\r\nX-Foo:  Bar \r\n"
                 "Content-Length: 5\r\n\r\nhello",
                 "peer 127.0.0.1:");
    CHECK(bytes_starts_with(buf_bytes(&answer), BYTES("HTTP/1.1 200 OK\r\n")));
    CHECK(contains(&answer, "method POST\ntarget /echo?a=b%2Fc\nauthority h:1\nversion 1\n"));
    CHECK(contains(&answer, "\nx-foo=Bar\n") && contains(&answer, "\nhost=h:1\n"));
    CHECK(contains(&answer, "body 5 hello"));
    CHECK(contains(&answer, "content-type: text/plain\r\n"));
    CHECK(contains(&answer, "\r\nDate: "));
    CHECK(!contains(&answer, "set-cookie")); /* a header with a line break is not sent */
    CHECK(!contains(&answer, "Content-Length: 3\r"));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, a_chunked_body_arrives_decoded)
{
    struct buf answer;

    begin();
    answer = ask(&test,
                 "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
                 "peer");
    CHECK(contains(&answer, "body 7 abcdefg"));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, one_connection_serves_many_requests_one_after_the_other)
{
    struct buf answer = {0};
    struct http_server_stats stats;
    int fd;

    begin();
    fd = connect_to(&test);
    for (int i = 1; i <= 50; i++) {
        CHECK(send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
        CHECK(read_until(fd, "peer 127.0.0.1", i, &answer));
    }
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.connections_total, 1);
    CHECK_INT(stats.requests_total, 50);
    CHECK_INT(stats.connections, 1);
    close(fd);
    buf_release(&answer);
    stop(&test);
}

TEST(http1, pipelined_requests_are_answered_in_order)
{
    struct buf answer = {0};
    const char *first, *second, *third;
    int fd;

    begin();
    fd = connect_to(&test);
    CHECK(send_text(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\n"
                        "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(read_until(fd, "peer 127.0.0.1", 3, &answer));
    first = strstr(answer.data, "target /1\n");
    second = strstr(answer.data, "target /2\n");
    third = strstr(answer.data, "target /3\n");
    CHECK(first != NULL && second > first && third > second);
    CHECK(contains(&answer, "body 3 abc"));
    close(fd);
    buf_release(&answer);
    stop(&test);
}

TEST(http1, a_request_sent_byte_by_byte_is_the_same_request)
{
    const char *request = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok";
    struct buf answer = {0};
    int fd;

    begin();
    fd = connect_to(&test);
    for (size_t i = 0; i < strlen(request); i++)
        CHECK(send_bytes(fd, request + i, 1));
    CHECK(read_until(fd, "body 2 ok", 1, &answer));
    close(fd);
    buf_release(&answer);
    stop(&test);
}

TEST(http1, http_1_0_gets_an_answer_and_a_close)
{
    struct buf answer;

    begin();
    answer = ask(&test, "GET /echo HTTP/1.0\r\n\r\n", NULL);
    CHECK(contains(&answer, "version 0\n") && contains(&answer, "Connection: close\r\n"));
    buf_release(&answer);
    answer = ask(&test, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", NULL);
    CHECK(contains(&answer, "version 1\n") && contains(&answer, "Connection: close\r\n"));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, head_tells_the_length_and_sends_no_body)
{
    struct buf answer;

    begin();
    answer = ask(&test, "HEAD /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", NULL);
    CHECK(contains(&answer, "Content-Length: 8388608\r\n"));
    CHECK(bytes_ends_with(buf_bytes(&answer), BYTES("\r\n\r\n")));
    buf_release(&answer);
    answer = ask(&test, "GET /204 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", NULL);
    CHECK(contains(&answer, "HTTP/1.1 204 No Content\r\n"));
    CHECK(!contains(&answer, "ontent-"));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, a_large_answer_arrives_whole_and_the_connection_goes_on)
{
    struct buf answer = {0};
    struct http_server_stats stats;
    int fd;

    begin();
    fd = connect_to(&test);
    CHECK(send_text(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n"
                        "Connection: close\r\n\r\n"));
    CHECK_INT(read_to_end(fd, &answer), 0);
    CHECK(answer.len > BIG + 200 && answer.len < BIG + 1000);
    CHECK(contains(&answer, "xxxHTTP/1.1 200 OK"));
    on_loop(&test, nothing_to_do);
    http_server_get_stats(test.server, &stats);
    CHECK(stats.bytes_sent_total >= BIG);
    close(fd);
    buf_release(&answer);
    stop(&test);
}

/* ---- limits ---- */

static bool is_status(const struct buf *answer, const char *code)
{
    char line[32], json[32];

    snprintf(line, sizeof(line), "HTTP/1.1 %s ", code);
    snprintf(json, sizeof(json), "\"code\":%s}", code);
    return bytes_starts_with(buf_bytes(answer), bytes_str(line)) && contains(answer, json) &&
           contains(answer, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                            "\"status\":\"Failure\",");
}

static struct buf post_sized(const char *head, size_t len, const char *tail)
{
    struct buf answer = {0};
    char *body = malloc(len);
    int fd = connect_to(&test);

    memset(body, 'a', len);
    CHECK(send_text(fd, head) && send_bytes(fd, body, len) && send_text(fd, tail));
    CHECK_INT(read_to_end(fd, &answer), 0); /* a close, not a reset that could take the answer */
    close(fd);
    free(body);
    return answer;
}

TEST(http1, a_body_of_3_mib_is_taken_and_one_byte_more_is_413)
{
    struct buf answer;

    begin();
    answer = post_sized("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                        "Content-Length: 3145728\r\n\r\n",
                        3 << 20, "");
    CHECK(contains(&answer, "body 3145728 aaa"));
    buf_release(&answer);
    answer = post_sized("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3145729\r\n\r\n",
                        (3 << 20) + 1, "");
    CHECK(is_status(&answer, "413"));
    CHECK(contains(&answer, "\"message\":\"Request entity too large: limit is 3145728\","
                            "\"reason\":\"RequestEntityTooLarge\""));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, a_chunked_body_without_end_is_413)
{
    struct buf answer;

    begin();
    answer = post_sized("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "400000\r\n",
                        4 << 20, "\r\n0\r\n\r\n");
    CHECK(is_status(&answer, "413"));
    CHECK_INT(value_of(&test, &test.requests), 0);
    buf_release(&answer);
    stop(&test);
}

static struct buf get_with_headers(int count)
{
    char head[2048] = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    size_t len = strlen(head);

    for (int i = 2; i < count; i++)
        len += (size_t)snprintf(head + len, sizeof(head) - len, "x%d: y\r\n", i);
    snprintf(head + len, sizeof(head) - len, "\r\n");
    return post_sized(head, 0, "");
}

TEST(http1, more_than_a_hundred_headers_are_431)
{
    struct buf answer;

    begin();
    answer = get_with_headers(100);
    CHECK(contains(&answer, "HTTP/1.1 200 OK"));
    buf_release(&answer);
    answer = get_with_headers(101);
    CHECK(is_status(&answer, "431"));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, a_head_that_is_too_large_is_431)
{
    struct buf answer;

    begin();
    answer = post_sized("GET /echo HTTP/1.1\r\nHost: h\r\nX: ", 2 << 20, "\r\n\r\n");
    CHECK(is_status(&answer, "431"));
    buf_release(&answer);
    answer = post_sized("GET /", 2 << 20, " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(is_status(&answer, "431"));
    buf_release(&answer);
    answer = post_sized("GET /", 70 << 10, " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(is_status(&answer, "431"));
    buf_release(&answer);
    answer = post_sized("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /", 70 << 10,
                        " HTTP/1.1\r\nHost: h\r\n\r\n"); /* pipelined */
    CHECK(contains(&answer, "\"code\":431}"));
    buf_release(&answer);
    answer = post_sized("GET /", 60 << 10, " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(contains(&answer, "HTTP/1.1 200 OK"));
    buf_release(&answer);
    CHECK_INT(value_of(&test, &test.requests), 2);
    stop(&test);
}

TEST(http1, silence_before_within_and_between_requests_ends_the_connection)
{
    static const char *const parts[] = {
        "", "GE", "GET /echo HTTP/1.1\r\nHost: h\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
        ("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
         "Content-Length: 9\r\n\r\nx")};
    struct buf answer = {0};
    uint64_t started;
    int fd;

    init_test(&test);
    test.limits.first_byte_ms = 50;
    test.limits.idle_ms = 150;
    start(&test);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        fd = connect_to(&test);
        CHECK(send_text(fd, parts[i]));
        CHECK_INT(read_to_end(fd, &answer), 0);
        close(fd);
    }
    CHECK_INT(value_of(&test, &test.requests), 0);
    CHECK_TEXT(buf_bytes(&answer), "HTTP/1.1 100 Continue\r\n\r\n");
    started = clock_monotonic_ms();
    fd = connect_to(&test);
    CHECK(send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK_INT(read_to_end(fd, &answer), 0);
    CHECK(clock_monotonic_ms() - started >= 140); /* the longer of the two */
    close(fd);
    buf_release(&answer);
    stop(&test);
}

/* ---- strictness ---- */

TEST(http1, what_could_be_read_in_two_ways_is_400_and_a_close)
{
    static const struct {
        const char *request, *why;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", "missing required Host header"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host header"},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "malformed Host header"},
        {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "malformed Host header"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         "Content-Length together with Transfer-Encoding"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
         "0\r\n\r\n",
         "Content-Length together with Transfer-Encoding"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
         "differing Content-Length headers"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "more than one Transfer-Encoding header"},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "Transfer-Encoding in HTTP/1.0"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "folded header line"},
        {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "header line without CR LF"},
        {"GET / HTTP/1.1\nHost: a\n\n", "malformed request line"},
        {"GET foo HTTP/1.1\r\nHost: a\r\n\r\n", "malformed request target"},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "malformed request target"},
        {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "malformed request target"},
        {"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", "malformed request target"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", NULL},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd", NULL},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NULL},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
         "malformed chunked body"},
        {"POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: chunked\r\n\r\n0x4\r\nabcd\r\n",
         "malformed chunked body"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\nabcd\r\n",
         "malformed chunked body"},
    };

    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf answer = ask(&test, rows[i].request, NULL);

        if (!is_status(&answer, "400") || (rows[i].why != NULL && !contains(&answer, rows[i].why)))
            fprintf(stderr, "row %zu: %s\n", i, answer.data);
        CHECK(is_status(&answer, "400"));
        CHECK(rows[i].why == NULL || contains(&answer, rows[i].why));
        buf_release(&answer);
    }
    CHECK_INT(value_of(&test, &test.requests), 0);
    stop(&test);
}

/* Each in one piece and in two, behind another request, and after a 100. */
TEST(http1, chunks_are_read_strictly_however_they_come)
{
    static const struct {
        const char *chunks, *status;
    } rows[] = {{"3\r\nabc\r\n0\r\n\r\n", "200"},
                {"8000000000000000\r\n", "413"},
                {"3\r\nabc\r\n7fffffffffffffff\r\n", "413"},
                {"0x3\r\nabc\r\n0\r\n\r\n", "400"},
                {"3\r\nabc\n0\r\n\r\n", "400"}};
    static const char *const heads[] = {
        "", "GET /first HTTP/1.1\r\nHost: h\r\n\r\n",
        ("POST /first HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
         "2\r\nok\r\n0\r\n\r\n")};
    static const char *const expects[] = {"", "Expect: 100-continue\r\n"};

    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(heads) * ARRAY_LEN(expects) * 2; i++) {
        const char *head = heads[i / 4 % ARRAY_LEN(heads)], *expect = expects[i / 2 % 2];
        size_t row = i / 4 / ARRAY_LEN(heads);
        struct buf request = {0}, answer = {0};
        int fd = connect_to(&test);
        char status[32];

        buf_appendf(&request,
                    "%sPOST /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s"
                    "Transfer-Encoding: chunked\r\n\r\n%s",
                    head, expect, i % 2 == 0 ? rows[row].chunks : "");
        CHECK(send_bytes(fd, request.data, request.len));
        if (i % 2 == 1) {
            if (*expect != '\0')
                CHECK(read_until(fd, "100 Continue\r\n\r\n", 1, &answer));
            CHECK(send_text(fd, rows[row].chunks));
        }
        CHECK_INT(read_to_end(fd, &answer), 0);
        snprintf(status, sizeof(status), "HTTP/1.1 %s ", rows[row].status);
        CHECK(contains(&answer, status));
        CHECK((*head != '\0') == contains(&answer, "target /first\n"));
        CHECK(contains(&answer, "body 3 abc") == (row == 0));
        close(fd);
        buf_release(&request);
        buf_release(&answer);
    }
    stop(&test);
}

TEST(http1, what_is_no_http_at_all_is_400_and_a_close)
{
    static const char *const rows[] = {"\x16\x03\x01\x02\x01 a TLS hello\r\n\r\n",
                                       "\x16\x03\x01\x02", /* need not end to be none */
                                       "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET /\r\n\r\n",
                                       "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"};

    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf answer = ask(&test, rows[i], NULL);

        CHECK(bytes_starts_with(buf_bytes(&answer), BYTES("HTTP/1.1 400 Bad Request\r\n")));
        buf_release(&answer);
    }
    CHECK_INT(value_of(&test, &test.requests), 0);
    stop(&test);
}

TEST(http1, other_targets_and_methods)
{
    static const struct {
        const char *request, *seen;
    } rows[] = {
        {"GET http://x:8/a?b HTTP/1.1\r\nHost: y\r\n\r\n", "target /a?b\nauthority x:8\n"},
        {"GET HTTP://x HTTP/1.1\r\nHost: y\r\n\r\n", "target /\nauthority x\n"},
        {"GET http://x?q HTTP/1.1\r\nHost: y\r\n\r\n", "target /?q\nauthority x\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: y\r\n\r\n", "target *\n"},
        {"TRACE / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
         "method TRACE\ntarget /\nauthority [::1]:80"},
        {"GET /../%2e%2e/x HTTP/1.1\r\nHost: y\r\n\r\n", "target /../%2e%2e/x\n"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
         "body 1 x"},
        {"\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n", "authority \n"},
        {"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "\"code\":405}"},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: beer\r\nContent-Length: 1\r\n\r\nx",
         "\"code\":417}"},
    };

    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf answer = ask(&test, rows[i].request, rows[i].seen);

        buf_release(&answer);
    }
    stop(&test);
}

/* ---- answers that come later ---- */

static void reply_later(struct server_test *it)
{
    if (it->later != NULL)
        reply_text(it->later, 200,
                   it->later->header_count > 0 ? it->later->headers[0].value : BYTES("none"));
    it->later = NULL;
}

TEST(http1, an_answer_may_come_after_the_handler_has_returned)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = connect_to(&test);
    CHECK(send_text(fd, "GET /later HTTP/1.1\r\nHost: is.still.here\r\n\r\n"));
    CHECK(wait_for(&test, &test.requests, 1));
    on_loop(&test, reply_later);
    CHECK(read_until(fd, "is.still.here", 1, &answer));
    CHECK(send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(read_until(fd, "peer", 1, &answer));
    close(fd);
    buf_release(&answer);
    stop(&test);
}

TEST(http1, what_comes_before_the_answer_waits_for_it_and_so_does_the_end)
{
    struct buf answer = {0};
    const char *first, *second;
    int fd;

    begin();
    fd = connect_to(&test);
    CHECK(send_text(fd,
                    "POST /later HTTP/1.1\r\nHost: is.still.here\r\nContent-Length: 2\r\n\r\nab"));
    CHECK(wait_for(&test, &test.requests, 1));
    CHECK(send_text(fd,
                    "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"));
    on_loop(&test, nothing_to_do); /* it may look at the socket now */
    CHECK(send_text(fd, "c\r\n0\r\n\r\n"));
    CHECK(shutdown(fd, SHUT_WR) == 0);
    on_loop(&test, nothing_to_do);
    CHECK_INT(value_of(&test, &test.requests), 1);
    on_loop(&test, reply_later);
    CHECK_INT(read_to_end(fd, &answer), 0);
    first = strstr(answer.data, "is.still.here");
    second = strstr(answer.data, "body 3 abc");
    CHECK(first != NULL && second > first);
    CHECK_INT(test.later_gone, 0);
    close(fd);
    buf_release(&answer);
    stop(&test);
}

TEST(http1, a_client_that_is_cut_before_the_answer_is_told_to_the_handler)
{
    int fd;

    begin();
    fd = connect_to(&test);
    CHECK(send_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(wait_for(&test, &test.requests, 1));
    stop(&test); /* cuts */
    CHECK_INT(test.later_gone, 1);
    CHECK(test.later == NULL);
    close(fd);
}

TEST(http1, a_handler_that_does_not_ask_may_answer_nobody)
{
    enum { LEN = 20000 };
    char *body = malloc(LEN);
    int fd;

    begin();
    memset(body, 'b', LEN);
    fd = connect_to(&test);
    CHECK(send_text(fd, "POST /forget HTTP/1.1\r\nHost: is.still.here\r\n"
                        "Content-Length: 20000\r\n\r\n"));
    CHECK(send_bytes(fd, body, LEN));
    CHECK(wait_for(&test, &test.requests, 1));
    stop(&test);
    CHECK_TEXT(test.later->headers[0].value, "is.still.here");
    CHECK(bytes_eq(test.later->body, bytes_of(body, LEN)));
    reply_text(test.later, 200, BYTES("nobody"));
    close(fd);
    free(body);
}

/* ---- streams ---- */

static void write_three(struct server_test *it)
{
    struct frame *frames[3] = {frame_new(BYTES("one\n")), frame_new(BYTES("two\n")),
                               frame_new(BYTES("three\n"))};

    CHECK(http_stream_ready(it->stream));
    http_stream_write(it->stream, frames, 3);
    CHECK(!http_stream_ready(it->stream));
    for (int i = 0; i < 3; i++)
        frame_unref(frames[i]);
}

static void write_many(struct server_test *it)
{
    struct frame *frames[HTTP_STREAM_WRITE_MAX];

    for (int i = 0; i < HTTP_STREAM_WRITE_MAX; i++)
        frames[i] = frame_new(BYTES("many\n"));
    http_stream_write(it->stream, frames, HTTP_STREAM_WRITE_MAX);
    for (int i = 0; i < HTTP_STREAM_WRITE_MAX; i++)
        frame_unref(frames[i]);
}

static void end_stream(struct server_test *it)
{
    http_stream_end(it->stream);
    it->stream = NULL;
}

static void write_three_and_end(struct server_test *it)
{
    write_three(it);
    end_stream(it);
}

static void abort_stream(struct server_test *it)
{
    http_stream_abort(it->stream);
    it->stream = NULL;
}

static int open_stream(const char *request, struct buf *answer)
{
    int fd = connect_to(&test);

    CHECK(send_text(fd, request));
    CHECK(read_until(fd, "\r\n\r\n", 1, answer));
    CHECK(wait_for(&test, &test.ready, 1));
    return fd;
}

static const char watch[] = "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(http1, the_head_of_a_stream_is_sent_before_any_data)
{
    struct buf answer = {0};
    struct http_server_stats stats;
    int fd;

    begin();
    fd = open_stream(watch, &answer);
    CHECK(contains(&answer, "HTTP/1.1 200 OK\r\n"));
    CHECK(contains(&answer, "content-type: application/json\r\n"));
    CHECK(contains(&answer, "ransfer-encoding: chunked\r\n") ||
          contains(&answer, "ransfer-Encoding: chunked\r\n"));
    CHECK(!contains(&answer, "Connection")); /* as Go's server */
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.streams, 1);
    close(fd);
    CHECK(wait_for(&test, &test.gone, 1));
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.streams, 0);
    buf_release(&answer);
    stop(&test);
    CHECK_INT(test.gone, 1);
}

TEST(http1, frames_arrive_as_chunks_and_ready_comes_again)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = open_stream(watch, &answer);
    answer.len = 0;
    on_loop(&test, write_three);
    CHECK(read_until(fd, "three\n\r\n", 1, &answer));
    CHECK_TEXT(buf_bytes(&answer), "4\r\none\n\r\n4\r\ntwo\n\r\n6\r\nthree\n\r\n");
    CHECK(wait_for(&test, &test.ready, 2));
    on_loop(&test, write_many);
    CHECK(read_until(fd, "many\n", HTTP_STREAM_WRITE_MAX, &answer));
    CHECK(wait_for(&test, &test.ready, 3));
    close(fd);
    CHECK(wait_for(&test, &test.gone, 1));
    buf_release(&answer);
    stop(&test);
}

static void write_now(struct server_test *it, struct bytes payload)
{
    struct frame *frame = frame_new(payload);

    http_stream_write_now(it->stream, &frame, 1);
    frame_unref(frame);
}

static void write_a_little_now(struct server_test *it)
{
    int ready = it->ready;

    write_now(it, BYTES("one\n"));
    CHECK(http_stream_ready(it->stream) && it->ready == ready + 1);
    write_now(it, BYTES("two\n"));
    CHECK(http_stream_ready(it->stream) && it->ready == ready + 2);
}

static void write_much_now(struct server_test *it)
{
    int ready = it->ready;

    write_now(it, blob_bytes(it->big));
    CHECK(!http_stream_ready(it->stream) && it->ready == ready);
}

TEST(http1, what_the_socket_takes_at_once_is_told_at_once_and_the_rest_later)
{
    struct http_server_stats stats;
    struct buf answer = {0};
    size_t head;
    int fd;

    begin();
    fd = open_stream(watch, &answer);
    head = answer.len;
    on_loop(&test, write_a_little_now);
    CHECK(read_until(fd, "two\n\r\n", 1, &answer));
    CHECK(bytes_ends_with(buf_bytes(&answer), BYTES("4\r\none\n\r\n4\r\ntwo\n\r\n")));
    answer.len = 0;
    on_loop(&test, write_much_now);
    CHECK(read_until(fd, "x\r\n", 1, &answer));
    CHECK_INT(answer.len, strlen("800000\r\n") + BIG + strlen("\r\n"));
    CHECK(wait_for(&test, &test.ready, 4));
    http_server_get_stats(test.server, &stats);
    CHECK_INT(stats.bytes_sent_total, head + 2 * strlen("4\r\none\n\r\n") + answer.len);
    close(fd);
    CHECK(wait_for(&test, &test.gone, 1));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, after_a_clean_end_the_connection_serves_the_next_request)
{
    struct buf answer = {0};
    int fd;

    begin();
    for (int round = 1; round <= 3; round++) {
        if (round == 1)
            fd = open_stream(watch, &answer);
        else
            CHECK(send_text(fd, watch) && wait_for(&test, &test.ready, 2 * round - 1));
        CHECK(send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")); /* pipelined */
        on_loop(&test, write_three_and_end);
        CHECK(read_until(fd, "peer 127.0.0.1", round, &answer));
        CHECK(contains(&answer, "6\r\nthree\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
        test.ready = 2 * round;
    }
    CHECK_INT(test.gone, 0);
    close(fd);
    buf_release(&answer);
    stop(&test);
    CHECK_INT(test.gone, 0);
}

static void write_big_and_end(struct server_test *it)
{
    it->write_when_ready = true;
    on_stream_ready(it);
    end_stream(it);
}

TEST(http1, an_end_waits_for_all_that_was_written)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = open_stream("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &answer);
    answer.len = 0;
    on_loop(&test, write_big_and_end);
    CHECK_INT(read_to_end(fd, &answer), 0);
    CHECK_INT(answer.len, strlen("800000\r\n") + BIG + strlen("\r\n0\r\n\r\n"));
    CHECK(bytes_ends_with(buf_bytes(&answer), BYTES("xxx\r\n0\r\n\r\n")));
    close(fd);
    buf_release(&answer);
    stop(&test);
    CHECK_INT(test.gone, 0);
}

TEST(http1, a_stream_over_http_1_0_is_payload_until_the_close)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = open_stream("GET /stream HTTP/1.0\r\n\r\n", &answer);
    CHECK(!contains(&answer, "chunked") && contains(&answer, "Connection: close\r\n"));
    answer.len = 0;
    on_loop(&test, write_three_and_end);
    CHECK_INT(read_to_end(fd, &answer), 0);
    CHECK_TEXT(buf_bytes(&answer), "one\ntwo\nthree\n");
    close(fd);
    buf_release(&answer);
    stop(&test);
}

TEST(http1, an_aborted_stream_ends_visibly_broken)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = open_stream(watch, &answer);
    on_loop(&test, abort_stream);
    CHECK_INT(read_to_end(fd, &answer), ECONNRESET);
    CHECK(!contains(&answer, "0\r\n\r\n"));
    close(fd);
    buf_release(&answer);
    stop(&test);
    CHECK_INT(test.gone, 0);
}

TEST(http1, a_watcher_that_leaves_while_idle_is_noticed_however_it_leaves)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    for (int how = 0; how < 4; how++) {
        struct buf answer = {0};
        char flood[70000];
        int fd;

        begin();
        fd = open_stream(watch, &answer);
        if (how == 1) /* a reset */
            CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
        if (how == 2) /* a half-close */
            CHECK(shutdown(fd, SHUT_WR) == 0);
        if (how == 3) { /* or does not leave, but sends and sends */
            memset(flood, 'x', sizeof(flood));
            CHECK(send_bytes(fd, flood, sizeof(flood)));
        }
        if (how < 2)
            close(fd);
        CHECK(wait_for(&test, &test.gone, 1));
        if (how >= 2)
            close(fd);
        buf_release(&answer);
        stop(&test);
        CHECK_INT(test.gone, 1);
    }
}

static void write_big_when_ready(struct server_test *it)
{
    it->write_when_ready = true;
    on_stream_ready(it);
}

TEST(http1, a_watcher_that_does_not_read_is_cut_after_the_stall_limit)
{
    struct buf answer = {0};
    uint64_t started;
    int fd, ready;

    init_test(&test);
    test.limits.write_stall_ms = 200;
    start(&test);
    fd = open_stream(watch, &answer);
    started = clock_monotonic_ms();
    on_loop(&test, write_big_when_ready);
    CHECK(wait_for(&test, &test.gone, 1));
    CHECK(clock_monotonic_ms() - started >= 200);
    ready = value_of(&test, &test.ready);
    CHECK(ready <= 3); /* nothing was taken on top of the one write that is stuck */
    close(fd);
    buf_release(&answer);
    stop(&test);
    CHECK_INT(test.gone, 1);
}

TEST(http1, a_client_that_does_not_read_its_answer_is_cut_too)
{
    struct http_server_stats stats;
    int fd;

    init_test(&test);
    test.limits.write_stall_ms = 100;
    start(&test);
    fd = connect_with_buffer(&test, 4096);
    CHECK(send_text(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(wait_for(&test, &test.requests, 1));
    do {
        on_loop(&test, nothing_to_do);
        http_server_get_stats(test.server, &stats);
    } while (stats.connections != 0); /* the test's own time limit bounds this */
    close(fd);
    stop(&test);
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

static void drain_quickly(struct server_test *it)
{
    http_server_drain(it->server, 20, on_test_drained, it);
}

TEST(http1, draining_closes_idle_connections_and_lets_streams_end)
{
    struct buf idle = {0}, answer = {0}, later = {0};
    int idle_fd, later_fd, fd;

    begin();
    idle_fd = connect_to(&test);
    CHECK(send_text(idle_fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(read_until(idle_fd, "peer", 1, &idle));
    later_fd = connect_to(&test);
    CHECK(send_text(later_fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(wait_for(&test, &test.requests, 2));
    fd = open_stream(watch, &answer);
    on_loop(&test, drain);
    CHECK_INT(read_to_end(idle_fd, &idle), 0);
    on_loop(&test, reply_later);
    CHECK_INT(read_to_end(later_fd, &later), 0);
    CHECK(contains(&later, "Connection: close\r\n"));
    CHECK_INT(value_of(&test, &test.drained), 0);
    on_loop(&test, write_three_and_end);
    CHECK_INT(read_to_end(fd, &answer), 0);
    CHECK(contains(&answer, "three\n\r\n0\r\n\r\n"));
    close(idle_fd);
    close(later_fd);
    close(fd);
    CHECK(wait_for(&test, &test.drained, 1));
    stop(&test);
    CHECK_INT(test.drained, 1);
    buf_release(&idle);
    buf_release(&answer);
    buf_release(&later);
}

TEST(http1, a_request_that_comes_while_draining_is_503)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = connect_to(&test);
    CHECK(send_text(fd,
                    "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(wait_for(&test, &test.requests, 1));
    on_loop(&test, reply_later);
    CHECK(read_until(fd, "peer", 1, &answer));
    CHECK(send_text(fd, "GET /la"));
    on_loop(&test, nothing_to_do);
    on_loop(&test, drain);
    CHECK(send_text(fd, "ter HTTP/1.1\r\nHost: h\r\n\r\n"));
    (void)read_to_end(fd, &answer);
    CHECK(contains(&answer, "HTTP/1.1 503 ") && contains(&answer, "Connection: close\r\n"));
    CHECK(contains(&answer, "\"reason\":\"ServiceUnavailable\",\"code\":503}"));
    CHECK_INT(value_of(&test, &test.requests), 2);
    close(fd);
    CHECK(wait_for(&test, &test.drained, 1));
    buf_release(&answer);
    stop(&test);
}

TEST(http1, draining_is_over_after_the_grace_even_with_a_stream_open)
{
    struct buf answer = {0};
    int fd;

    begin();
    fd = open_stream(watch, &answer);
    on_loop(&test, drain_quickly);
    CHECK(wait_for(&test, &test.drained, 1));
    CHECK_INT(value_of(&test, &test.gone), 0);
    stop(&test);
    CHECK_INT(test.gone, 1);
    CHECK_INT(test.drained, 1);
    close(fd);
    buf_release(&answer);
}
