/*
 * type - a tw_type from the inside. Internal.
 */
#ifndef TIDEWATCH_CLIENT_TYPED_TYPE_H
#define TIDEWATCH_CLIENT_TYPED_TYPE_H

#include <tidewatch/typed.h>

#include "client-go-like/fail.h"
#include "codec/transcoder.h"

struct tw_type {
    struct message_set *set;
    const struct ProtobufCMessageDescriptor *descriptor;
    char *api_version, *kind; /* "" of a part */
    bool is_builtin;          /* the field numbers are Kubernetes' own */
};

/* The message in Kubernetes' envelope. */
tw_status type_write(const tw_type *type, const struct ProtobufCMessage *message, struct buf *out,
                     tw_error **reterr);

#endif
