/*
 * The reader: one pass over the text, one stack of open containers, no recursion.
 *
 * A value is read into a slot: the root, a new element, or a new member. next_slot() reads what
 * stands between two values - separators, a key, closing brackets - and finds the slot of the next.
 */
#include <stdio.h>

#include "codec/json_reader.h"
#include "codec/json_text.h"

enum {
    SMALL_OBJECT = 32, /* members are compared one by one up to here, then by a map */
    SLAB_NODES = 64,   /* nodes are taken from the arena so many at a time */
};

/* ---- duplicates ---- */

/* A weak hash is enough: a false "maybe seen" costs one walk over at most SMALL_OBJECT members. */
static uint64_t key_bit(struct bytes key)
{
    unsigned first = key.len != 0 ? (unsigned char)key.ptr[0] : 0;
    unsigned last = key.len != 0 ? (unsigned char)key.ptr[key.len - 1] : 0;

    return 1ULL << ((first * 7 + last * 13 + key.len) & 63);
}

/* Remembers `node`, a member of a big object; builds the index when the object becomes big. */
static bool index_member(struct json_frame *top, struct json *node)
{
    if (top->index.count == 0)
        for (struct json *it = top->node->first; it != NULL; it = it->next)
            if (!map_put(&top->index, it->key, it))
                return false;
    return map_put(&top->index, node->key, node);
}

static struct json *find_member(const struct json_frame *top, struct bytes key)
{
    return top->index.count != 0 ? map_get(&top->index, key) : json_get(top->node, key);
}

/* ---- slots ---- */

static struct json *new_node(struct json_reader *r)
{
    if (r->spare == r->spare_end) {
        /* A guess that keeps small trees small. */
        size_t expected = (size_t)(r->end - r->at) / 16 + 1;
        size_t nodes = expected < SLAB_NODES ? expected : SLAB_NODES;

        r->spare = arena_alloc(r->arena, nodes * sizeof(*r->spare));
        if (r->spare == NULL) {
            r->spare_end = NULL;
            json_fail_memory(r);
            return NULL;
        }
        r->spare_end = r->spare + nodes;
    }
    return r->spare++;
}

