/*
 * protobuf - what Kubernetes wraps around its protobuf messages: envelope, list item, watch event.
 *
 *   object       k8s\0 Unknown{typeMeta{apiVersion, kind}, raw = the message of the kind}
 *   list         the message of a list kind is {metadata = 1, items = 2 ..}: items can be spliced
 * in watch event  WatchEvent{type, object{raw = k8s\0 ..}}, behind 4 bytes of big-endian length
 *
 * Which message a kind has, and what is in it, is the transcoder's knowledge (codec/transcoder.h).
 * Source: k8s.io/apimachinery/pkg/runtime/serializer/protobuf, pkg/util/framer.
 *
 * Owner    everything read is borrowed from what was read.
 * Errors   bytes from outside: BAD_REQUEST with the reason, UNSUPPORTED_MEDIA_TYPE for an envelope
 *          around something else than a message. Writers append to a buf, which keeps its failure.
 */
#ifndef TIDEWATCH_CODEC_PROTOBUF_H
#define TIDEWATCH_CODEC_PROTOBUF_H

#include "base/buf.h"
#include "base/error.h"

#define PROTOBUF_MEDIA_TYPE "application/vnd.kubernetes.protobuf"

/* Messages inside messages, as protobuf's own readers allow; and fields in all of them together. */
enum { PROTOBUF_DEPTH_MAX = 100, PROTOBUF_FIELDS_MAX = 1000000 };

struct protobuf_envelope {
    struct bytes api_version, kind; /* empty: the reader knows already */
    struct bytes raw;
};

/* Begins with the magic. */
bool protobuf_is_envelope(struct bytes text);
MUST_CHECK enum status protobuf_envelope_read(struct bytes text, struct protobuf_envelope *ret_env,
                                              struct error *reterr);
void protobuf_envelope_write(struct buf *out, const struct protobuf_envelope *env);
/* Puts the envelope around all that `message` holds, in its own memory: lists are long. */
void protobuf_envelope_wrap(struct buf *message, struct bytes api_version, struct bytes kind);

/* One item of a list's message; `raw` is the item's message, without an envelope. */
void protobuf_list_item_write(struct buf *out, struct bytes raw);

/* `type` is ADDED and so on, `object` an envelope. Without the length: a message of a WebSocket. */
void protobuf_watch_event_write(struct buf *out, struct bytes type, struct bytes object);
void protobuf_watch_frame_write(struct buf *out, struct bytes type, struct bytes object);

#endif
