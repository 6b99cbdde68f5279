#include "codec/yaml_plain.h"

#include <math.h>
#include <stdlib.h>

#include "base/c_locale.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *yaml_plain_tag(enum yaml_plain_type type)
{
    static const char *const tags[] = {
        [PLAIN_STRING] = "!!str",          [PLAIN_NULL] = "!!null",
        [PLAIN_BOOL] = "!!bool",           [PLAIN_INT] = "!!int",
        [PLAIN_FLOAT] = "!!float",         [PLAIN_NOT_FINITE] = "!!float",
        [PLAIN_TIMESTAMP] = "!!timestamp", [PLAIN_MERGE] = "!!merge"};

    return tags[type];
}

/* ---- words ---- */

static const struct word {
    const char *text;
    enum yaml_plain_type type;
    bool boolean;
} words[] = {
    {"true", PLAIN_BOOL, true},
    {"True", PLAIN_BOOL, true},
    {"TRUE", PLAIN_BOOL, true},
    {"y", PLAIN_BOOL, true},
    {"Y", PLAIN_BOOL, true},
    {"yes", PLAIN_BOOL, true},
    {"Yes", PLAIN_BOOL, true},
    {"YES", PLAIN_BOOL, true},
    {"on", PLAIN_BOOL, true},
    {"On", PLAIN_BOOL, true},
    {"ON", PLAIN_BOOL, true},
    {"false", PLAIN_BOOL, false},
    {"False", PLAIN_BOOL, false},
    {"FALSE", PLAIN_BOOL, false},
    {"n", PLAIN_BOOL, false},
    {"N", PLAIN_BOOL, false},
    {"no", PLAIN_BOOL, false},
    {"No", PLAIN_BOOL, false},
    {"NO", PLAIN_BOOL, false},
    {"off", PLAIN_BOOL, false},
    {"Off", PLAIN_BOOL, false},
    {"OFF", PLAIN_BOOL, false},
    {"", PLAIN_NULL, false},
    {"~", PLAIN_NULL, false},
    {"null", PLAIN_NULL, false},
    {"Null", PLAIN_NULL, false},
    {"NULL", PLAIN_NULL, false},
    {".nan", PLAIN_NOT_FINITE, false},
    {".NaN", PLAIN_NOT_FINITE, false},
    {".NAN", PLAIN_NOT_FINITE, false},
    {".inf", PLAIN_NOT_FINITE, false},
    {".Inf", PLAIN_NOT_FINITE, false},
    {".INF", PLAIN_NOT_FINITE, false},
    {"+.inf", PLAIN_NOT_FINITE, false},
    {"+.Inf", PLAIN_NOT_FINITE, false},
    {"+.INF", PLAIN_NOT_FINITE, false},
    {"-.inf", PLAIN_NOT_FINITE, false},
    {"-.Inf", PLAIN_NOT_FINITE, false},
    {"-.INF", PLAIN_NOT_FINITE, false},
    {"<<", PLAIN_MERGE, false},
};

enum { LONGEST_WORD = 5 };

static const struct word *find_word(struct bytes text)
{
    for (size_t i = 0; text.len <= LONGEST_WORD && i < ARRAY_LEN(words); i++)
        if (bytes_eq_str(text, words[i].text))
            return &words[i];
    return NULL;
}

/* ---- numbers ---- */

static struct bytes without_underscores(struct arena *arena, struct bytes text)
{
    char *copy;
    size_t len = 0;

    if (bytes_find(text, '_') == text.len)
        return text;
    copy = arena_alloc(arena, text.len);
    for (size_t i = 0; copy != NULL && i < text.len; i++)
        if (text.ptr[i] != '_')
            copy[len++] = text.ptr[i];
    return bytes_of(copy, len);
}

/* Takes `0x`, `0o`, `0b` or the `0` of old octals off `*digits`. */
static unsigned cut_base(struct bytes *digits)
{
    static const struct {
        char letter;
        unsigned base;
    } bases[] = {{'x', 16}, {'o', 8}, {'b', 2}};

    if (digits->len < 2 || digits->ptr[0] != '0')
        return 10;
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        if ((digits->ptr[1] | 0x20) != bases[i].letter)
            continue;
        *digits = bytes_from(*digits, 2);
        return bases[i].base;
    }
    *digits = bytes_from(*digits, 1);
    return 8;
}

static bool parse_digits(struct bytes digits, unsigned base, uint64_t *ret)
{
    uint64_t n = 0;

    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        unsigned digit = is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);

        if ((!is_digit(c) && ((c | 0x20) < 'a' || (c | 0x20) > 'f')) || digit >= base ||
            __builtin_mul_overflow(n, (uint64_t)base, &n) ||
            __builtin_add_overflow(n, (uint64_t)digit, &n))
            return false;
    }
    *ret = n;
    return digits.len != 0;
}

/* An integer that fits 64 bits, as strconv.ParseInt and ParseUint with base 0. */
static bool resolve_int(struct arena *arena, struct bytes text, struct yaml_plain *ret)
{
    bool negative = text.len != 0 && text.ptr[0] == '-';
    bool has_sign = negative || (text.len != 0 && text.ptr[0] == '+');
    struct bytes digits = has_sign ? bytes_from(text, 1) : text;
    unsigned base = cut_base(&digits);
    uint64_t n;

    if (!parse_digits(digits, base, &n) || (has_sign && n > (uint64_t)INT64_MAX + negative))
        return false;
    ret->type = PLAIN_INT;
    ret->text =
        base == 10 && (!has_sign || (negative && n != 0))
            ? text
            : arena_printf(arena, "%s%llu", negative && n != 0 ? "-" : "", (unsigned long long)n);
    return true;
}

