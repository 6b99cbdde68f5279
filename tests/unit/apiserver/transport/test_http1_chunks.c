#include "unit/test.h"

#include "apiserver/transport/http1_chunks.h"

enum { LIMIT = 3 << 20 };

/* What becomes of it in two pieces, wherever they are cut; -1 if that depends on the cut. */
static int look_at(struct bytes input)
{
    int all = 0;

    for (size_t cut = 0; cut <= input.len; cut++) {
        struct http1_chunks chunks = {.at = CHUNK_SIZE_BEGIN};
        int status = http1_chunks_look(&chunks, bytes_of(input.ptr, cut), LIMIT);

        if (status == 0)
            status = http1_chunks_look(&chunks, bytes_from(input, cut), LIMIT);
        if (status == 0 && chunks.at != CHUNKS_NONE)
            status = 100; /* goes on */
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
    } rows[] = {
        {"0\r\n\r\n", 0},
        {"3\r\nabc\r\n00000000A\r\n0123456789\r\n0\r\n\r\n", 0},
        {"3;a=b;c=\"d\"\r\nabc\r\n0;last\r\nx: y\r\n\tz\r\n\r\n", 0},
        {"3 ;a\r\nabc\r\n0\t\r\n\r\n", 0}, /* blanks that are bad, but harmless */
        {"0\r\n\r\nGET / HTTP/1.1\nHost: \1", 0},
        {"3\r\nabc\r\n", 100},
        {"300000\r\n", 100},
        {"300001\r\n", 413},
        {"8000000000000000\r\n", 413},
        {"7fffffffffffffff\r\n", 413},
        {"ffffffff00000003\r\nabc\r\n0\r\n\r\n", 413},
        {"10000000000000003\r\nabc\r\n0\r\n\r\n", 413},
        {"\r\n", 400},
        {"-1\r\n", 400},
        {"+3\r\nabc\r\n", 400},
        {" 3\r\nabc\r\n", 400},
        {"0x3\r\nabc\r\n0\r\n\r\n", 400},
        {"3_0\r\n", 400},
        {"3\nabc\r\n0\r\n\r\n", 400},
        {"3\r\nabc\n0\r\n\r\n", 400},
        {"3\r\nabcd\r\n0\r\n\r\n", 400},
        {"3\r\nab\r\n0\r\n\r\n", 400},
        {"3\r\nabc\r\r\n0\r\n\r\n", 400},
        {"3;a\nb\r\nabc\r\n", 400},
        {"3;a\rb\r\nabc\r\n", 400},
        {"3;a\1\r\nabc\r\n", 400},
        {"0\r\n\n", 400},
        {"0\r\nx: y\n\r\n", 400},
        {"0\r\nx: y\r\r\n\r\n", 400},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = look_at(bytes_str(rows[i].input));

        if (status != rows[i].status)
            fprintf(stderr, "row %zu: %d\n", i, status);
        CHECK_INT(status, rows[i].status);
    }
}

TEST(http1_chunks, a_line_has_an_end)
{
    static const char *const begins[] = {"3;", "0\r\nx:", "00"};
    char input[5000];

    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        struct http1_chunks chunks = {.at = CHUNK_SIZE_BEGIN};

        memset(input, '0', sizeof(input));
        memcpy(input, begins[i], strlen(begins[i]));
        CHECK_INT(http1_chunks_look(&chunks, bytes_of(input, 4096), LIMIT), 0);
        CHECK_INT(http1_chunks_look(&chunks, bytes_of(input + 4096, 10), LIMIT), 400);
    }
}
