#include "unit/test.h"

#include "codec/framer.h"

/* Pushes the text in pieces of `step` bytes; returns the frames, each with a `|` behind. */
static struct bytes frames_of(struct arena *arena, enum framer_kind kind, struct bytes text,
                              size_t step)
{
    struct framer framer;
    struct buf out = {0};
    struct bytes frame, result;

    framer_init(&framer, kind, 1000);
    for (size_t at = 0; at < text.len; at += step) {
        size_t len = text.len - at < step ? text.len - at : step;
        enum status st;

        framer_push(&framer, bytes_of(text.ptr + at, len));
        while ((st = framer_next(&framer, &frame)) == STATUS_OK) {
            buf_append_bytes(&out, frame);
            buf_append_char(&out, '|');
        }
        CHECK(st == STATUS_END);
    }
    CHECK(framer_is_empty(&framer));
    framer_release(&framer);
    result = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return result;
}

TEST(framer, json_values_come_out_whole_however_they_go_in)
{
    struct bytes text = BYTES("{\"a\":\"}\\\"\"}\n\n{\"b\":[1,{}]}{}\r\n \"x\" 12\n");

    for (size_t step = 1; step <= text.len; step++) {
        struct arena arena = {0};

        CHECK_TEXT(frames_of(&arena, FRAMER_JSON, text, step),
                   "{\"a\":\"}\\\"\"}|{\"b\":[1,{}]}|{}|\"x\"|12|");
        arena_release(&arena);
    }
}

/* A reader that knows a value when it sees one. */
TEST(framer, lines_are_guesses_that_can_be_taken_back)
{
    struct bytes text = BYTES(" {\"a\":1}\n{\"b\":{}\n}{\"c\":\"}\\n\"}\n");
    static const struct {
        const char *frame;
        bool is_value;
    } expected[] = {{"{\"a\":1}", true},
                    {"{\"b\":{}", false},
                    {"{\"b\":{}\n}", true},
                    {"{\"c\":\"}\\n\"}", true}};
    struct framer framer;
    struct bytes frame;

    framer_init(&framer, FRAMER_LINES, 1000);
    framer_push(&framer, text);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        CHECK(framer_next(&framer, &frame) == STATUS_OK);
        CHECK_TEXT(frame, expected[i].frame);
        if (!expected[i].is_value)
            CHECK(framer_reject(&framer));
    }
    CHECK(!framer_reject(&framer)); /* from the first that was wrong on there are no guesses */
    CHECK(framer_next(&framer, &frame) == STATUS_END && framer_is_empty(&framer));
    framer_release(&framer);
}

TEST(framer, values_without_line_ends_come_out_of_lines_as_soon_as_they_are_whole)
{
    struct bytes text = BYTES("{\"a\":1}{\"b\":[{}]}\n{}");

    for (size_t step = 1; step <= text.len; step++) {
        struct arena arena = {0};
        struct bytes frames = frames_of(&arena, FRAMER_LINES, text, step);

        if (step <
            sizeof("{\"a\":1}{\"b\":[{}]}\n") - 1) /* else the line comes at once, as a guess */
            CHECK_TEXT(frames, "{\"a\":1}|{\"b\":[{}]}|{}|");
        else
            CHECK_TEXT(frames, "{\"a\":1}{\"b\":[{}]}|{}|");
        arena_release(&arena);
    }
}

TEST(framer, a_line_larger_than_the_bound_ends_the_stream)
{
    struct framer framer;
    struct bytes frame;

    framer_init(&framer, FRAMER_LINES, 8);
    framer_push(&framer, BYTES("{\"a\":123}\n"));
    CHECK(framer_next(&framer, &frame) == STATUS_TOO_LARGE);
    CHECK(framer_next(&framer, &frame) == STATUS_TOO_LARGE);
    framer_release(&framer);
}

TEST(framer, length_prefixed_frames_come_out_whole_however_they_go_in)
{
    struct bytes text = BYTES("\0\0\0\3abc\0\0\0\0\0\0\0\1x");

    for (size_t step = 1; step <= text.len; step++) {
        struct arena arena = {0};

        CHECK_TEXT(frames_of(&arena, FRAMER_LENGTH, text, step), "abc||x|");
        arena_release(&arena);
    }
}

TEST(framer, a_frame_larger_than_the_bound_ends_the_stream)
{
    struct framer framer;
    struct bytes frame;

    framer_init(&framer, FRAMER_JSON, 8);
    framer_push(&framer, BYTES("   [1,2,3]\n\n\n\n\n\n\n\n\n\n\n\n[1,"));
    CHECK(framer_next(&framer, &frame) == STATUS_OK); /* blanks do not count */
    CHECK_TEXT(frame, "[1,2,3]");
    CHECK(framer_next(&framer, &frame) == STATUS_END);
    framer_push(&framer, BYTES("2,3,4"));
    CHECK(framer_next(&framer, &frame) == STATUS_END);
    framer_push(&framer, BYTES(",5"));
    CHECK(framer_next(&framer, &frame) == STATUS_TOO_LARGE);
    CHECK(framer_next(&framer, &frame) == STATUS_TOO_LARGE);
    framer_release(&framer);

    framer_init(&framer, FRAMER_LENGTH, 8);
    framer_push(&framer, BYTES("\xff\xff\xff\xff"));
    CHECK(framer_next(&framer, &frame) == STATUS_TOO_LARGE);
    framer_release(&framer);
}

TEST(framer, what_is_no_json_ends_the_stream)
{
    struct framer framer;
    struct bytes frame;

    framer_init(&framer, FRAMER_JSON, 1000);
    framer_push(&framer, BYTES("{}\n<html>"));
    CHECK(framer_next(&framer, &frame) == STATUS_OK);
    CHECK(framer_next(&framer, &frame) == STATUS_BAD_REQUEST);
    CHECK(framer_next(&framer, &frame) == STATUS_BAD_REQUEST);
    framer_release(&framer);
}

TEST(framer, a_stream_cut_inside_a_frame_is_not_empty)
{
    static const struct {
        enum framer_kind kind;
        struct bytes text;
        bool empty;
    } cases[] = {
        {FRAMER_JSON, BYTES_INIT("{\"a\":"), false},
        {FRAMER_JSON, BYTES_INIT("\n \n"), true},
        {FRAMER_JSON, BYTES_INIT(""), true},
        {FRAMER_LENGTH, BYTES_INIT("\0"), false},
        {FRAMER_LENGTH, BYTES_INIT("\0\0\0\1"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct framer framer;
        struct bytes frame;

        framer_init(&framer, cases[i].kind, 1000);
        framer_push(&framer, cases[i].text);
        CHECK(framer_next(&framer, &frame) == STATUS_END);
        CHECK(framer_is_empty(&framer) == cases[i].empty);
        framer_release(&framer);
    }
}

TEST(framer, memory_follows_the_frame_and_not_the_stream)
{
    struct framer framer;
    struct bytes frame;
    size_t frames = 0;

    framer_init(&framer, FRAMER_JSON, 1000);
    for (int i = 0; i < 100000; i++) {
        framer_push(&framer, BYTES("{\"a\":1}\n{\"b\""));
        while (framer_next(&framer, &frame) == STATUS_OK)
            frames++;
        framer_push(&framer, BYTES(":2}\n"));
    }
    while (framer_next(&framer, &frame) == STATUS_OK)
        frames++;
    CHECK_INT(frames, 200000);
    CHECK(framer.pending.capacity <= 4096);
    framer_release(&framer);
}
