#include "codec/yaml_scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/c_locale.h"
#include "codec/json_text.h"
#include "codec/yaml_plain.h"

/* Says why not, and is false. */
static bool refuse(struct buf *why, const char *format, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct buf *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vappendf(why, format, args);
    va_end(args);
    return false;
}

/* ---- keys ---- */

/* strconv.FormatFloat(f, 'g', -1, 32): how sigs.k8s.io/yaml names a member by a float. */
static struct bytes shortest_float(struct arena *arena, float f)
{
    char digits[64];
    int precision = -1, exponent;

    if (isinf(f)) /* past a float's range, though not past a double's */
        return f < 0 ? BYTES("-.inf") : BYTES(".inf");
    do
        snprintf(digits, sizeof(digits), "%.*e", ++precision, (double)f);
    while (precision < 8 && c_strtof(digits) != f);
    exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent < -4 || exponent >= 6)
        return arena_dup(arena, bytes_str(digits));
    return arena_printf(arena, "%.*f", precision > exponent ? precision - exponent : 0, (double)f);
}

static struct bytes float_key(struct arena *arena, struct bytes text)
{
    locale_t was = uselocale(c_locale());
    struct bytes key = shortest_float(arena, c_strtof(arena_str(arena, text)));

    uselocale(was);
    return key;
}

static bool is_integer(struct bytes number)
{
    enum { LONGEST_64_BITS = 20 };

    for (size_t i = 0; i < number.len; i++)
        if (strchr(".eE", number.ptr[i]) != NULL)
            return false;
    return number.len <= LONGEST_64_BITS;
}

bool yaml_scalar_key(struct arena *arena, const struct json *node, struct bytes *ret_key,
                     struct buf *why)
{
    switch ((enum json_type)node->type) {
    case JSON_STRING:
        *ret_key = node->text.len != 0 ? node->text : BYTES("");
        return true;
    case JSON_BOOL:
        *ret_key = node->boolean ? BYTES("true") : BYTES("false");
        return true;
    case JSON_NUMBER:
        *ret_key = is_integer(node->text) ? node->text : float_key(arena, node->text);
        return true;
    case JSON_NULL:
        return refuse(why, "unsupported map key of type: null");
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return refuse(why, "invalid map key: %s", json_type_name(node->type));
}

/* ---- values ---- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_utf8(struct bytes text)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        len = utf8_len(text.ptr + at, text.ptr + text.len);
        if (len == 0)
            return false;
    }
    return true;
}

/* Standard base64 with padding, lines broken anywhere (RFC 2045 section 6.8). */
static bool decode_base64(struct bytes text, char *out, size_t *ret_len)
{
    unsigned bits = 0, pad = 0;
    size_t len = 0, digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int digit = base64_digit(c);

        if (c == '\n' || c == '\r')
            continue;
        if (c == '=') {
            pad++;
            continue;
        }
        if (digit < 0 || pad != 0)
            return false;
        bits = bits << 6 | (unsigned)digit;
        if (digits++ % 4 != 0)
            out[len++] = (char)(bits >> (6 - 2 * ((digits - 1) % 4)));
    }
    *ret_len = len;
    return pad <= 2 && (digits + pad) % 4 == 0;
}

static bool read_binary(struct arena *arena, struct bytes text, struct json **ret_node,
                        struct buf *why)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (out == NULL)
        return true;
    if (!decode_base64(text, out, &len))
        return refuse(why, "!!binary value contains invalid base64 data");
    if (!is_utf8(bytes_of(out, len)))
        return refuse(why, "!!binary value is not UTF-8 text, which is all that JSON can hold");
    *ret_node = json_new_string(arena, bytes_of(out, len));
    return true;
}

/* .inf and .nan are no JSON, but fine as keys, spelt one way each. */
static bool read_not_finite(struct arena *arena, const struct yaml_scalar *scalar,
                            struct json **ret_node, struct buf *why)
{
    static const struct {
        const char *key, *value;
    } names[] = {{".inf", "+Inf"}, {"-.inf", "-Inf"}, {".nan", "NaN"}};
    bool is_nan = scalar->text.len == 4 && (scalar->text.ptr[1] | 0x20) == 'n';
    unsigned which = is_nan ? 2 : scalar->text.ptr[0] == '-';

    if (!scalar->is_key)
        return refuse(why, "unsupported value: %s", names[which].value);
    *ret_node = json_new_string(arena, bytes_str(names[which].key));
    return true;
}

static bool read_plain(struct arena *arena, struct yaml_scalar *scalar, struct yaml_plain plain,
                       struct json **ret_node, struct buf *why)
{
    switch (plain.type) {
    case PLAIN_NULL:
        *ret_node = json_new_null(arena);
        return true;
    case PLAIN_BOOL:
        *ret_node = json_new_bool(arena, plain.boolean);
        return true;
    case PLAIN_INT:
    case PLAIN_FLOAT:
        *ret_node = json_new_number(arena, plain.text);
        return true;
    case PLAIN_NOT_FINITE:
        return read_not_finite(arena, scalar, ret_node, why);
    case PLAIN_MERGE:
        scalar->is_merge_key = scalar->is_key;
        break;
    case PLAIN_STRING:
    case PLAIN_TIMESTAMP:
        break;
    }
    *ret_node = json_new_string(arena, plain.text);
    return true;
}

/* By a tag of YAML's own, `name`; the text must be what the tag says. */
static bool read_tagged(struct arena *arena, struct yaml_scalar *scalar, struct bytes name,
                        struct json **ret_node, struct buf *why)
{
    static const char *const resolved[] = {"bool", "int", "float", "null", "timestamp", "merge"};
    struct yaml_plain plain;

    for (size_t i = 0; i < ARRAY_LEN(resolved); i++) {
        if (!bytes_eq_str(name, resolved[i]))
            continue;
        plain = yaml_plain_resolve(arena, scalar->text);
        if (!bytes_eq_str(name, yaml_plain_tag(plain.type) + 2) &&
            !(plain.type == PLAIN_INT && bytes_eq_str(name, "float")))
            return refuse(why, "cannot decode %s `%.*s` as a !!%.*s", yaml_plain_tag(plain.type),
                          BYTES_FMT(scalar->text), BYTES_FMT(name));
        return read_plain(arena, scalar, plain, ret_node, why);
    }
    if (bytes_eq_str(name, "binary"))
        return read_binary(arena, scalar->text, ret_node, why);
    *ret_node = json_new_string(arena, scalar->text);
    return true;
}

/* A tag that is not YAML's own says nothing: its text is a string. */
bool yaml_scalar_read(struct arena *arena, struct yaml_scalar *scalar, struct json **ret_node,
                      struct buf *why)
{
    const struct bytes prefix = BYTES("tag:yaml.org,2002:");

    if (scalar->tag.ptr == NULL && scalar->is_plain)
        return read_plain(arena, scalar, yaml_plain_resolve(arena, scalar->text), ret_node, why);
    if (bytes_starts_with(scalar->tag, prefix))
        return read_tagged(arena, scalar, bytes_from(scalar->tag, prefix.len), ret_node, why);
    *ret_node = json_new_string(arena, scalar->text);
    return true;
}
