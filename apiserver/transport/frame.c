#include "apiserver/transport/frame.h"

#include <stdio.h>
#include <stdlib.h>

struct frame *frame_new(struct bytes payload)
{
    char size[20]; /* a chunk-size is hexadecimal */
    size_t size_len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", payload.len);
    size_t len = size_len + payload.len + 2;
    struct frame *frame;

    assert(payload.len > 0); /* a chunk of size 0 is the end of the body */
    if (payload.len > UINT32_MAX - sizeof(size) - 2)
        return NULL;
    frame = malloc(sizeof(*frame) + len);
    if (frame == NULL)
        return NULL;
    atomic_init(&frame->refs, 1);
    frame->len = (uint32_t)len;
    frame->payload_at = (uint32_t)size_len;
    frame->payload_len = (uint32_t)payload.len;
    memcpy(frame->data, size, size_len);
    memcpy(frame->data + size_len, payload.ptr, payload.len);
    memcpy(frame->data + size_len + payload.len, "\r\n", 2);
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}

struct frame *frame_unref(struct frame *frame)
{
    if (frame != NULL && atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
        free(frame);
    return NULL;
}
