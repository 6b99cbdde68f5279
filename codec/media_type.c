#include "codec/media_type.h"

#include <stdlib.h>

enum { CLAUSES_MAX = 64 };

/* ---- words of RFC 9110 section 5.6 ---- */

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(struct bytes *rest)
{
    while (rest->len != 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        *rest = bytes_from(*rest, 1);
}

static bool take_char(struct bytes *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = bytes_from(*rest, 1);
    return true;
}

static bool take_token(struct bytes *rest, struct bytes *ret)
{
    size_t len = 0;

    while (len < rest->len && is_token_char(rest->ptr[len]))
        len++;
    *ret = bytes_of(rest->ptr, len);
    *rest = bytes_from(*rest, len);
    return len != 0;
}

/* Where the quoted string at the start of `text` ends, its quotes included; 0 if it does not. */
static size_t quoted_len(struct bytes text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '"')
            return i + 1;
        i += text.ptr[i] == '\\';
    }
    return 0;
}

/* A backslash in a quoted string stays: a value is a span, and none that we know of has one. */
static bool take_value(struct bytes *rest, struct bytes *ret)
{
    size_t len;

    if (rest->len == 0 || rest->ptr[0] != '"')
        return take_token(rest, ret);
    len = quoted_len(*rest);
    if (len == 0)
        return false;
    *ret = bytes_of(rest->ptr + 1, len - 2);
    *rest = bytes_from(*rest, len);
    return true;
}

/* ---- one media type ---- */

/* In thousandths. More lenient than RFC 9110 section 12.4.2: java.net.HttpURLConnection has always
 * sent `q=.2`. */
static bool read_q(struct bytes text, unsigned *ret)
{
    unsigned q = 0, unit = 1000;

    if (text.len == 0)
        return false;
    if (text.ptr[0] == '0' || text.ptr[0] == '1') {
        q = (unsigned)(text.ptr[0] - '0') * 1000;
        text = bytes_from(text, 1);
    }
    if (text.len != 0 && !take_char(&text, '.'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        unit /= 10;
        q += (unsigned)(text.ptr[i] - '0') * unit;
    }
    *ret = q < 1000 ? q : 1000;
    return true;
}

/* `;name=value` again and again; `;` alone is allowed (RFC 9110 section 5.6.6). Parameters past the
 * array are dropped. */
static bool read_params(struct bytes *rest, struct media_type *type)
{
    for (;;) {
        struct media_param param;

        skip_blanks(rest);
        if (!take_char(rest, ';'))
            return rest->len == 0;
        skip_blanks(rest);
        if (rest->len == 0 || rest->ptr[0] == ';')
            continue;
        if (!take_token(rest, &param.name) || !take_char(rest, '=') ||
            !take_value(rest, &param.value))
            return false;
        if (bytes_ieq(param.name, BYTES("q"))) {
            if (!read_q(param.value, &type->q))
                return false;
        } else if (type->param_count < ARRAY_LEN(type->params)) {
            type->params[type->param_count++] = param;
        }
    }
}

bool media_type_parse(struct bytes text, struct media_type *ret_type)
{
    struct media_type type = {.q = 1000};
    struct bytes rest = bytes_trim(text);

    if (!take_token(&rest, &type.type))
        return false;
    if (take_char(&rest, '/')) {
        if (!take_token(&rest, &type.subtype))
            return false;
    } else if (bytes_eq(type.type, BYTES("*"))) {
        type.subtype = BYTES("*"); /* `*` alone, as old clients send it */
    } else {
        return false;
    }
    if (!read_params(&rest, &type))
        return false;
    *ret_type = type;
    return true;
}

struct bytes media_type_param(const struct media_type *type, const char *name)
{
    for (size_t i = 0; i < type->param_count; i++)
        if (bytes_ieq(type->params[i].name, bytes_str(name)))
            return type->params[i].value;
    return bytes_of(NULL, 0);
}

bool media_type_is(const struct media_type *type, const char *full)
{
    struct bytes subtype = bytes_str(full), main_type = bytes_cut(&subtype, '/');

    return bytes_ieq(type->type, main_type) && bytes_ieq(type->subtype, subtype);
}

/* ---- Accept ---- */

/* Cuts at the first comma outside of quotes. */
static struct bytes cut_clause(struct bytes *rest)
{
    struct bytes clause = bytes_of(rest->ptr, 0);

    while (clause.len < rest->len && rest->ptr[clause.len] != ',') {
        size_t quoted = 1;

        if (rest->ptr[clause.len] == '"')
            quoted = quoted_len(bytes_from(*rest, clause.len));
        clause.len = quoted != 0 ? clause.len + quoted : rest->len;
    }
    *rest = bytes_from(*rest, clause.len + 1);
    return clause;
}

/* Insertion keeps the header's order among equals; there are few. */
static void insert_by_q(struct media_type *types, size_t count, const struct media_type *type)
{
    size_t at = count;

    for (; at > 0 && types[at - 1].q < type->q; at--)
        types[at] = types[at - 1];
    types[at] = *type;
}

size_t media_type_parse_accept(struct arena *arena, struct bytes header,
                               struct media_type **ret_types)
{
    struct media_type found[CLAUSES_MAX];
    size_t count = 0;

    while (header.len != 0 && count < CLAUSES_MAX) {
        struct media_type type;

        if (media_type_parse(cut_clause(&header), &type) && type.q != 0)
            insert_by_q(found, count++, &type);
    }
    *ret_types = count != 0 ? arena_alloc(arena, count * sizeof(**ret_types)) : NULL;
    if (*ret_types == NULL)
        return 0;
    memcpy(*ret_types, found, count * sizeof(**ret_types));
    return count;
}
