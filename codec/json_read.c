/*
 * The reader: one pass over the text, one stack of open containers, no recursion.
 *
 * A value is read into a slot: the root, a new element, or a new member. next_slot() reads what
 * stands between two values - separators, a key, closing brackets - and finds the slot of the next.
 *
 * The place in the text is handed from function to function in a register, NULL when one has
 * failed: in memory each step would wait for the store of the one before, which takes longer than
 * the work. Only what is seldom called keeps it in the reader.
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
static inline uint64_t key_bit(struct bytes key)
{
    unsigned first = key.len != 0 ? (unsigned char)key.ptr[0] : 0;
    unsigned last = key.len != 0 ? (unsigned char)key.ptr[key.len - 1] : 0;

    return 1ULL << ((first * 7 + last * 13 + key.len) & 63);
}

/* Remembers `node`, a member of a big object; builds the index when the object becomes big. */
SELDOM static bool index_member(struct json_frame *top, struct json *node)
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

/* ---- failing at `at` ---- */

SELDOM static const char *fail(struct json_reader *r, const char *at, const char *what)
{
    r->at = at;
    json_fail(r, what);
    return NULL;
}

SELDOM static const char *fail_char(struct json_reader *r, const char *at, const char *where)
{
    r->at = at;
    json_fail_char(r, where);
    return NULL;
}

/* ---- slots ---- */

SELDOM static bool new_slab(struct json_reader *r, const char *at)
{
    /* A guess that keeps small trees small. */
    size_t expected = (size_t)(r->end - at) / 16 + 1;
    size_t nodes = expected < SLAB_NODES ? expected : SLAB_NODES;

    r->spare = arena_alloc(r->arena, nodes * sizeof(*r->spare));
    r->spare_end = r->spare != NULL ? r->spare + nodes : NULL;
    return r->spare != NULL || json_fail_memory(r);
}

static inline struct json *new_node(struct json_reader *r, const char *at)
{
    if (r->spare == r->spare_end && !new_slab(r, at))
        return NULL;
    return r->spare++;
}

