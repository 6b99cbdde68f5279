#include "base/base64.h"

static const char *alphabet(enum base64_form form)
{
    return form == BASE64_STANDARD
               ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
               : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

void base64_encode(struct buf *out, struct bytes raw, enum base64_form form)
{
    const char *letters = alphabet(form);

    for (size_t i = 0; i < raw.len; i += 3) {
        size_t have = raw.len - i < 3 ? raw.len - i : 3;
        uint32_t bits = 0;
        char quad[4];

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < have ? (unsigned char)raw.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            quad[k] = k <= have ? letters[bits >> (18 - 6 * k) & 63] : '=';
        buf_append(out, quad, form == BASE64_STANDARD ? 4 : have + 1);
    }
}

static int letter_value(char c, enum base64_form form)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (form == BASE64_STANDARD ? '+' : '-'))
        return 62;
    return c == (form == BASE64_STANDARD ? '/' : '_') ? 63 : -1;
}

bool base64_decode(struct buf *out, struct bytes text, enum base64_form form)
{
    uint32_t bits = 0;
    int held = 0;

    if (form == BASE64_STANDARD) {
        if (text.len % 4 != 0)
            return false;
        for (int i = 0; i < 2 && text.len != 0 && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    }
    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = letter_value(text.ptr[i], form);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_append_char(out, (char)(bits >> held & 0xff));
        }
    }
    return (bits & ((1u << held) - 1)) == 0 && !out->failed;
}

struct bytes base64_join_lines(struct arena *arena, struct bytes text)
{
    char *joined;
    size_t len = 0;

    if (bytes_find(text, '\n') == text.len && bytes_find(text, '\r') == text.len)
        return text;
    joined = arena_alloc(arena, text.len);
    for (size_t i = 0; joined != NULL && i < text.len; i++)
        if (text.ptr[i] != '\n' && text.ptr[i] != '\r')
            joined[len++] = text.ptr[i];
    return bytes_of(joined, len);
}
