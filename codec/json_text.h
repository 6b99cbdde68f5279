/*
 * json_text - the bytes inside JSON strings, many at a time. Private to codec/json_*.c.
 *
 * Plain bytes may stand in a string as they are and say nothing about UTF-8: ASCII but for quote,
 * backslash and control characters. Strings are nearly all plain, so this is the hottest loop of
 * the reader and of the writer.
 */
#ifndef TIDEWATCH_CODEC_JSON_TEXT_H
#define TIDEWATCH_CODEC_JSON_TEXT_H

#include "base/utf8.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Of what is seldom called: kept out of a hot function and its registers. */
#define SELDOM __attribute__((noinline))

static inline bool json_is_plain(char c)
{
    return c >= 0x20 && (signed char)c >= 0 && c != '"' && c != '\\';
}

#ifdef __SSE2__
/* A bit for each of 16 bytes that is not plain. */
static inline unsigned json_special_16(const char *at)
{
    __m128i text = _mm_loadu_si128((const __m128i *)at);
    __m128i quote = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(text, _mm_set1_epi8('\\'));
    __m128i ascii = _mm_cmpgt_epi8(text, _mm_set1_epi8(0x1f)); /* signed: others are below 0 */
    __m128i plain = _mm_andnot_si128(_mm_or_si128(quote, backslash), ascii);

    return (unsigned)_mm_movemask_epi8(plain) ^ 0xffff;
}
#endif

/* The top bit of each of 8 bytes that is not plain; above the first such byte the answer may lie,
 * for subtractions borrow upwards. */
static inline uint64_t json_special_8(uint64_t text)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t quote = text ^ (ones * '"'), backslash = text ^ (ones * '\\');

    return (text | (text - ones * 0x20) | (quote - ones) | (backslash - ones)) & (ones * 0x80);
}

static inline uint64_t json_load_8(const char *at)
{
    uint64_t text;

    memcpy(&text, at, sizeof(text));
    return le64toh(text);
}

/* The first byte that is not plain, or `end`. */
static inline const char *json_skip_plain(const char *at, const char *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned special = json_special_16(at);

        if (special != 0)
            return at + (unsigned)__builtin_ctz(special);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t special = json_special_8(json_load_8(at));

        if (special != 0)
            return at + __builtin_ctzll(special) / 8;
    }
    while (at < end && json_is_plain(*at))
        at++;
    return at;
}

/* Writes up to 4 bytes, returns how many. */
size_t utf8_put(char *to, uint32_t code_point);

#endif
