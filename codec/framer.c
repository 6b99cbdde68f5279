#include "codec/framer.h"

enum { LENGTH_LEN = 4 };

void framer_init(struct framer *framer, enum framer_kind kind, size_t max_frame)
{
    *framer = (struct framer){.kind = kind, .max_frame = max_frame};
}

void framer_release(struct framer *framer)
{
    buf_release(&framer->pending);
}

void framer_push(struct framer *framer, struct bytes bytes)
{
    buf_consume(&framer->pending, framer->taken);
    framer->taken = 0;
    buf_append_bytes(&framer->pending, bytes);
}

static struct bytes rest_of(const struct framer *framer)
{
    return bytes_from(buf_bytes(&framer->pending), framer->taken);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The line that a value begins, if it is whole and may be all of the value. */
static struct bytes next_line(const struct framer *framer, struct bytes rest)
{
    size_t len = rest.len != 0 && rest.ptr[0] == '{' ? bytes_find(rest, '\n') : rest.len;

    if (framer->scan.at != 0 || len == rest.len || rest.ptr[len - 1] != '}')
        return bytes_of(NULL, 0);
    return bytes_of(rest.ptr, len);
}

static enum status next_json(struct framer *framer, struct bytes *ret_frame)
{
    struct bytes rest = rest_of(framer), line = {0};
    enum status st;
    size_t len;

    framer->guessed = 0;
    while (!framer->scan.started && rest.len != 0 && is_blank(rest.ptr[0])) {
        framer->taken++; /* blanks between values are in no frame, and count for none */
        framer->scan = (struct json_scan){0};
        rest = bytes_from(rest, 1);
    }
    if (framer->kind == FRAMER_LINES)
        line = next_line(framer, rest);
    if (line.len != 0 && line.len <= framer->max_frame) {
        framer->taken += line.len;
        framer->guessed = line.len;
        *ret_frame = line;
        return STATUS_OK;
    }
    st = json_scan_value(&framer->scan, rest, &len);
    if (st == STATUS_BAD_REQUEST)
        return st;
    if ((st == STATUS_OK ? len : rest.len) > framer->max_frame)
        return STATUS_TOO_LARGE;
    if (st != STATUS_OK)
        return st;
    framer->scan = (struct json_scan){0};
    framer->taken += len;
    *ret_frame = bytes_of(rest.ptr, len);
    return STATUS_OK;
}

static enum status next_length(struct framer *framer, struct bytes *ret_frame)
{
    struct bytes rest = rest_of(framer);
    size_t len = 0;

    if (rest.len < LENGTH_LEN)
        return STATUS_END;
    for (size_t i = 0; i < LENGTH_LEN; i++)
        len = len << 8 | (unsigned char)rest.ptr[i];
    if (len > framer->max_frame)
        return STATUS_TOO_LARGE;
    if (rest.len - LENGTH_LEN < len)
        return STATUS_END;
    framer->taken += LENGTH_LEN + len;
    *ret_frame = bytes_of(rest.ptr + LENGTH_LEN, len);
    return STATUS_OK;
}

enum status framer_next(struct framer *framer, struct bytes *ret_frame)
{
    static enum status (*const next[])(struct framer *, struct bytes *) = {
        [FRAMER_JSON] = next_json,
        [FRAMER_LINES] = next_json,
        [FRAMER_LENGTH] = next_length,
    };

    if (framer->pending.failed)
        return STATUS_NO_MEMORY;
    return next[framer->kind](framer, ret_frame);
}

bool framer_reject(struct framer *framer)
{
    bool guessed = framer->guessed != 0;

    framer->taken -= framer->guessed;
    framer->guessed = 0;
    framer->kind = guessed ? FRAMER_JSON : framer->kind;
    return guessed;
}

bool framer_is_empty(const struct framer *framer)
{
    struct bytes rest = rest_of(framer);

    return framer->kind != FRAMER_LENGTH ? bytes_trim(rest).len == 0 : rest.len == 0;
}
