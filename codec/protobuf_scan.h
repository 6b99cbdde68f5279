/*
 * protobuf_scan - may protobuf-c unpack these bytes, which nobody vouches for?
 *
 * protobuf-c unpacks recursively without a limit and allocates as the bytes say: 34 KB of nested
 * messages overrun a stack of 8 MB. So depth and sizes are checked on the bytes before. For code
 * that works with the structs protoc-c generated; the transcoder reads bytes directly and needs
 * none of this.
 *
 * Errors   BAD_REQUEST: no message. TOO_LARGE: deeper or more than PROTOBUF_DEPTH_MAX and
 *          PROTOBUF_FIELDS_MAX, or 64 MiB of structs.
 */
#ifndef TIDEWATCH_CODEC_PROTOBUF_SCAN_H
#define TIDEWATCH_CODEC_PROTOBUF_SCAN_H

#include "base/bytes.h"
#include "base/error.h"

struct ProtobufCMessageDescriptor;

/* Walks the bytes by the descriptor; allocates nothing. */
MUST_CHECK enum status protobuf_scan(const struct ProtobufCMessageDescriptor *descriptor,
                                     struct bytes raw, struct error *reterr);

#endif
