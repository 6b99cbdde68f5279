#include "client-go-like/cut.h"

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
