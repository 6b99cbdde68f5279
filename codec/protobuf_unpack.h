/*
 * protobuf_unpack - protobuf-c's own structs from bytes that nobody vouches for.
 *
 * protobuf-c unpacks recursively without a limit and allocates as the bytes say: 34 KB of nested
 * messages overrun a stack of 8 MB. So depth and sizes are checked on the bytes before, and memory
 * comes from an arena. For code that works with the structs protoc-c generated; the transcoder
 * reads bytes directly and needs none of this.
 *
 * Errors   BAD_REQUEST: not such a message. TOO_LARGE: deeper or more than PROTOBUF_DEPTH_MAX and
 *          PROTOBUF_FIELDS_MAX. NO_MEMORY.
 */
#ifndef TIDEWATCH_CODEC_PROTOBUF_UNPACK_H
#define TIDEWATCH_CODEC_PROTOBUF_UNPACK_H

#include "base/arena.h"
#include "base/error.h"

struct ProtobufCMessageDescriptor;
struct ProtobufCMessage;

/* Walks the bytes by the descriptor; allocates nothing. */
MUST_CHECK enum status protobuf_scan(const struct ProtobufCMessageDescriptor *descriptor,
                                     struct bytes raw, struct error *reterr);
/* Scans, then unpacks into the arena: never call protobuf_c_message_free_unpacked() on it. */
MUST_CHECK enum status protobuf_unpack(struct arena *arena,
                                       const struct ProtobufCMessageDescriptor *descriptor,
                                       struct bytes raw, struct ProtobufCMessage **ret_message,
                                       struct error *reterr);

#endif
