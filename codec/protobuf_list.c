#include "codec/protobuf_list.h"

#include "codec/protobuf_wire.h"

enum { METADATA_ID = 1, ITEMS_ID = 2 };

enum status protobuf_list_next(struct bytes *rest, struct bytes *ret_message, bool *ret_is_item)
{
    struct wire_reader r = wire_reader_of(*rest);
    struct wire_field field;

    while (wire_next(&r, &field)) {
        if (field.id != METADATA_ID && field.id != ITEMS_ID)
            continue; /* of a newer server */
        if (field.type != WIRE_BYTES)
            return STATUS_BAD_REQUEST;
        *rest = bytes_of(r.at, (size_t)(r.end - r.at));
        *ret_message = field.data;
        *ret_is_item = field.id == ITEMS_ID;
        return STATUS_OK;
    }
    return r.wrong == NULL ? STATUS_END : STATUS_BAD_REQUEST;
}
