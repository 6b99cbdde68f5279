/*
 * Strings with escapes: decoded into the arena.
 */
#include "codec/json_reader.h"
#include "codec/json_text.h"

enum { PIECE = 16 };

static bool read_hex4(struct json_reader *r, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = r->at < r->end ? *r->at : '\0';
        uint32_t digit;

        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return json_fail_char(r, "in \\u hexadecimal character escape");
        *ret = *ret << 4 | digit;
    }
    return true;
}

/* Behind `\u`. A surrogate without its other half becomes U+FFFD, as encoding/json decodes it. */
static bool read_unicode_escape(struct json_reader *r, uint32_t *ret)
{
    uint32_t high, low;

    if (!read_hex4(r, &high))
        return false;
    *ret = high;
    if (high < 0xd800 || high > 0xdfff)
        return true;
    *ret = 0xfffd;
    if (high < 0xdc00 && r->end - r->at >= 2 && r->at[0] == '\\' && r->at[1] == 'u') {
        const char *mark = r->at;

        r->at += 2;
        if (!read_hex4(r, &low))
            return false;
        if (low >= 0xdc00 && low <= 0xdfff)
            *ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        else
            r->at = mark; /* an escape of its own */
    }
    return true;
}

/* At the backslash; adds what the escape means at `*to`. */
static bool read_escape(struct json_reader *r, char **to)
{
    static const char plain[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    uint32_t code_point;
    unsigned char c;

    r->at++;
    c = r->at < r->end ? (unsigned char)*r->at : '\0';
    if (c == 'u') {
        r->at++;
        if (!read_unicode_escape(r, &code_point))
            return false;
        *to += utf8_put(*to, code_point);
        return true;
    }
    if (c >= sizeof(plain) || plain[c] == '\0')
        return json_fail_char(r, "in string escape code");
    *(*to)++ = plain[c];
    r->at++;
    return true;
}

/* Where the string at `at` ends: its closing quote, or the end of the text. */
static const char *find_closing_quote(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        if (*at == '\\' && ++at == end)
            break;
        at = json_skip_plain(at + 1, end);
    }
    return at;
}

/* Copies plain bytes up to the first that is none, or the end. There must be PIECE bytes of room
 * behind what is copied: 16 bytes are written at a time, whatever they are. */
static inline const char *copy_plain(char **to, const char *at, const char *end)
{
#ifdef __SSE2__
    for (; end - at >= PIECE; at += PIECE, *to += PIECE) {
        unsigned special = json_special_16(at);

        memcpy(*to, at, PIECE);
        if (special != 0) {
            *to += __builtin_ctz(special);
            return at + __builtin_ctz(special);
        }
    }
#endif
    while (at < end && json_is_plain(*at))
        *(*to)++ = *at++;
    return at;
}

/* Copies up to the next quote, backslash or end. */
static inline bool copy_literal(struct json_reader *r, char **to)
{
    for (;;) {
        size_t len;

        r->at = copy_plain(to, r->at, r->end);
        if (r->at == r->end || *r->at == '"' || *r->at == '\\')
            return true;
        if (!json_read_special(r, &len))
            return false;
        memcpy(*to, r->at, len);
        *to += len;
        r->at += len;
    }
}

/* From the first backslash on; `start` is the first byte of the string. What an escape means is
 * never longer than the escape, so the raw length is room enough. */
bool json_read_escaped(struct json_reader *r, const char *start, struct bytes *ret_text)
{
    size_t room = (size_t)(find_closing_quote(r->at, r->end) - start) + PIECE;
    char *text = arena_alloc(r->arena, room), *to = text;

    if (text == NULL)
        return json_fail_memory(r);
    memcpy(to, start, (size_t)(r->at - start));
    to += r->at - start;
    while (json_at_char(r, '\\'))
        if (!read_escape(r, &to) || !copy_literal(r, &to))
            return false;
    *ret_text = bytes_of(text, (size_t)(to - text));
    return true;
}
