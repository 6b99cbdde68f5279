#include "unit/test.h"

#include <stdlib.h>

#include "apiserver/transport/http1_head.h"
#include "base/buf.h"

static const char request[] = "POST /api?x HTTP/1.1\r\nHost: a:1\r\nX-Empty:\r\n"
                              "Content-Length: 4\r\n\r\n\r\n\r\n";

TEST(http1_head, the_end_is_found_wherever_the_bytes_are_cut)
{
    size_t head_len = strlen(request) - 4;

    for (size_t first = 0; first <= strlen(request); first++) {
        uint32_t scanned = 0;
        bool early = http1_head_is_complete(bytes_of(request, first), &scanned);

        CHECK(early == (first >= head_len));
        CHECK(early || http1_head_is_complete(bytes_of(request, strlen(request)), &scanned));
        CHECK_INT(scanned, head_len);
    }
}

TEST(http1_head, an_end_is_any_empty_line_behind_another)
{
    static const struct {
        const char *input;
        uint32_t scanned; /* 0: not complete */
    } rows[] = {{"\r\nGET / HTTP/1.1\r\n\r\n", 20},
                {"GET / HTTP/1.1\n\n", 16},
                {"GET / HTTP/1.1\n\r\n", 17},
                {"\r\n\r\n", 0},
                {"\n\n", 0},
                {"GET / HTTP/1.1\r\n\r", 0}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t scanned = 0;
        bool complete = http1_head_is_complete(bytes_str(rows[i].input), &scanned);

        CHECK(complete == (rows[i].scanned != 0));
        CHECK(!complete || scanned == rows[i].scanned);
    }
}

TEST(http1_head, all_that_is_read_points_into_the_input)
{
    char *copy = bytes_dup(bytes_str(request));
    struct arena arena = {0};
    struct http1_head head;

    CHECK_INT(http1_head_read(copy, strlen(request), &arena, &head), 0);
    CHECK_TEXT(head.method, "POST");
    CHECK_TEXT(head.target, "/api?x");
    CHECK_TEXT(head.authority, "a:1");
    CHECK(head.version == HTTP_1_1 && head.header_count == 3);
    CHECK_TEXT(head.headers[1].name, "x-empty");
    CHECK_TEXT(head.headers[1].value, "");
    CHECK_INT(head.len, strlen(request) - 4);
    CHECK_INT(head.body_len, 4);
    CHECK(head.keep_alive && !head.chunked && !head.wants_continue);
    CHECK(head.target.ptr == copy + 5);
    arena_release(&arena);
    free(copy);
}

TEST(http1_head, a_connection_goes_on_unless_somebody_says_otherwise)
{
    static const struct {
        const char *head;
        bool keep_alive;
    } rows[] = {{"GET / HTTP/1.1\r\nhost: a\r\n\r\n", true},
                {"GET / HTTP/1.9\r\nhost: a\r\n\r\n", true},
                {"GET / HTTP/1.1\r\nhost: a\r\nconnection: x, Close\r\n\r\n", false},
                {"GET / HTTP/1.1\r\nhost: a\r\nconnection: x\r\nconnection: close\r\n\r\n", false},
                {"GET / HTTP/1.1\r\nhost: a\r\nconnection: closed\r\n\r\n", true},
                {"GET / HTTP/1.0\r\n\r\n", false},
                {"GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", true},
                {"GET / HTTP/1.0\r\nconnection: keep-alive, close\r\n\r\n", false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *copy = bytes_dup(bytes_str(rows[i].head));
        struct arena arena = {0};
        struct http1_head head;

        CHECK_INT(http1_head_read(copy, strlen(copy), &arena, &head), 0);
        CHECK(head.keep_alive == rows[i].keep_alive);
        arena_release(&arena);
        free(copy);
    }
}

TEST(http1_head, a_head_cut_anywhere_is_refused_and_never_read_past_its_end)
{
    for (size_t len = 0; len < strlen(request) - 4; len++) {
        struct arena arena = {0};
        struct http1_head head;
        char *copy = bytes_dup(bytes_of(request, len)); /* ASan watches its end */

        CHECK_INT(http1_head_read(copy, len, &arena, &head), 400);
        CHECK(head.why != NULL);
        free(copy);
        arena_release(&arena);
    }
}

static bool is_read(struct bytes name, struct bytes value)
{
    struct http1_head head;
    struct arena arena = {0};
    struct buf input = {0};
    int status;

    buf_append_str(&input, "GET / HTTP/1.1\r\nhost: a\r\n");
    buf_append_bytes(&input, name);
    buf_append_str(&input, ": v"); /* blanks at the ends would be cut off */
    buf_append_bytes(&input, value);
    buf_append_str(&input, "v\r\n\r\n");
    status = http1_head_read(input.data, input.len, &arena, &head);
    buf_release(&input);
    arena_release(&arena);
    return status == 0;
}

/* Eight are looked at together: what a byte is must not depend on its place, nor on the others. */
TEST(http1_head, a_header_is_refused_for_one_byte_wherever_it_stands)
{
    enum { LEN_MAX = 20 };
    static const char fills[] = {'!', 'a', '~'};
    char text[LEN_MAX];

    for (size_t i = 0; i < ARRAY_LEN(fills) * LEN_MAX; i++) {
        size_t len = i % LEN_MAX + 1;

        memset(text, fills[i / LEN_MAX], sizeof(text));
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 256; c++) {
                bool in_value = c == '\t' || (c >= ' ' && c != 0x7f);
                bool in_name = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", (int)c) == NULL;

                text[at] = (char)c;
                CHECK(is_read(BYTES("x"), bytes_of(text, len)) == in_value);
                /* a colon ends it */
                CHECK(is_read(bytes_of(text, len), BYTES("x")) ==
                      (in_name || (c == ':' && at > 0)));
            }
            text[at] = fills[i / LEN_MAX];
        }
    }
}
