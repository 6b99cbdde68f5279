#include "base/utf8.h"

/* RFC 3629 section 4: what the second byte may be depends on the first, the others are 80..BF. */
static size_t utf8_shape(unsigned first, unsigned *ret_low, unsigned *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0)
            *ret_low = 0xa0;
        if (first == 0xed)
            *ret_high = 0x9f;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0)
            *ret_low = 0x90;
        if (first == 0xf4)
            *ret_high = 0x8f;
        return 4;
    }
    return 0;
}

size_t utf8_len(const char *at, const char *end)
{
    unsigned low, high;
    size_t len = at < end ? utf8_shape((unsigned char)*at, &low, &high) : 0;

    if (len == 0 || (size_t)(end - at) < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        unsigned byte = (unsigned char)at[i];

        if (byte < low || byte > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

bool utf8_is_valid(struct bytes text)
{
    while (text.len > 0) {
        size_t len = utf8_len(text.ptr, text.ptr + text.len);

        if (len == 0)
            return false;
        text = bytes_from(text, len);
    }
    return true;
}
