/*
 * The writer: what the reader read, byte for byte but for blanks and needless escapes.
 */
#include "codec/json_text.h"
#include "codec/json_work.h"

/* Room is nearly always there. */
static inline bool has_room(struct buf *out, size_t len)
{
    return out->capacity - out->len >= len || buf_reserve(out, len);
}

/* Most appends here are of a byte or a few. */
static inline void put(struct buf *out, const char *text, size_t len)
{
    if (!has_room(out, len))
        return;
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

/* ---- strings ---- */

/* Control characters as encoding/json writes them. */
static inline void write_special(struct buf *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                 ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    unsigned char byte = (unsigned char)c;

    if (byte < sizeof(names) && names[byte] != '\0')
        put(out, (char[]){'\\', names[byte]}, 2);
    else
        put(out, (char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

/* A text that is not plain, with its quotes. Strings of a tree are valid UTF-8; a string from
 * elsewhere (a URL in an error message) may not be, and what is written must be JSON all the same:
 * U+FFFD stands for each stray byte. */
SELDOM static void write_escaped(struct buf *out, struct bytes text)
{
    const char *at = text.ptr, *end = at + text.len, *mark = at;

    put(out, "\"", 1);
    while ((at = json_skip_plain(at, end)) < end) {
        size_t len = (signed char)*at < 0 ? utf8_len(at, end) : 0;

        if (len != 0) {
            at += len;
            continue;
        }
        put(out, mark, (size_t)(at - mark));
        if ((signed char)*at < 0)
            put(out, "\xef\xbf\xbd", 3);
        else
            write_special(out, *at);
        mark = ++at;
    }
    put(out, mark, (size_t)(end - mark));
    put(out, "\"", 1);
}

/* Up to 7 bytes, in two loads that overlap. */
static inline bool copy_plain_few(char *to, const char *from, size_t len)
{
    uint32_t first, last;

    if (len >= 4) {
        memcpy(&first, from, 4);
        memcpy(&last, from + len - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + len - 4, &last, 4);
        return json_special_8(first | (uint64_t)last << 32) == 0;
    }
    if (len == 0)
        return true;
    to[0] = from[0];
    to[len / 2] = from[len / 2];
    to[len - 1] = from[len - 1];
    return json_is_plain(from[0]) && json_is_plain(from[len / 2]) && json_is_plain(from[len - 1]);
}

#ifdef __SSE2__
/* From 16 bytes on. */
static inline bool copy_plain_many(char *to, const char *from, size_t len)
{
    unsigned special = 0;

    for (size_t i = 0; i < len - 16; i += 16) {
        special |= json_special_16(from + i);
        memcpy(to + i, from + i, 16);
    }
    special |= json_special_16(from + len - 16);
    memcpy(to + len - 16, from + len - 16, 16);
    return special == 0;
}
#endif

/* Copies a text if all of it is plain. Most are, and most are short: the last bytes are copied by a
 * load that overlaps the one before, not one by one. */
static inline bool copy_plain(char *to, const char *from, size_t len)
{
    uint64_t special = 0;

    if (len < 8)
        return copy_plain_few(to, from, len);
#ifdef __SSE2__
    if (len >= 16)
        return copy_plain_many(to, from, len);
#endif
    for (size_t i = 0; i < len - 8; i += 8) {
        special |= json_special_8(json_load_8(from + i));
        memcpy(to + i, from + i, 8);
    }
    special |= json_special_8(json_load_8(from + len - 8));
    memcpy(to + len - 8, from + len - 8, 8);
    return special == 0;
}

void json_write_string(struct buf *out, struct bytes text)
{
    char *to;

    if (!has_room(out, text.len + 2))
        return;
    to = out->data + out->len;
    if (!copy_plain(to + 1, text.ptr, text.len)) {
        write_escaped(out, text);
        return;
    }
    to[0] = to[text.len + 1] = '"';
    out->len += text.len + 2;
}

/* ---- trees ---- */

struct writer {
    struct buf *out;
    bool pretty;
    struct json_work open; /* containers around the current node */
};

static void write_break(struct writer *w)
{
    if (!w->pretty)
        return;
    buf_append_char(w->out, '\n');
    for (size_t i = 0; i < w->open.count; i++)
        buf_append(w->out, "  ", 2);
}

/* What is no container with children. */
static void write_leaf(struct buf *out, const struct json *node)
{
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        put(out, "null", 4);
        break;
    case JSON_BOOL:
        put(out, node->boolean ? "true" : "false", node->boolean ? 4 : 5);
        break;
    case JSON_NUMBER:
        buf_append_bytes(out, node->text);
        break;
    case JSON_STRING:
        json_write_string(out, node->text);
        break;
    case JSON_ARRAY:
        put(out, "[]", 2);
        break;
    case JSON_OBJECT:
        put(out, "{}", 2);
        break;
    }
}

static bool is_in_object(const struct writer *w)
{
    return w->open.count != 0 && w->open.items[w->open.count - 1].node->type == JSON_OBJECT;
}

/* Ends the containers whose last child `node` is. Returns the one that still has a child to come,
 * or NULL when the root is written. */
static const struct json *close_finished(struct writer *w, const struct json *node)
{
    while (w->open.count != 0 && node->next == NULL) {
        node = json_work_pop(&w->open).node;
        write_break(w);
        put(w->out, node->type == JSON_OBJECT ? "}" : "]", 1);
    }
    return w->open.count != 0 ? node : NULL;
}

void json_write(struct buf *out, const struct json *node, bool pretty)
{
    static const struct json null;
    struct writer w = {.out = out, .pretty = pretty};

    json_work_init(&w.open);
    for (node = node != NULL ? node : &null; node != NULL && !out->failed;) {
        if (is_in_object(&w)) {
            json_write_string(out, node->key);
            put(out, ": ", pretty ? 2 : 1);
        }
        if (node->type >= JSON_ARRAY && node->count != 0) {
            put(out, node->type == JSON_OBJECT ? "{" : "[", 1);
            out->failed |= !json_work_push(&w.open, (struct json_work_item){.node = node});
            node = node->first;
        } else {
            write_leaf(out, node);
            node = close_finished(&w, node);
            if (node == NULL)
                break;
            put(out, ",", 1);
            node = node->next;
        }
        write_break(&w);
    }
    json_work_release(&w.open);
}
