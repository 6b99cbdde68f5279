#include "unit/test.h"

#include <stdlib.h>

#include "apiserver/transport/frame.h"

TEST(frame, a_payload_is_wrapped_as_one_chunk)
{
    struct frame *frame = frame_new(BYTES("{\"type\":\"ADDED\"}\n"));

    CHECK_TEXT(bytes_of(frame->data, frame->len), "11\r\n{\"type\":\"ADDED\"}\n\r\n");
    CHECK_TEXT(frame_payload(frame), "{\"type\":\"ADDED\"}\n");
    frame_unref(frame);
}

TEST(frame, the_size_of_a_large_payload_is_hexadecimal)
{
    char *large = malloc(0x12345);
    struct frame *frame;

    memset(large, 'a', 0x12345);
    frame = frame_new(bytes_of(large, 0x12345));
    CHECK(memcmp(frame->data, "12345\r\n", 7) == 0);
    CHECK_INT(frame->len, 7 + 0x12345 + 2);
    CHECK_INT(frame_payload(frame).len, 0x12345);
    frame_unref(frame);
    free(large);
}

TEST(frame, the_last_of_many_references_frees)
{
    struct frame *frame = frame_new(BYTES("x"));

    CHECK(frame_ref(frame) == frame);
    CHECK_INT(atomic_load(&frame->refs), 2);
    CHECK(frame_unref(frame) == NULL);
    CHECK_TEXT(frame_payload(frame), "x"); /* ASan tells when it is gone too early */
    CHECK(frame_unref(frame) == NULL);
    CHECK(frame_unref(NULL) == NULL);
}

TEST(frame, a_websocket_head_is_the_shortest_for_its_message)
{
    static const struct {
        size_t len;
        const char *head;
        size_t head_len;
    } heads[] = {
        {1, "\x81\x01", 2},
        {125, "\x81\x7d", 2},
        {126, "\x81\x7e\x00\x7e", 4},
        {65535, "\x81\x7e\xff\xff", 4},
        {65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10},
    };
    char *text = calloc(1, 65536);

    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct frame *frame = frame_new(bytes_of(text, heads[i].len));

        CHECK(bytes_eq(frame_head(frame), bytes_of(heads[i].head, heads[i].head_len)));
        CHECK_INT(frame_message(frame).len, heads[i].len);
        frame_unref(frame);
    }
    free(text);
}

TEST(frame, a_binary_message_goes_without_its_length_prefix)
{
    struct frame *frame = frame_new_binary(BYTES("\0\0\0\3abc"), 4);

    CHECK_INT(frame_payload(frame).len, 7);
    CHECK_TEXT(frame_message(frame), "abc");
    CHECK_TEXT(frame_head(frame), "\x82\x03");
    frame_unref(frame);
}

TEST(frame, a_control_frame_may_be_empty)
{
    struct frame *frame = frame_new_control(FRAME_PONG, bytes_of(NULL, 0));

    CHECK(bytes_eq(frame_head(frame), BYTES("\x8a\0")));
    CHECK_INT(frame_message(frame).len, 0);
    frame_unref(frame);
}

TEST(frame, references_of_a_loop_are_settled_with_the_others)
{
    struct frame *frame = frame_new(BYTES("x"));

    frame_credits_open();
    for (size_t i = 0; i < 1000; i++)
        frame_ref(frame);
    for (size_t i = 0; i < 999; i++)
        frame_unref(frame);
    frame_credits_settle();
    CHECK_INT(atomic_load(&frame->refs), 2);
    frame_unref(frame);
    frame_unref(frame);
    CHECK_TEXT(frame_payload(frame), "x"); /* until it is settled */
    frame_credits_close();
}

TEST(frame, any_number_of_frames_is_settled)
{
    struct frame *frames[100];

    frame_credits_open();
    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        frames[i] = frame_new(BYTES("x"));
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < ARRAY_LEN(frames); i++)
            frame_ref(frames[i]);
    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        frame_unref(frames[i]);
    frame_credits_close();
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        CHECK_INT(atomic_load(&frames[i]->refs), 3);
        for (size_t n = 0; n < 3; n++)
            frame_unref(frames[i]); /* a thread without credits drops at once */
    }
}
