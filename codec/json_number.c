/*
 * Numbers by value, and exactly: never through a double, which has but 53 bits.
 *
 * The normal form of a decimal is  -1^negative * 0.d1 d2 .. dn * 10^point  with d1 and dn not 0;
 * zero has no digits. The digits are not copied: they are read out of the text, without its point.
 */
#include "codec/json_number.h"

#include <stdlib.h>

#include "base/c_locale.h"
#include "codec/json.h"

struct decimal {
    bool negative, huge_exponent;
    struct bytes digits; /* first to last digit that is not 0; may hold the decimal point */
    int64_t point;       /* where the decimal point stands, counted from the first of `digits` */
};

/* At most 18 digits, so that adding the length of any text cannot overflow. */
static bool read_exponent(struct bytes text, int64_t *ret)
{
    bool negative = text.len != 0 && text.ptr[0] == '-';
    uint64_t n;

    if (text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = bytes_from(text, 1);
    while (text.len > 1 && text.ptr[0] == '0')
        text = bytes_from(text, 1);
    if (text.len > 18 || !bytes_to_u64(text, &n))
        return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool is_insignificant(char c)
{
    return c == '0' || c == '.';
}

/* `text` has the grammar of a JSON number. */
static struct decimal decimal_of(struct bytes text)
{
    struct decimal d = {0};
    struct bytes mantissa, digits;
    size_t e = 0, point;
    int64_t exponent = 0;

    d.negative = text.len != 0 && text.ptr[0] == '-';
    if (d.negative)
        text = bytes_from(text, 1);
    while (e < text.len && (text.ptr[e] | 0x20) != 'e')
        e++;
    mantissa = bytes_of(text.ptr, e);
    if (e < text.len)
        d.huge_exponent = !read_exponent(bytes_from(text, e + 1), &exponent);
    point = bytes_find(mantissa, '.');

    digits = mantissa;
    while (digits.len != 0 && is_insignificant(digits.ptr[0]))
        digits = bytes_of(digits.ptr + 1, digits.len - 1);
    while (digits.len != 0 && is_insignificant(digits.ptr[digits.len - 1]))
        digits.len--;
    d.digits = digits;
    d.point = (int64_t)point - (int64_t)(digits.ptr - mantissa.ptr);
    if (d.point < 0)
        d.point++; /* the point itself lies between, and is no digit */
    d.point += exponent;
    return d;
}

static bool is_zero(const struct decimal *d)
{
    return d->digits.len == 0;
}

/* The next digit, or '\0' at the end. */
static char next_digit(struct bytes *digits)
{
    char c;

    if (digits->len != 0 && digits->ptr[0] == '.')
        *digits = bytes_from(*digits, 1);
    if (digits->len == 0)
        return '\0';
    c = digits->ptr[0];
    *digits = bytes_from(*digits, 1);
    return c;
}

bool json_number_equal(struct bytes a, struct bytes b)
{
    struct decimal x, y;
    char digit;

    if (bytes_eq(a, b))
        return true;
    x = decimal_of(a);
    y = decimal_of(b);
    if (is_zero(&x) || is_zero(&y))
        return is_zero(&x) && is_zero(&y);
    if (x.huge_exponent || y.huge_exponent || x.negative != y.negative || x.point != y.point)
        return false;
    do {
        digit = next_digit(&x.digits);
        if (digit != next_digit(&y.digits))
            return false;
    } while (digit != '\0');
    return true;
}

bool json_to_i64(const struct json *node, int64_t *ret)
{
    struct decimal d;
    int64_t n = 0, places = 0;

    if (!json_is(node, JSON_NUMBER))
        return false;
    d = decimal_of(node->text);
    if (is_zero(&d)) {
        *ret = 0;
        return true;
    }
    if (d.huge_exponent || d.point < 1 || d.point > 19)
        return false;
    for (char c; (c = next_digit(&d.digits)) != '\0'; places++) {
        int64_t digit = c - '0';

        if (places == d.point || __builtin_mul_overflow(n, (int64_t)10, &n) ||
            __builtin_add_overflow(n, d.negative ? -digit : digit, &n))
            return false;
    }
    for (; places < d.point; places++)
        if (__builtin_mul_overflow(n, (int64_t)10, &n))
            return false;
    *ret = n;
    return true;
}

/* strtod() wants a NUL. */
bool json_to_double(const struct json *node, double *ret)
{
    char few[64], *text = few;
    double value;

    if (!json_is(node, JSON_NUMBER))
        return false;
    if (node->text.len < sizeof(few)) {
        memcpy(few, node->text.ptr, node->text.len);
        few[node->text.len] = '\0';
    } else {
        text = bytes_dup(node->text);
        if (text == NULL)
            return false;
    }
    value = c_strtod(text);
    if (text != few)
        free(text);
    if (value > __DBL_MAX__ || value < -__DBL_MAX__)
        return false;
    *ret = value;
    return true;
}
