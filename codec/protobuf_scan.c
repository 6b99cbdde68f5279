#include "codec/protobuf_scan.h"

#include <protobuf-c/protobuf-c.h>

#include "codec/protobuf.h"
#include "codec/protobuf_wire.h"

/* What the structs of one call may take: an empty message is 2 bytes, its struct hundreds. */
enum { UNPACKED_MAX = 64 * 1024 * 1024 };

struct scan {
    size_t fields, unpacked;
    unsigned depth;
    struct error *reterr;
};

static enum status scan_message(struct scan *scan, const ProtobufCMessageDescriptor *descriptor,
                                struct bytes raw)
{
    struct wire_reader r = wire_reader_of(raw);
    struct wire_field field;
    enum status st = STATUS_OK;

    if (++scan->depth > PROTOBUF_DEPTH_MAX)
        return error_set(scan->reterr, STATUS_TOO_LARGE, "messages nest deeper than %d",
                         PROTOBUF_DEPTH_MAX);
    scan->unpacked += descriptor->sizeof_message;
    if (scan->unpacked > UNPACKED_MAX)
        return error_set(scan->reterr, STATUS_TOO_LARGE, "more than %d bytes once unpacked",
                         UNPACKED_MAX);
    while (st == STATUS_OK && wire_next(&r, &field)) {
        const ProtobufCFieldDescriptor *known =
            protobuf_c_message_descriptor_get_field(descriptor, field.id);

        if (++scan->fields > PROTOBUF_FIELDS_MAX)
            return error_set(scan->reterr, STATUS_TOO_LARGE, "more than %d fields",
                             PROTOBUF_FIELDS_MAX);
        if (known != NULL && known->type == PROTOBUF_C_TYPE_MESSAGE && field.type == WIRE_BYTES)
            st = scan_message(scan, known->descriptor, field.data);
    }
    if (st == STATUS_OK && r.wrong != NULL)
        st = error_set(scan->reterr, STATUS_BAD_REQUEST, "%s: %s", descriptor->short_name, r.wrong);
    scan->depth--;
    return st;
}

enum status protobuf_scan(const struct ProtobufCMessageDescriptor *descriptor, struct bytes raw,
                          struct error *reterr)
{
    struct scan scan = {.reterr = reterr};

    return scan_message(&scan, descriptor, raw);
}
