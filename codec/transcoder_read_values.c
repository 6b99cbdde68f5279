/*
 * Single values off the wire.
 */
#include "codec/transcoder_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/c_locale.h"
#include "codec/json_text.h"

/* Eight bytes at a time, of which the last may be some of those before. */
static bool is_ascii(struct bytes text)
{
    uint64_t any = 0;

    if (text.len >= sizeof(any)) {
        for (size_t i = 0; i + sizeof(any) < text.len; i += sizeof(any))
            any |= json_load_8(text.ptr + i);
        any |= json_load_8(text.ptr + text.len - sizeof(any));
    } else {
        for (size_t i = 0; i < text.len; i++)
            any |= (uint64_t)((unsigned char)text.ptr[i] & 0x80);
    }
    return (any & 0x8080808080808080) == 0;
}

bool read_is_utf8(struct bytes text)
{
    const char *at = text.ptr, *end;

    if (is_ascii(text))
        return true;
    end = at + text.len;
    while ((at = json_skip_plain(at, end)) < end) {
        size_t len = (signed char)*at >= 0 ? 1 : utf8_len(at, end);

        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

struct json *read_string(struct transcoder_reader *r, struct bytes data, const struct path *path)
{
    if (!read_is_utf8(data))
        return reader_fail(r, STATUS_BAD_REQUEST, path, "a string is not UTF-8");
    return json_new_string(r->arena, data.len != 0 ? data : BYTES(""));
}

static struct json *read_base64(struct transcoder_reader *r, struct bytes data)
{
    r->text.len = 0;
    base64_encode(&r->text, data, BASE64_STANDARD);
    return json_new_string(r->arena, arena_dup(r->arena, buf_bytes(&r->text)));
}

/* The shortest of the decimals that are this double. */
static struct json *read_double(struct transcoder_reader *r, uint64_t bits, const struct path *path)
{
    char text[32];
    locale_t was;
    double n;

    memcpy(&n, &bits, sizeof(n));
    if (!isfinite(n))
        return reader_fail(r, STATUS_BAD_REQUEST, path, "a number is not finite");
    was = uselocale(c_locale());
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, n);
        if (c_strtod(text) == n)
            break;
    }
    uselocale(was);
    return json_new_number(r->arena, arena_dup(r->arena, bytes_str(text)));
}

static struct json *read_number(struct transcoder_reader *r, enum field_type type, uint64_t n,
                                const struct path *path)
{
    switch (type) {
    case TYPE_BOOL:
        return json_new_bool(r->arena, n != 0);
    case TYPE_INT32:
        return json_new_int(r->arena, (int32_t)(uint32_t)n);
    case TYPE_INT64:
        return json_new_int(r->arena, (int64_t)n);
    default:
        return read_double(r, n, path);
    }
}

enum wire_type field_wire_type(const struct message_field *field)
{
    static const enum wire_type wire_types[] = {
        [TYPE_STRING] = WIRE_BYTES, [TYPE_BYTES] = WIRE_BYTES,  [TYPE_BOOL] = WIRE_VARINT,
        [TYPE_INT32] = WIRE_VARINT, [TYPE_INT64] = WIRE_VARINT, [TYPE_DOUBLE] = WIRE_FIXED64,
        [TYPE_MESSAGE] = WIRE_BYTES};

    return wire_types[field->type];
}

struct json *read_value(struct transcoder_reader *r, const struct message_field *field,
                        const struct wire_field *value, const struct path *path)
{
    switch ((enum field_type)field->type) {
    case TYPE_STRING:
        return read_string(r, value->data, path);
    case TYPE_BYTES:
        return read_base64(r, value->data);
    case TYPE_MESSAGE:
        return read_message(r, field->message, value->data, path);
    default:
        return read_number(r, field->type, value->number, path);
    }
}
