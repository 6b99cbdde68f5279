#include "unit/test.h"

#include <stdlib.h>

#include "apiserver/transport/http1_chunks.h"

enum { LIMIT = 3 << 20 };

/* Reads the next piece of what stands in `text`, whose body is the first `*len` bytes. Returns how
 * many it left. */
static size_t read_piece(struct http1_chunks *chunks, char *text, size_t from, size_t to,
                         size_t *len, int *ret_status)
{
    struct bytes input = bytes_of(text + from, to - from);

    *ret_status = http1_chunks_read(chunks, &input, text, len, LIMIT);
    return input.len;
}

/* What becomes of it in two pieces, wherever they are cut; -1 if that depends on the cut. */
static int read_in_two(struct bytes input, const char *body)
{
    int all = 0;

    for (size_t cut = 0; cut <= input.len; cut++) {
        struct http1_chunks chunks = {.at = CHUNK_SIZE_BEGIN};
        char *text = bytes_dup(input);
        size_t len = 0, left;
        int status;

        left = read_piece(&chunks, text, 0, cut, &len, &status);
        if (status == 0 && left == 0)
            read_piece(&chunks, text, cut, input.len, &len, &status);
        if (status == 0 && chunks.at != CHUNKS_NONE)
            status = 100; /* goes on */
        CHECK(body == NULL || bytes_eq_str(bytes_of(text, len), body));
        free(text);
        if (cut > 0 && status != all)
            return -1;
        all = status;
    }
    return all;
}

TEST(http1_chunks, what_rfc_9112_allows_passes_and_nothing_else)
{
    static const struct {
        const char *input;
        int status;
        const char *body;
    } rows[] = {
        {"0\r\n\r\n", 0, ""},
        {"3\r\nabc\r\n00000000A\r\n0123456789\r\n0\r\n\r\n", 0, "abc0123456789"},
        {"3;a=b;c=\"d\"\r\nabc\r\n0;last\r\nx: y\r\n\tz\r\n\r\n", 0, "abc"},
        {"3 ;a\r\nabc\r\n0\t\r\n\r\n", 0, "abc"}, /* blanks that are bad, but harmless */
        {"0\r\n\r\nGET / HTTP/1.1\nHost: \1", 0, ""},
        {"3\r\nabc\r\n", 100, "abc"},
        {"200000\r\n", 100, ""},
        {"300000\r\n", 100, NULL},
        {"300001\r\n", 413, NULL},
        {"8000000000000000\r\n", 413, NULL},
        {"7fffffffffffffff\r\n", 413, NULL},
        {"ffffffff00000003\r\nabc\r\n0\r\n\r\n", 413, NULL},
        {"10000000000000003\r\nabc\r\n0\r\n\r\n", 413, NULL},
        {"\r\n", 400, NULL},
        {"-1\r\n", 400, NULL},
        {"+3\r\nabc\r\n", 400, NULL},
        {" 3\r\nabc\r\n", 400, NULL},
        {"0x3\r\nabc\r\n0\r\n\r\n", 400, NULL},
        {"3_0\r\n", 400, NULL},
        {"3\nabc\r\n0\r\n\r\n", 400, NULL},
        {"3\r\nabc\n0\r\n\r\n", 400, NULL},
        {"3\r\nabcd\r\n0\r\n\r\n", 400, NULL},
        {"3\r\nab\r\n0\r\n\r\n", 400, NULL},
        {"3\r\nabc\r\r\n0\r\n\r\n", 400, NULL},
        {"3;a\nb\r\nabc\r\n", 400, NULL},
        {"3;a\rb\r\nabc\r\n", 400, NULL},
        {"3;a\1\r\nabc\r\n", 400, NULL},
        {"0\r\n\n", 400, NULL},
        {"0\r\nx: y\n\r\n", 400, NULL},
        {"0\r\nx: y\r\r\n\r\n", 400, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = read_in_two(bytes_str(rows[i].input), rows[i].body);

        if (status != rows[i].status)
            fprintf(stderr, "row %zu: %d\n", i, status);
        CHECK_INT(status, rows[i].status);
    }
}

TEST(http1_chunks, a_line_has_an_end)
{
    static const char *const begins[] = {"3;", "0\r\nx:", "00"};
    char text[5000];

    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        struct http1_chunks chunks = {.at = CHUNK_SIZE_BEGIN};
        size_t len = 0;
        int status;

        memset(text, '0', sizeof(text));
        memcpy(text, begins[i], strlen(begins[i]));
        read_piece(&chunks, text, 0, 4096, &len, &status);
        CHECK_INT(status, 0);
        read_piece(&chunks, text, 4096, 4106, &len, &status);
        CHECK_INT(status, 400);
    }
}

TEST(http1_chunks, many_small_ones_are_no_way_around_the_limit)
{
    char text[] = "100000\r\n";
    size_t len = LIMIT - 0xfffff;

    for (int more = 0; more < 2; more++) {
        struct http1_chunks chunks = {.at = CHUNK_SIZE_BEGIN};
        struct bytes input = bytes_str(text);
        size_t before = len - (size_t)!more; /* the last byte is one too many */

        CHECK_INT(http1_chunks_read(&chunks, &input, text, &before, LIMIT), more ? 413 : 0);
    }
}
