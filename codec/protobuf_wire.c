#include "codec/protobuf_wire.h"

#include <endian.h>
#include <stdlib.h>

enum { VARINT_LEN_MAX = 10, ID_MAX = (1 << 29) - 1, FIRST_CAPACITY = 1024 };

/* ---- reading ---- */

static bool fail(struct wire_reader *r, const char *wrong)
{
    r->wrong = wrong;
    return false;
}

static bool read_long_varint(struct wire_reader *r, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned shift = 0; shift < 7 * VARINT_LEN_MAX; shift += 7) {
        unsigned char c;

        if (r->at == r->end)
            return fail(r, "a number is cut short");
        c = (unsigned char)*r->at++;
        if (shift == 63 && c > 1)
            return fail(r, "a number has more than 64 bits");
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = n;
            return true;
        }
    }
    return fail(r, "a number has more than 64 bits");
}

/* Nearly all are a byte: tags, and lengths of texts. */
static inline bool read_varint(struct wire_reader *r, uint64_t *ret)
{
    if (r->at == r->end || (signed char)*r->at < 0)
        return read_long_varint(r, ret);
    *ret = (uint64_t)*r->at++;
    return true;
}

static bool read_fixed(struct wire_reader *r, size_t len, uint64_t *ret)
{
    uint64_t n = 0;

    if ((size_t)(r->end - r->at) < len)
        return fail(r, "a number is cut short");
    memcpy(&n, r->at, len);
    r->at += len;
    *ret = le64toh(n);
    return true;
}

static bool read_bytes(struct wire_reader *r, struct bytes *ret)
{
    uint64_t len;

    if (!read_varint(r, &len))
        return false;
    if (len > (size_t)(r->end - r->at))
        return fail(r, "a length goes past the end");
    *ret = bytes_of(r->at, (size_t)len);
    r->at += len;
    return true;
}

static bool read_value(struct wire_reader *r, enum wire_type type, struct wire_field *field)
{
    switch (type) {
    case WIRE_VARINT:
        return read_varint(r, &field->number);
    case WIRE_FIXED64:
        return read_fixed(r, 8, &field->number);
    case WIRE_FIXED32:
        return read_fixed(r, 4, &field->number);
    case WIRE_BYTES:
        return read_bytes(r, &field->data);
    }
    return fail(r, "a wire type is not known");
}

bool wire_next(struct wire_reader *r, struct wire_field *ret_field)
{
    uint64_t tag;

    if (r->wrong != NULL || r->at == r->end || !read_varint(r, &tag))
        return false;
    if (tag >> 3 == 0 || tag >> 3 > ID_MAX)
        return fail(r, "a field number is out of range");
    *ret_field = (struct wire_field){.id = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    return read_value(r, ret_field->type, ret_field);
}

bool wire_next_packed(struct wire_reader *r, enum wire_type type, uint64_t *ret_number)
{
    struct wire_field field = {0};

    if (r->wrong != NULL || r->at == r->end || !read_value(r, type, &field))
        return false;
    *ret_number = field.number;
    return true;
}

/* ---- writing ---- */

void wire_writer_release(struct wire_writer *w)
{
    free(w->data);
    *w = (struct wire_writer){0};
}

/* Room for `more` bytes before the first; what is written stays at the end of the new memory. */
static bool reserve(struct wire_writer *w, size_t more)
{
    size_t capacity = w->capacity != 0 ? w->capacity : FIRST_CAPACITY;
    char *data;

    if (w->failed || more > SIZE_MAX / 4 - w->len) {
        w->failed = true;
        return false;
    }
    if (w->capacity - w->len >= more)
        return true;
    while (capacity - w->len < more)
        capacity *= 2;
    data = malloc(capacity);
    if (data == NULL) {
        w->failed = true;
        return false;
    }
    if (w->len != 0)
        memcpy(data + capacity - w->len, wire_written(w).ptr, w->len);
    free(w->data);
    w->data = data;
    w->capacity = capacity;
    return true;
}

void wire_put(struct wire_writer *w, struct bytes raw)
{
    if (raw.len == 0 || !reserve(w, raw.len))
        return;
    w->len += raw.len;
    memcpy(w->data + (w->capacity - w->len), raw.ptr, raw.len);
}

void wire_put_varint(struct wire_writer *w, uint64_t n)
{
    char digits[VARINT_LEN_MAX];
    size_t len = 0;

    for (; n >= 0x80; n >>= 7)
        digits[len++] = (char)(n | 0x80);
    digits[len++] = (char)n;
    wire_put(w, bytes_of(digits, len));
}

void wire_put_fixed64(struct wire_writer *w, uint64_t n)
{
    n = htole64(n);
    wire_put(w, bytes_of((const char *)&n, sizeof(n)));
}

void wire_put_tag(struct wire_writer *w, uint32_t id, enum wire_type type)
{
    wire_put_varint(w, (uint64_t)id << 3 | type);
}

void wire_put_number(struct wire_writer *w, uint32_t id, uint64_t n)
{
    wire_put_varint(w, n);
    wire_put_tag(w, id, WIRE_VARINT);
}

void wire_put_bytes(struct wire_writer *w, uint32_t id, struct bytes data)
{
    size_t len = w->len;

    wire_put(w, data);
    wire_put_header(w, id, len);
}

void wire_put_header(struct wire_writer *w, uint32_t id, size_t len)
{
    wire_put_varint(w, w->len - len);
    wire_put_tag(w, id, WIRE_BYTES);
}
