#include "unit/test.h"

#include <stdlib.h>

#include "apiserver/transport/http1_head.h"

static const char request[] = "POST /api?x HTTP/1.1\r\nhost: a:1\r\nx-empty:\r\n"
                              "content-length: 4\r\n\r\n\r\n\r\n";

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

TEST(http1_head, the_end_is_seen_where_libh2o_sees_one)
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
    struct arena arena = {0};
    struct http1_head head;

    CHECK_INT(http1_head_read(bytes_str(request), &arena, &head), 0);
    CHECK_TEXT(head.method, "POST");
    CHECK_TEXT(head.target, "/api?x");
    CHECK_TEXT(head.authority, "a:1");
    CHECK(head.version == HTTP_1_1 && head.header_count == 3);
    CHECK_TEXT(head.headers[1].name, "x-empty");
    CHECK_TEXT(head.headers[1].value, "");
    CHECK_INT(head.len, strlen(request) - 4);
    CHECK(head.target.ptr == request + 5);
    arena_release(&arena);
}

TEST(http1_head, a_head_cut_anywhere_is_refused_and_never_read_past_its_end)
{
    for (size_t len = 0; len < strlen(request) - 4; len++) {
        struct arena arena = {0};
        struct http1_head head;
        char *copy = bytes_dup(bytes_of(request, len)); /* ASan watches its end */

        CHECK_INT(http1_head_read(bytes_of(copy, len), &arena, &head), 400);
        CHECK(head.why != NULL);
        free(copy);
        arena_release(&arena);
    }
}
