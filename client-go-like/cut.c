#include "client-go-like/cut.h"

#include <stdio.h>

char cut_peek(struct cut *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

bool cut_take(struct cut *c, char expected)
{
    if (cut_peek(c) != expected)
        return false;
    c->at++;
    return true;
}

static bool skip_string(struct cut *c)
{
    if (!cut_take(c, '"'))
        return false;
    for (; c->at < c->end && *c->at != '"'; c->at++)
        c->at += *c->at == '\\' && c->at + 1 < c->end;
    return c->at < c->end && *c->at++ == '"';
}

static bool skip_value(struct cut *c)
{
    size_t depth = 0;

    if (cut_peek(c) == '\0')
        return false;
    do {
        char next = cut_peek(c);

        if (next == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        if (next == '\0' || (depth == 0 && (next == ',' || next == ']' || next == '}')))
            return false;
        if (next == '{' || next == '[')
            depth++;
        else if (next == '}' || next == ']')
            depth--;
        c->at++;
        if (depth == 0 && next != '}' && next != ']') /* a number or a word: to its end */
            while (c->at < c->end && strchr(",]} \n\r\t", *c->at) == NULL)
                c->at++;
    } while (depth != 0);
    return true;
}

bool cut_value(struct cut *c, struct bytes *ret_value)
{
    const char *from;

    cut_peek(c);
    from = c->at;
    if (!skip_value(c))
        return false;
    *ret_value = bytes_of(from, (size_t)(c->at - from));
    return true;
}

/* ---- noise ---- */

/* A member's value, and all that goes with it: its name and one of the commas beside it. */
struct member {
    struct bytes value, whole;
};

/* `name` has its quotes. */
static bool find_member(struct bytes object, struct bytes name, struct member *ret)
{
    struct cut c = {object.ptr, object.ptr + object.len};
    const char *from;

    if (!cut_take(&c, '{'))
        return false;
    from = c.at;
    do {
        struct bytes key, value;

        if (cut_peek(&c) != '"' || !cut_value(&c, &key) || !cut_take(&c, ':') ||
            !cut_value(&c, &value))
            return false;
        if (bytes_eq(key, name)) {
            bool first = *from != ',';

            if (first && cut_peek(&c) == ',')
                c.at++;
            *ret = (struct member){value, bytes_of(from, (size_t)(c.at - from))};
            return true;
        }
        cut_peek(&c);
        from = c.at;
    } while (cut_take(&c, ','));
    return false;
}

static bool contains(struct bytes text, struct bytes word)
{
    return memmem(text.ptr, text.len, word.ptr, word.len) != NULL;
}

/* Appends what stands before `hole`, and moves `*from` behind it. */
static void copy_up_to(struct buf *out, const char **from, struct bytes hole)
{
    buf_append(out, *from, (size_t)(hole.ptr - *from));
    *from = hole.ptr + hole.len;
}

struct bytes cut_noise(struct bytes text, const char *member, struct buf *out)
{
    static const struct bytes managed = BYTES_INIT("\"managedFields\""),
                              applied = BYTES_INIT(
                                  "\"kubectl.kubernetes.io/last-applied-configuration\"");
    struct member object = {.value = text}, metadata, annotations, fields, config;
    bool has_fields = contains(text, managed), has_config = contains(text, applied);
    const char *from = text.ptr;
    char quoted[32];

    if (!has_fields && !has_config)
        return text;
    if (member != NULL) {
        int len = snprintf(quoted, sizeof(quoted), "\"%s\"", member);

        if (!find_member(text, bytes_of(quoted, (size_t)len), &object))
            return text;
    }
    if (!find_member(object.value, BYTES("\"metadata\""), &metadata))
        return text;
    has_fields = has_fields && find_member(metadata.value, managed, &fields);
    has_config = has_config &&
                 find_member(metadata.value, BYTES("\"annotations\""), &annotations) &&
                 find_member(annotations.value, applied, &config);
    out->len = 0;
    if (has_fields && (!has_config || fields.whole.ptr < config.whole.ptr))
        copy_up_to(out, &from, fields.whole);
    if (has_config)
        copy_up_to(out, &from, config.whole);
    if (has_fields && has_config && fields.whole.ptr >= config.whole.ptr)
        copy_up_to(out, &from, fields.whole);
    buf_append(out, from, (size_t)(text.ptr + text.len - from));
    if (!out->failed)
        return buf_bytes(out);
    buf_release(out);
    *out = (struct buf){0};
    return text;
}
