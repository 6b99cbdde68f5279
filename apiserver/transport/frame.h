/*
 * frame - one encoded message of a stream, made once and sent to any number of peers.
 *
 *   1a4\r\n{"type":"ADDED",...}\n\r\n      the whole: an HTTP/1.1 chunk (RFC 9112 section 7.1)
 *          ^payload_at       ^+payload_len  the part that HTTP/2 and HTTP/1.0 send
 *   head + message                          what a WebSocket sends (RFC 6455 section 5.2)
 *
 * A server does not mask, so the head of a WebSocket frame is the same for every peer, too.
 *
 * Owner    each holder owns one reference.   Threads  ref and unref from any thread.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_FRAME_H
#define TIDEWATCH_APISERVER_TRANSPORT_FRAME_H

#include "base/bytes.h"

#include <stdatomic.h>

enum { FRAME_HEAD_MAX = 10 };

struct frame {
    atomic_uint refs;
    uint32_t len, payload_at, payload_len;
    uint8_t prefix_len; /* of the payload: no part of the message */
    uint8_t head_len;
    uint8_t head[FRAME_HEAD_MAX];
    char data[];
};

/* Frames `payload` (not empty), a text; NULL without memory. */
struct frame *frame_new(struct bytes payload);
/* The same for binary data. Its first `prefix_len` bytes tell its length where nothing else does: a
 * WebSocket message goes without them. */
struct frame *frame_new_binary(struct bytes payload, uint8_t prefix_len);

/* RFC 6455, section 11.8. */
enum frame_control { FRAME_CLOSE = 0x8, FRAME_PING = 0x9, FRAME_PONG = 0xa };
/* For WebSockets only: what they say to each other. At most 125 bytes, or none. */
struct frame *frame_new_control(enum frame_control type, struct bytes payload);

struct frame *frame_ref(struct frame *frame);
/* Drops a reference (NULL is fine). Returns NULL. */
struct frame *frame_unref(struct frame *frame);

/* Between open and close a thread counts its references by itself, and settles them with the other
 * threads when it says so: a loop at the end of each turn. A frame that it was the last to drop is
 * freed then, or before. */
void frame_credits_open(void);
void frame_credits_settle(void);
void frame_credits_close(void);

static inline struct bytes frame_payload(const struct frame *frame)
{
    return bytes_of(frame->data + frame->payload_at, frame->payload_len);
}

static inline struct bytes frame_head(const struct frame *frame)
{
    return bytes_of((const char *)frame->head, frame->head_len);
}

static inline struct bytes frame_message(const struct frame *frame)
{
    return bytes_from(frame_payload(frame), frame->prefix_len);
}

#endif
