#include "codec/protobuf.h"

#include "codec/protobuf_wire.h"

static const struct bytes magic = BYTES_INIT("k8s\0");

bool protobuf_is_envelope(struct bytes text)
{
    return bytes_starts_with(text, magic);
}

/* ---- reading ---- */

/* The last of each string or message of a message with ids 1 .. count; others are passed over, as
 * Go does. */
static bool read_texts(struct bytes data, struct bytes *texts, uint32_t count, const char **wrong)
{
    struct wire_reader r = wire_reader_of(data);
    struct wire_field field;

    while (wire_next(&r, &field)) {
        if (field.id > count)
            continue;
        if (field.type != WIRE_BYTES) {
            *wrong = "a string or message has another wire type";
            return false;
        }
        texts[field.id - 1] = field.data;
    }
    *wrong = r.wrong;
    return r.wrong == NULL;
}

enum status protobuf_envelope_read(struct bytes text, struct protobuf_envelope *ret_env,
                                   struct error *reterr)
{
    struct bytes unknown[4] = {{0}}, meta[2] = {{0}};
    const char *wrong;

    if (!protobuf_is_envelope(text))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "provided data does not appear to be a protobuf message, expected prefix "
                         "[107 56 115 0]");
    text = bytes_from(text, magic.len);
    if (text.len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST, "empty data");
    if (!read_texts(text, unknown, ARRAY_LEN(unknown), &wrong) ||
        !read_texts(unknown[0], meta, ARRAY_LEN(meta), &wrong))
        return error_set(reterr, STATUS_BAD_REQUEST, "runtime.Unknown: %s", wrong);
    if (unknown[2].len != 0)
        return error_set(reterr, STATUS_UNSUPPORTED_MEDIA_TYPE,
                         "runtime.Unknown: content encoding \"%.*s\" is not supported",
                         BYTES_FMT(unknown[2]));
    if (unknown[3].len != 0 && !bytes_eq_str(unknown[3], PROTOBUF_MEDIA_TYPE))
        return error_set(reterr, STATUS_UNSUPPORTED_MEDIA_TYPE,
                         "runtime.Unknown: content type \"%.*s\" is not supported",
                         BYTES_FMT(unknown[3]));
    *ret_env = (struct protobuf_envelope){meta[0], meta[1], unknown[1]};
    return STATUS_OK;
}

/* ---- writing; lengths are small sums, so these go forward ---- */

static size_t varint_len(uint64_t n)
{
    size_t len = 1;

    for (; n >= 0x80; n >>= 7)
        len++;
    return len;
}

static void append_varint(struct buf *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        buf_append_char(out, (char)(n | 0x80));
    buf_append_char(out, (char)n);
}

/* For ids below 16: one byte of tag. */
static size_t field_len(size_t len)
{
    return 1 + varint_len(len) + len;
}

static void append_header(struct buf *out, unsigned id, size_t len)
{
    buf_append_char(out, (char)(id << 3 | WIRE_BYTES));
    append_varint(out, len);
}

static void append_field(struct buf *out, unsigned id, struct bytes data)
{
    append_header(out, id, data.len);
    buf_append_bytes(out, data);
}

/* Up to the message itself. */
static void begin_envelope(struct buf *out, struct bytes api_version, struct bytes kind,
                           size_t raw_len)
{
    buf_append_bytes(out, magic);
    append_header(out, 1, field_len(api_version.len) + field_len(kind.len));
    append_field(out, 1, api_version);
    append_field(out, 2, kind);
    append_header(out, 2, raw_len);
}

/* contentEncoding and contentType, as Go writes them. */
static void end_envelope(struct buf *out)
{
    append_field(out, 3, BYTES(""));
    append_field(out, 4, BYTES(""));
}

void protobuf_envelope_write(struct buf *out, const struct protobuf_envelope *env)
{
    begin_envelope(out, env->api_version, env->kind, env->raw.len);
    buf_append_bytes(out, env->raw);
    end_envelope(out);
}

void protobuf_envelope_wrap(struct buf *message, struct bytes api_version, struct bytes kind)
{
    struct buf head = {0};
    size_t len = message->len;

    begin_envelope(&head, api_version, kind, len);
    buf_append_bytes(message, buf_bytes(&head)); /* makes room for it */
    message->failed |= head.failed;
    if (!message->failed) {
        memmove(message->data + head.len, message->data, len);
        memcpy(message->data, head.data, head.len);
    }
    buf_release(&head);
    end_envelope(message);
}

void protobuf_list_item_write(struct buf *out, struct bytes raw)
{
    append_field(out, 2, raw);
}

void protobuf_watch_event_write(struct buf *out, struct bytes type, struct bytes object)
{
    append_field(out, 1, type);
    append_header(out, 2, field_len(object.len));
    append_field(out, 1, object);
}

void protobuf_watch_frame_write(struct buf *out, struct bytes type, struct bytes object)
{
    size_t len = field_len(type.len) + field_len(field_len(object.len));

    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_char(out, (char)(len >> shift));
    protobuf_watch_event_write(out, type, object);
}
