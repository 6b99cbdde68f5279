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