static void link_child(struct json *parent, struct json *child)
{
    child->next = NULL;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static bool new_child(struct json_reader *r, struct json *parent, struct bytes key,
                      struct json **ret_slot)
{
    struct json *child;

    if (parent->count == UINT32_MAX)
        return json_fail(r, "too many values in one array or object");
    child = new_node(r);
    if (child == NULL)
        return false;
    child->key = key;
    link_child(parent, child);
    *ret_slot = child;
    return true;
}

static inline void skip_blanks(struct json_reader *r)
{
    if (r->at<r->end && * r->at> ' ') /* what nearly always stands there */
        return;
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* ---- strings ---- */

/* Goes on to the next quote, backslash or end, over plain and UTF-8 bytes. */
bool json_skip_literal(struct json_reader *r)
{
    for (;;) {
        size_t len;

        r->at = json_skip_plain(r->at, r->end);
        if (r->at == r->end || *r->at == '"' || *r->at == '\\')
            return true;
        if ((unsigned char)*r->at < 0x20)
            return json_fail_char(r, "in string literal");
        len = utf8_len(r->at, r->end);
        if (len == 0)
            return json_fail(r, "invalid UTF-8 in string literal");
        r->at += len;
    }
}

/* From the first byte that is not plain. */
static bool read_rare_string(struct json_reader *r, const char *start, struct bytes *ret_text)
{
    if (!json_skip_literal(r))
        return false;
    if (json_at_char(r, '\\')) {
        if (!json_read_escaped(r, start, ret_text))
            return false;
    } else {
        *ret_text = bytes_of(start, (size_t)(r->at - start));
    }
    if (!json_at_char(r, '"'))
        return json_fail_char(r, "in string literal");
    r->at++;
    return true;
}

/* At the opening quote. */
static inline bool read_string(struct json_reader *r, struct bytes *ret_text)
{
    const char *start = r->at + 1;

    r->at = json_skip_plain(start, r->end);
    if (!json_at_char(r, '"'))
        return read_rare_string(r, start, ret_text);
    *ret_text = bytes_of(start, (size_t)(r->at - start));
    r->at++;
    return true;
}

/* ---- numbers, literals, containers ---- */

static bool skip_digits(struct json_reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at != start;
}

/* RFC 8259 section 6. The text is kept as it is. */
static bool read_number(struct json_reader *r, struct json *slot)
{
    const char *start = r->at;

    if (json_at_char(r, '-'))
        r->at++;
    if (json_at_char(r, '0'))
        r->at++;
    else if (!skip_digits(r))
        return json_fail_char(r, "in numeric literal");
    if (json_at_char(r, '.')) {
        r->at++;
        if (!skip_digits(r))
            return json_fail_char(r, "after decimal point in numeric literal");
    }
    if (json_at_char(r, 'e') || json_at_char(r, 'E')) {
        r->at++;
        if (json_at_char(r, '+') || json_at_char(r, '-'))
            r->at++;
        if (!skip_digits(r))
            return json_fail_char(r, "in exponent of numeric literal");
    }
    slot->type = JSON_NUMBER;
    slot->text = bytes_of(start, (size_t)(r->at - start));
    return true;
}

static bool read_literal(struct json_reader *r, struct json *slot, enum json_type type,
                         bool boolean, const char *word)
{
    for (const char *c = word; *c != '\0'; c++, r->at++) {
        char where[64];

        if (json_at_char(r, *c))
            continue;
        snprintf(where, sizeof(where), "in literal %s (expecting '%c')", word, *c);
        return json_fail_char(r, where);
    }
    slot->type = (uint8_t)type;
    slot->boolean = boolean;
    return true;
}

static bool open_container(struct json_reader *r, struct json *slot, enum json_type type)
{
    struct json_frame *top = &r->frames[r->depth];

    if (r->depth == JSON_DEPTH_MAX)
        return json_fail(r, "exceeded max depth of 512");
    static_assert(JSON_DEPTH_MAX == 512, "the message names it");
    slot->type = (uint8_t)type;
    slot->first = slot->last = NULL;
    top->node = slot;
    top->seen = 0;
    top->index = (struct map){0};
    r->depth++;
    r->at++;
    return true;
}

static bool read_value(struct json_reader *r, struct json *slot)
{
    slot->boolean = false;
    slot->count = 0;
    slot->text = bytes_of(NULL, 0);
    slot->type = JSON_NULL;
    switch (r->at < r->end ? *r->at : '\0') {
    case '"':
        slot->type = JSON_STRING;
        return read_string(r, &slot->text);
    case '{':
        return open_container(r, slot, JSON_OBJECT);
    case '[':
        return open_container(r, slot, JSON_ARRAY);
    case 't':
        return read_literal(r, slot, JSON_BOOL, true, "true");
    case 'f':
        return read_literal(r, slot, JSON_BOOL, false, "false");
    case 'n':
        return read_literal(r, slot, JSON_NULL, false, "null");
    case '-':
    case '0' ... '9':
        return read_number(r, slot);
    default:
        return json_fail_char(r, "looking for beginning of value");
    }
}

/* ---- between values ---- */

/* A duplicate's slot is the earlier member's own: the last one wins, in the place of the first. */
static bool member_slot(struct json_reader *r, struct json_frame *top, struct bytes key,
                        struct json **ret_slot)
{
    uint64_t bit = key_bit(key);

    if ((top->seen & bit) != 0) {
        *ret_slot = find_member(top, key);
        if (*ret_slot != NULL) {
            json_report_duplicate(r, key);
            return true;
        }
    }
    top->seen |= bit;
    if (!new_child(r, top->node, key, ret_slot))
        return false;
    if (top->node->count > SMALL_OBJECT && !index_member(top, *ret_slot))
        return json_fail_memory(r);
    return true;
}

/* Reads `"key" :`. */
static bool read_key(struct json_reader *r, struct json_frame *top, struct json **ret_slot)
{
    struct bytes key;

    if (!json_at_char(r, '"'))
        return json_fail_char(r, "looking for beginning of object key string");
    if (!read_string(r, &key) || !member_slot(r, top, key, ret_slot))
        return false;
    skip_blanks(r);
    if (!json_at_char(r, ':'))
        return json_fail_char(r, "after object key");
    r->at++;
    skip_blanks(r);
    return true;
}

/* Finds where the next value goes. NULL: the root is complete. */
static bool next_slot(struct json_reader *r, struct json **ret_slot)
{
    while (r->depth != 0) {
        struct json_frame *top = &r->frames[r->depth - 1];
        bool is_object = top->node->type == JSON_OBJECT;

        skip_blanks(r);
        if (json_at_char(r, is_object ? '}' : ']')) {
            r->at++;
            r->depth--;
            if (top->index.slots != NULL)
                map_release(&top->index);
            continue;
        }
        if (top->node->count != 0) {
            if (!json_at_char(r, ','))
                return json_fail_char(r, is_object ? "after object key:value pair"
                                                   : "after array element");
            r->at++;
            skip_blanks(r);
        }
        return is_object ? read_key(r, top, ret_slot)
                         : new_child(r, top->node, bytes_of(NULL, 0), ret_slot);
    }
    *ret_slot = NULL;
    return true;
}

static bool read_document(struct json_reader *r, struct json **ret_root)
{
    struct json *root = new_node(r), *slot = root;

    if (root == NULL)
        return false;
    root->key = bytes_of(NULL, 0);
    root->next = NULL;
    skip_blanks(r);
    while (slot != NULL)
        if (!read_value(r, slot) || !next_slot(r, &slot))
            return false;
    skip_blanks(r);
    if (r->at != r->end)
        return json_fail_char(r, "after top-level value");
    *ret_root = root;
    return true;
}

enum status json_parse(struct arena *arena, struct bytes text, struct json **ret_json,
                       struct json_report *report, struct error *reterr)
{
    struct json_reader r; /* not zeroed: the frames are 20 KiB, and each is set when it opens */
    const char *start = text.ptr != NULL ? text.ptr : "";

    r.at = r.start = start;
    r.end = start + text.len;
    r.arena = arena;
    r.spare = r.spare_end = NULL;
    r.report = report;
    r.reterr = reterr;
    r.status = STATUS_OK;
    r.depth = 0;
    if (!read_document(&r, ret_json))
        while (r.depth != 0)
            map_release(&r.frames[--r.depth].index);
    return r.status;
}
