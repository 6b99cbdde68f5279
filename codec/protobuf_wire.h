/*
 * protobuf_wire - the encoding below all messages: tags, varints, lengths. Private to codec.
 * Format: protobuf.dev/programming-guides/encoding.
 *
 * Reading  wire_next() hands out one field at a time, spans borrowed; every length is checked
 *          against what is left before it is believed. Groups are refused: Kubernetes has none.
 * Writing  from the last byte to the first. A length then is known when it is written, so nested
 *          messages cost no second pass and no moving (as gogo/protobuf does for Kubernetes).
 */
#ifndef TIDEWATCH_CODEC_PROTOBUF_WIRE_H
#define TIDEWATCH_CODEC_PROTOBUF_WIRE_H

#include "base/buf.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint32_t id;
    enum wire_type type;
    uint64_t number;   /* of all types but WIRE_BYTES */
    struct bytes data; /* of WIRE_BYTES */
};

struct wire_reader {
    const char *at, *end;
    const char *wrong; /* why reading stopped before the end; NULL: nothing */
};

static inline struct wire_reader wire_reader_of(struct bytes data)
{
    if (data.len == 0) /* ptr may be NULL, to which nothing may be added */
        data = BYTES("");
    return (struct wire_reader){data.ptr, data.ptr + data.len, NULL};
}

/* False at the end, and when `wrong` is set. */
bool wire_next(struct wire_reader *r, struct wire_field *ret_field);
/* One number of a packed field. */
bool wire_next_packed(struct wire_reader *r, enum wire_type type, uint64_t *ret_number);

/* Zeroed is empty and valid. Out of memory is sticky, as in struct buf. */
struct wire_writer {
    char *data;
    size_t len, capacity; /* the last `len` bytes of `capacity` are written */
    bool failed;
};

void wire_writer_release(struct wire_writer *w);
static inline struct bytes wire_written(const struct wire_writer *w)
{
    return w->len != 0 ? bytes_of(w->data + (w->capacity - w->len), w->len) : BYTES("");
}
/* Each puts something before all that was written. */
void wire_put(struct wire_writer *w, struct bytes raw);
void wire_put_varint(struct wire_writer *w, uint64_t n);
void wire_put_fixed64(struct wire_writer *w, uint64_t n);
void wire_put_tag(struct wire_writer *w, uint32_t id, enum wire_type type);
void wire_put_number(struct wire_writer *w, uint32_t id, uint64_t n);
void wire_put_bytes(struct wire_writer *w, uint32_t id, struct bytes data);
/* Length and tag of a message whose fields were written since the writer was `len` long. */
void wire_put_header(struct wire_writer *w, uint32_t id, size_t len);

#endif
