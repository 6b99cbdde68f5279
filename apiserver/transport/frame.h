/*
 * frame - one encoded message of a stream, made once and sent to any number of peers.
 *
 *   1a4\r\n{"type":"ADDED",...}\n\r\n      the whole: an HTTP/1.1 chunk (RFC 9112 section 7.1)
 *          ^payload_at       ^+payload_len  the part that HTTP/2 and HTTP/1.0 send
 *
 * Owner    each holder owns one reference.   Threads  ref and unref from any thread.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_FRAME_H
#define TIDEWATCH_APISERVER_TRANSPORT_FRAME_H

#include "base/bytes.h"

#include <stdatomic.h>

struct frame {
    atomic_uint refs;
    uint32_t len, payload_at, payload_len;
    char data[];
};

/* Frames `payload` (not empty); NULL without memory. */
struct frame *frame_new(struct bytes payload);
struct frame *frame_ref(struct frame *frame);
/* Drops a reference (NULL is fine). Returns NULL. */
struct frame *frame_unref(struct frame *frame);

static inline struct bytes frame_payload(const struct frame *frame)
{
    return bytes_of(frame->data + frame->payload_at, frame->payload_len);
}

#endif