static inline void link_child(struct json *parent, struct json *child)
{
    child->next = NULL;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static inline bool new_child(struct json_reader *r, const char *at, struct json *parent,
                             struct bytes key, struct json **ret_slot)
{
    struct json *child;

    if (parent->count == UINT32_MAX)
        return fail(r, at, "too many values in one array or object") != NULL;
    child = new_node(r, at);
    if (child == NULL)
        return false;
    child->key = key;
    link_child(parent, child);
    *ret_slot = child;
    return true;
}

SELDOM static const char *skip_these_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static inline const char *skip_blanks(const char *at, const char *end)
{
    return at<end && * at> ' ' ? at : skip_these_blanks(at, end); /* nearly never is there one */
}

static inline char char_at(const char *at, const char *end)
{
    return at < end ? *at : '\0';
}

/* ---- strings ---- */

/* At a byte that is not plain, nor quote nor backslash: how long is the character? */
bool json_read_special(struct json_reader *r, size_t *ret_len)
{
    if ((unsigned char)*r->at < 0x20)
        return json_fail_char(r, "in string literal");
    *ret_len = utf8_len(r->at, r->end);
    return *ret_len != 0 || json_fail(r, "invalid UTF-8 in string literal");
}

/* Goes on to the next quote, backslash or end. */
static bool skip_literal(struct json_reader *r)
{
    for (;;) {
        size_t len = 0;

        r->at = json_skip_plain(r->at, r->end);
        if (r->at == r->end || *r->at == '"' || *r->at == '\\')
            return true;
        if (!json_read_special(r, &len))
            return false;
        r->at += len;
    }
}

/* From the first byte that is not plain. */
SELDOM static bool read_rare_string(struct json_reader *r, const char *start,
                                    struct bytes *ret_text)
{
    if (!skip_literal(r))
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
static inline const char *read_string(struct json_reader *r, const char *at, struct bytes *ret_text)
{
    const char *start = at + 1, *end = json_skip_plain(start, r->end);

    if (char_at(end, r->end) == '"') {
        *ret_text = bytes_of(start, (size_t)(end - start));
        return end + 1;
    }
    r->at = end;
    return read_rare_string(r, start, ret_text) ? r->at : NULL;
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
static bool skip_number(struct json_reader *r)
{
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
    return true;
}

SELDOM static const char *read_number(struct json_reader *r, const char *at, struct json *slot)
{
    r->at = at;
    if (!skip_number(r))
        return NULL;
    slot->type = JSON_NUMBER;
    slot->text = bytes_of(at, (size_t)(r->at - at));
    return r->at;
}

SELDOM static const char *read_literal(struct json_reader *r, const char *at, struct json *slot,
                                       enum json_type type, bool boolean, const char *word)
{
    for (const char *c = word; *c != '\0'; c++, at++) {
        char where[64];

        if (char_at(at, r->end) == *c)
            continue;
        snprintf(where, sizeof(where), "in literal %s (expecting '%c')", word, *c);
        return fail_char(r, at, where);
    }
    slot->type = (uint8_t)type;
    slot->boolean = boolean;
    return at;
}

static inline const char *open_container(struct json_reader *r, const char *at, struct json *slot,
                                         enum json_type type, char close)
{
    struct json_frame *top = r->top + 1;

    if (top == r->frames + ARRAY_LEN(r->frames))
        return fail(r, at, "exceeded max depth of 512");
    static_assert(JSON_DEPTH_MAX == 512, "the message names it");
    slot->type = (uint8_t)type;
    slot->first = slot->last = NULL;
    top->node = slot;
    top->seen = 0;
    top->index = (struct map){0};
    top->close = close;
    r->top = top;
    return at + 1;
}

static inline const char *read_value(struct json_reader *r, const char *at, struct json *slot)
{
    char c;

    at = skip_blanks(at, r->end);
    c = char_at(at, r->end);
    slot->boolean = false;
    slot->count = 0;
    slot->text = bytes_of(NULL, 0);
    slot->type = JSON_NULL;
    if (c == '"') { /* nearly all values are the first two: no jump table for these */
        slot->type = JSON_STRING;
        return read_string(r, at, &slot->text);
    }
    if (c == '{')
        return open_container(r, at, slot, JSON_OBJECT, '}');
    switch (c) {
    case '[':
        return open_container(r, at, slot, JSON_ARRAY, ']');
    case 't':
        return read_literal(r, at, slot, JSON_BOOL, true, "true");
    case 'f':
        return read_literal(r, at, slot, JSON_BOOL, false, "false");
    case 'n':
        return read_literal(r, at, slot, JSON_NULL, false, "null");
    case '-':
    case '0' ... '9':
        return read_number(r, at, slot);
    default:
        return fail_char(r, at, "looking for beginning of value");
    }
}

/* ---- between values ---- */

/* A duplicate's slot is the earlier member's own: the last one wins, in the place of the first. */
static inline bool member_slot(struct json_reader *r, const char *at, struct bytes key,
                               struct json **ret_slot)
{
    struct json_frame *top = r->top;
    uint64_t bit = key_bit(key);

    if ((top->seen & bit) != 0) {
        *ret_slot = find_member(top, key);
        if (*ret_slot != NULL) {
            json_report_duplicate(r, key);
            return true;
        }
    }
    top->seen |= bit;
    if (!new_child(r, at, top->node, key, ret_slot))
        return false;
    if (top->node->count > SMALL_OBJECT && !index_member(top, *ret_slot))
        return json_fail_memory(r);
    return true;
}

/* Reads `"key" :`. */
static inline const char *read_key(struct json_reader *r, const char *at, struct json **ret_slot)
{
    struct bytes key;

    if (char_at(at, r->end) != '"')
        return fail_char(r, at, "looking for beginning of object key string");
    at = read_string(r, at, &key);
    if (at == NULL || !member_slot(r, at, key, ret_slot))
        return NULL;
    at = skip_blanks(at, r->end);
    if (char_at(at, r->end) != ':')
        return fail_char(r, at, "after object key");
    return at + 1;
}

/* Closes what ends at `at`. */
static inline const char *close_containers(struct json_reader *r, const char *at)
{
    while (r->top != r->frames) {
        at = skip_blanks(at, r->end);
        if (char_at(at, r->end) != r->top->close)
            break;
        if (r->top->index.slots != NULL)
            map_release(&r->top->index);
        r->top--;
        at++;
    }
    return at;
}

/* Finds where the next value goes. NULL in `*ret_slot`: the root is complete. */
static inline const char *next_slot(struct json_reader *r, const char *at, struct json **ret_slot)
{
    bool is_object;

    *ret_slot = NULL;
    at = close_containers(r, at);
    if (r->top == r->frames)
        return at;
    is_object = r->top->close == '}';
    if (r->top->node->count != 0) {
        if (char_at(at, r->end) != ',')
            return fail_char(r, at,
                             is_object ? "after object key:value pair" : "after array element");
        at = skip_blanks(at + 1, r->end);
    }
    if (is_object)
        return read_key(r, at, ret_slot);
    return new_child(r, at, r->top->node, bytes_of(NULL, 0), ret_slot) ? at : NULL;
}

static bool read_document(struct json_reader *r, struct json **ret_root)
{
    const char *at = r->at;
    struct json *root = new_node(r, at);

    if (root == NULL)
        return false;
    root->key = bytes_of(NULL, 0);
    root->next = NULL;
    for (struct json *slot = root; slot != NULL;) {
        at = read_value(r, at, slot);
        if (at == NULL)
            return false;
        at = next_slot(r, at, &slot);
        if (at == NULL)
            return false;
    }
    r->at = skip_blanks(at, r->end);
    *ret_root = root;
    return true;
}

static bool read_all(struct json_reader *r, struct json **ret_root)
{
    struct json *root = NULL;

    if (!read_document(r, &root))
        return false;
    if (r->at != r->end)
        return json_fail_char(r, "after top-level value");
    *ret_root = root;
    return true;
}

/* Not zeroed: the frames are 20 KiB, and each is set when it opens. */
static void begin(struct json_reader *r, struct arena *arena, struct bytes text,
                  struct json_report *report, struct error *reterr)
{
    const char *start = text.ptr != NULL ? text.ptr : "";

    r->at = r->start = start;
    r->end = start + text.len;
    r->arena = arena;
    r->spare = r->spare_end = NULL;
    r->report = report;
    r->reterr = reterr;
    r->status = STATUS_OK;
    r->top = r->frames;
}

static void release_frames(struct json_reader *r)
{
    while (r->top != r->frames)
        map_release(&(r->top--)->index);
}

enum status json_parse(struct arena *arena, struct bytes text, struct json **ret_json,
                       struct json_report *report, struct error *reterr)
{
    struct json_reader r;

    begin(&r, arena, text, report, reterr);
    if (!read_all(&r, ret_json))
        release_frames(&r);
    return r.status;
}

enum status json_parse_first(struct arena *arena, struct bytes text, struct json **ret_json,
                             size_t *ret_len, struct error *reterr)
{
    struct json_reader r;

    begin(&r, arena, text, NULL, reterr);
    if (read_document(&r, ret_json))
        *ret_len = (size_t)(r.at - r.start);
    else
        release_frames(&r);
    return r.status;
}