static size_t skip_digits(struct bytes text, size_t at)
{
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    return at;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? with its parts. */
static bool split_float(struct bytes text, struct bytes *ret_whole, struct bytes *ret_fraction,
                        struct bytes *ret_exponent)
{
    size_t at = text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'), end;

    end = skip_digits(text, at);
    *ret_whole = bytes_of(text.ptr + at, end - at);
    *ret_fraction = *ret_exponent = bytes_of("", 0);
    at = end;
    if (at < text.len && text.ptr[at] == '.') {
        end = skip_digits(text, at + 1);
        *ret_fraction = bytes_of(text.ptr + at + 1, end - at - 1);
        at = end;
    }
    if (ret_whole->len + ret_fraction->len == 0)
        return false;
    if (at == text.len)
        return true;
    if ((text.ptr[at] | 0x20) != 'e')
        return false;
    *ret_exponent = bytes_from(text, at);
    at += at + 1 < text.len && (text.ptr[at + 1] == '-' || text.ptr[at + 1] == '+') ? 2 : 1;
    return at < text.len && skip_digits(text, at) == text.len;
}

/* Keeps the digits that stand there: 0.10 stays 0.10, and a huge integer stays exact. One that no
 * double can hold is a string, as in Go. */
static bool resolve_float(struct arena *arena, struct bytes text, struct yaml_plain *ret)
{
    struct bytes whole, fraction, exponent;

    if (!split_float(text, &whole, &fraction, &exponent) || isinf(c_strtod(arena_str(arena, text))))
        return false;
    while (whole.len > 1 && whole.ptr[0] == '0')
        whole = bytes_from(whole, 1);
    if (whole.len == 0)
        whole = BYTES("0");
    ret->type = PLAIN_FLOAT;
    ret->text =
        arena_printf(arena, "%s%.*s%s%.*s%.*s", text.ptr[0] == '-' ? "-" : "", BYTES_FMT(whole),
                     fraction.len != 0 ? "." : "", BYTES_FMT(fraction), BYTES_FMT(exponent));
    return true;
}

bool yaml_plain_is_base60(struct bytes text)
{
    size_t at = text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'), groups = 0;

    if (at == text.len || !is_digit(text.ptr[at]))
        return false;
    while (at < text.len && (is_digit(text.ptr[at]) || text.ptr[at] == '_'))
        at++;
    for (; at < text.len && text.ptr[at] == ':'; groups++) {
        size_t end = skip_digits(text, at + 1);

        if (end == at + 1 || end > at + 3 || (end == at + 3 && text.ptr[at + 1] > '5'))
            return false;
        at = end;
    }
    if (at < text.len && text.ptr[at] == '.')
        for (at++; at < text.len && (is_digit(text.ptr[at]) || text.ptr[at] == '_');)
            at++;
    return groups != 0 && at == text.len;
}

/* ---- timestamps ---- */

/* Takes one or two digits, at most `most`, and then `end` ('\0': nothing) off `*rest`. */
static bool cut_number(struct bytes *rest, unsigned least, unsigned most, char end)
{
    size_t len = skip_digits(*rest, 0);
    uint64_t n;

    if (len == 0 || len > 2 || !bytes_to_u64(bytes_of(rest->ptr, len), &n) || n < least ||
        n > most || (end != '\0' && (len == rest->len || rest->ptr[len] != end)))
        return false;
    *rest = bytes_from(*rest, len + (end != '\0'));
    return true;
}

/* `Z` or `+hh:mm`. */
static bool is_zone(struct bytes zone)
{
    struct bytes rest = bytes_from(zone, 1);

    if (bytes_eq_str(zone, "Z"))
        return true;
    return zone.len == 6 && (zone.ptr[0] == '+' || zone.ptr[0] == '-') &&
           cut_number(&rest, 0, 24, ':') && cut_number(&rest, 0, 60, '\0');
}

/* YYYY-M-D, or that with `T`, a time and a zone, or with a blank and a time. */
static bool is_timestamp(struct bytes text)
{
    struct bytes rest = bytes_from(text, 5);
    char between;

    if (skip_digits(text, 0) != 4 || text.len < 5 || text.ptr[4] != '-' ||
        !cut_number(&rest, 1, 12, '-') || !cut_number(&rest, 1, 31, '\0'))
        return false;
    if (rest.len == 0)
        return true;
    between = rest.ptr[0];
    rest = bytes_from(rest, 1);
    if (between == ' ')
        rest = bytes_trim(rest);
    else if ((between | 0x20) != 't')
        return false;
    if (!cut_number(&rest, 0, 23, ':') || !cut_number(&rest, 0, 59, ':') ||
        !cut_number(&rest, 0, 59, '\0'))
        return false;
    if (rest.len > 1 && (rest.ptr[0] == '.' || rest.ptr[0] == ',') && is_digit(rest.ptr[1]))
        rest = bytes_from(rest, skip_digits(rest, 1));
    return between == ' ' ? rest.len == 0 : is_zone(rest);
}

/* ---- all of them ---- */

struct yaml_plain yaml_plain_resolve(struct arena *arena, struct bytes text)
{
    struct yaml_plain plain = {.type = PLAIN_STRING, .text = text};
    const struct word *word = find_word(text);
    char first = text.len != 0 ? text.ptr[0] : '\0';

    if (word != NULL) {
        plain.type = word->type;
        plain.boolean = word->boolean;
    } else if (first == '.') {
        resolve_float(arena, text, &plain);
    } else if (first == '+' || first == '-' || is_digit(first)) {
        struct bytes number = without_underscores(arena, text);

        if (is_timestamp(text))
            plain.type = PLAIN_TIMESTAMP;
        else if (!resolve_int(arena, number, &plain))
            resolve_float(arena, number, &plain);
    }
    return plain;
}
