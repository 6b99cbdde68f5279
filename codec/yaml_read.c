/*
 * YAML to JSON over libyaml's events, as sigs.k8s.io/yaml does it over go-yaml v2.
 *
 * What an attacker may choose is bounded before memory is spent on it: nesting is counted on the
 * events (libyaml itself is quadratic in it), every node counts against YAML_NODES_MAX, and what
 * aliases add counts before it is copied.
 */
#include "codec/yaml.h"

#include <yaml.h>

#include "base/map.h"
#include "codec/json_depth.h"
#include "codec/yaml_scalar.h"

#define PREFIX "error converting YAML to JSON: "

struct anchor {
    struct json *node; /* NULL while it is still being read */
    size_t nodes;      /* how many an alias adds */
};

/* A mapping or sequence that is being read. */
struct frame {
    struct json *node;
    struct anchor *anchor;
    size_t nodes_before;
    bool has_key, merging; /* a mapping has read a key, and waits for its value */
    struct bytes key;
    struct map index;  /* of a big mapping: key to member */
    struct map merged; /* keys that `<<` brought in: a plain key may still set them */
};

struct reader {
    struct arena *arena;
    struct error *reterr;
    yaml_parser_t parser;
    yaml_event_t event;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    struct json *root;
    struct map anchors; /* of this document: name to struct anchor */
    size_t nodes, alias_nodes;
};

/* ---- errors ---- */

static size_t event_line(const struct reader *r)
{
    return r->event.start_mark.line + 1;
}

static enum status fail(struct reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
static enum status fail(struct reader *r, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    va_start(args, format);
    buf_vappendf(&text, format, args);
    va_end(args);
    error_set(r->reterr, STATUS_BAD_REQUEST, PREFIX "yaml: line %zu: %.*s", event_line(r),
              BYTES_FMT(buf_bytes(&text)));
    buf_release(&text);
    return STATUS_BAD_REQUEST;
}

static enum status no_memory(struct reader *r)
{
    return error_set(r->reterr, STATUS_NO_MEMORY, "out of memory");
}

/* libyaml's own complaint. Which line it names is decided as in go-yaml. */
static enum status parser_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "unknown problem parsing YAML content";
    size_t line = p->problem_mark.line != 0
                      ? p->problem_mark.line + (p->error == YAML_SCANNER_ERROR)
                      : p->context_mark.line;

    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(r);
    if (line != 0)
        return error_set(r->reterr, STATUS_BAD_REQUEST, PREFIX "yaml: line %zu: %s", line, problem);
    return error_set(r->reterr, STATUS_BAD_REQUEST, PREFIX "yaml: %s", problem);
}

/* ---- limits ---- */

static enum status count_node(struct reader *r)
{
    if (++r->nodes > YAML_NODES_MAX)
        return fail(r, "document has more than %d nodes", YAML_NODES_MAX);
    return STATUS_OK;
}

/* go-yaml's: aliases may make 99 % of a small document, and ever less of a big one. */
static double allowed_alias_ratio(size_t nodes)
{
    const double low = 400000, high = 4000000;

    if ((double)nodes <= low)
        return 0.99;
    return (double)nodes >= high ? 0.10 : 0.99 - 0.89 * (((double)nodes - low) / (high - low));
}

static enum status count_alias(struct reader *r, size_t nodes)
{
    r->nodes += nodes;
    r->alias_nodes += nodes;
    if (r->nodes > YAML_NODES_MAX ||
        (r->alias_nodes > 100 && r->nodes > 1000 &&
         (double)r->alias_nodes / (double)r->nodes > allowed_alias_ratio(r->nodes)))
        return fail(r, "document contains excessive aliasing");
    return STATUS_OK;
}

static enum status too_deep(struct reader *r)
{
    return fail(r, "exceeded max depth of %d", YAML_DEPTH_MAX);
}

/* ---- mappings ---- */

enum { FEW_MEMBERS = 16 };

static struct json *find_member(const struct frame *frame, struct bytes key)
{
    return frame->index.count != 0 ? map_get(&frame->index, key) : json_get(frame->node, key);
}

static enum status add_member(struct reader *r, struct frame *frame, struct bytes key,
                              struct json *value)
{
    bool good = true;

    json_add(frame->node, key, value);
    if (frame->node->count == FEW_MEMBERS)
        json_each(frame->node, it)
            good = good && map_put(&frame->index, it->key, it);
    else if (frame->node->count > FEW_MEMBERS)
        good = map_put(&frame->index, key, value);
    return good ? STATUS_OK : no_memory(r);
}

static enum status set_member(struct reader *r, struct frame *frame, struct json *value)
{
    struct json *old = find_member(frame, frame->key);
    struct buf quoted = {0};

    if (old == NULL)
        return add_member(r, frame, frame->key, value);
    if (map_remove(&frame->merged, frame->key) != NULL) {
        json_replace(old, value);
        return STATUS_OK;
    }
    json_write_string(&quoted, frame->key);
    error_set(r->reterr, STATUS_BAD_REQUEST,
              PREFIX "yaml: unmarshal errors:\n  line %zu: key %.*s already set in map",
              event_line(r), BYTES_FMT(buf_bytes(&quoted)));
    buf_release(&quoted);
    return STATUS_BAD_REQUEST;
}

static enum status merge_mapping(struct reader *r, struct frame *frame, const struct json *from)
{
    if (!json_is(from, JSON_OBJECT))
        return fail(r, "map merge requires map or sequence of maps as the value");
    json_each(from, it) {
        struct json *old = find_member(frame, it->key), *copy = json_copy(r->arena, it);
        enum status st = STATUS_OK;

        if (copy == NULL || !map_put(&frame->merged, it->key, it))
            return no_memory(r);
        if (old != NULL)
            json_replace(old, copy);
        else
            st = add_member(r, frame, it->key, copy);
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

/* The value of `<<`. Of a sequence the first mapping wins, so it comes last. */
static enum status merge_value(struct reader *r, struct frame *frame, const struct json *value)
{
    const struct json **items;
    enum status st = STATUS_OK;
    size_t count = 0;

    if (value->type != JSON_ARRAY)
        return merge_mapping(r, frame, value);
    items = arena_alloc(r->arena, value->count * sizeof(struct json *));
    if (items == NULL)
        return no_memory(r);
    json_each(value, it)
        items[count++] = it;
    while (count-- > 0 && st == STATUS_OK)
        st = merge_mapping(r, frame, items[count]);
    return st;
}

/* ---- values ---- */

static enum status set_key(struct reader *r, struct frame *frame, const struct json *node)
{
    struct buf why = {0};
    enum status st = STATUS_OK;

    if (yaml_scalar_key(r->arena, node, &frame->key, &why))
        frame->has_key = true;
    else
        st = fail(r, "%.*s", BYTES_FMT(buf_bytes(&why)));
    buf_release(&why);
    return st;
}

/* Puts a complete value where it belongs. */
static enum status deliver(struct reader *r, struct json *node)
{
    struct frame *frame = r->depth != 0 ? &r->frames[r->depth - 1] : NULL;

    if (node == NULL)
        return no_memory(r);
    if (frame == NULL) {
        r->root = node;
        return STATUS_OK;
    }
    if (frame->node->type == JSON_ARRAY) {
        json_append(frame->node, node);
        return STATUS_OK;
    }
    if (!frame->has_key)
        return set_key(r, frame, node);
    frame->has_key = false;
    if (frame->merging) {
        frame->merging = false;
        return merge_value(r, frame, node);
    }
    return set_member(r, frame, node);
}

static bool expects_key(const struct reader *r)
{
    const struct frame *frame = r->depth != 0 ? &r->frames[r->depth - 1] : NULL;

    return frame != NULL && frame->node->type == JSON_OBJECT && !frame->has_key;
}

/* Remembers the node under `name` (NULL: it has none). */
static enum status add_anchor(struct reader *r, const yaml_char_t *name, struct anchor **ret_anchor)
{
    struct anchor *anchor = NULL;
    struct bytes key;

    *ret_anchor = NULL;
    if (name == NULL)
        return STATUS_OK;
    anchor = arena_new(r->arena, struct anchor);
    key = arena_dup(r->arena, bytes_str((const char *)name));
    if (anchor == NULL || !map_put(&r->anchors, key, anchor))
        return no_memory(r);
    *ret_anchor = anchor;
    return STATUS_OK;
}

/* ---- scalars ---- */

/* The value of the scalar event at hand. */
static enum status read_scalar(struct reader *r, struct json **ret_node)
{
    struct yaml_scalar scalar = {
        .text = arena_dup(r->arena, bytes_of((const char *)r->event.data.scalar.value,
                                             r->event.data.scalar.length)),
        .tag = bytes_str((const char *)r->event.data.scalar.tag),
        .is_plain = r->event.data.scalar.plain_implicit != 0,
        .is_key = expects_key(r),
    };
    struct buf why = {0};
    enum status st = STATUS_OK;

    if (!yaml_scalar_read(r->arena, &scalar, ret_node, &why))
        st = fail(r, "%.*s", BYTES_FMT(buf_bytes(&why)));
    buf_release(&why);
    if (scalar.is_merge_key)
        r->frames[r->depth - 1].merging = true;
    return st;
}

static enum status on_scalar(struct reader *r)
{
    struct json *node = NULL;
    struct anchor *anchor;
    enum status st = count_node(r);

    if (st == STATUS_OK)
        st = add_anchor(r, r->event.data.scalar.anchor, &anchor);
    if (st == STATUS_OK)
        st = read_scalar(r, &node);
    if (st != STATUS_OK)
        return st;
    if (anchor != NULL)
        *anchor = (struct anchor){node, 1};
    return deliver(r, node);
}

/* ---- containers and aliases ---- */

static enum status on_start(struct reader *r, struct json *node, const yaml_char_t *anchor_name)
{
    struct anchor *anchor;
    size_t nodes_before = r->nodes;
    enum status st = count_node(r);

    if (st != STATUS_OK)
        return st;
    if (r->depth == YAML_DEPTH_MAX)
        return too_deep(r);
    if (node == NULL)
        return no_memory(r);
    if (expects_key(r))
        return fail(r, "invalid map key: %s", json_type_name(node->type));
    st = add_anchor(r, anchor_name, &anchor);
    if (st == STATUS_OK)
        r->frames[r->depth++] =
            (struct frame){.node = node, .anchor = anchor, .nodes_before = nodes_before};
    return st;
}

static void frame_release(struct frame *frame)
{
    map_release(&frame->index);
    map_release(&frame->merged);
}

static enum status on_end(struct reader *r)
{
    struct frame *frame = &r->frames[--r->depth];
    struct json *node = frame->node;

    if (frame->anchor != NULL)
        *frame->anchor = (struct anchor){node, r->nodes - frame->nodes_before};
    frame_release(frame);
    return deliver(r, node);
}

static enum status on_alias(struct reader *r)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    const struct anchor *anchor = map_get(&r->anchors, bytes_str(name));
    enum status st = count_node(r);

    if (st != STATUS_OK)
        return st;
    if (anchor == NULL)
        return fail(r, "unknown anchor '%s' referenced", name);
    if (anchor->node == NULL)
        return fail(r, "anchor '%s' value contains itself", name);
    st = count_alias(r, anchor->nodes);
    if (st != STATUS_OK)
        return st;
    if (json_is_deeper(anchor->node, (unsigned)(YAML_DEPTH_MAX - r->depth)))
        return too_deep(r);
    return deliver(r, json_copy(r->arena, anchor->node));
}

/* ---- documents ---- */

static enum status handle_event(struct reader *r)
{
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(r);
    case YAML_ALIAS_EVENT:
        return on_alias(r);
    case YAML_MAPPING_START_EVENT:
        return on_start(r, json_new_object(r->arena), r->event.data.mapping_start.anchor);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(r, json_new_array(r->arena), r->event.data.sequence_start.anchor);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return on_end(r);
    case YAML_DOCUMENT_START_EVENT:
        map_release(&r->anchors);
        r->root = NULL;
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}

/* Reads up to the end of a document, whose root is then in `r->root`. END: the stream is over. */
static enum status read_document(struct reader *r)
{
    for (;;) {
        yaml_event_type_t type;
        enum status st;

        if (!yaml_parser_parse(&r->parser, &r->event))
            return parser_error(r);
        type = r->event.type;
        st = handle_event(r);
        if (r->arena->failed) /* whatever else seemed wrong, that may be why */
            st = no_memory(r);
        yaml_event_delete(&r->event);
        if (st != STATUS_OK)
            return st;
        if (type == YAML_DOCUMENT_END_EVENT)
            return STATUS_OK;
        if (type == YAML_STREAM_END_EVENT)
            return STATUS_END;
    }
}

/* What libyaml would take, and we must not: %TAG lines cost it quadratic time (CVE-2019-11254), and
 * nobody sends UTF-16. */
static enum status check_text(struct bytes text, struct error *reterr)
{
    size_t line = 1;

    if (bytes_starts_with(text, BYTES("\xff\xfe")) || bytes_starts_with(text, BYTES("\xfe\xff")))
        return error_set(reterr, STATUS_BAD_REQUEST, PREFIX "yaml: UTF-16 is not supported");
    if (text.len == 0 || memmem(text.ptr, text.len, "%TAG", 4) == NULL)
        return STATUS_OK;
    while (text.len != 0) {
        struct bytes head = bytes_cut(&text, '\n');

        if (bytes_starts_with(head, BYTES("%TAG")))
            return error_set(reterr, STATUS_BAD_REQUEST,
                             PREFIX "yaml: line %zu: %%TAG directives are not supported", line);
        line++;
    }
    return STATUS_OK;
}

static void reader_release(struct reader *r)
{
    while (r->depth > 0)
        frame_release(&r->frames[--r->depth]);
    map_release(&r->anchors);
    yaml_parser_delete(&r->parser);
}

/* Reads all documents into `array`, at most `most`. */
static enum status read_stream(struct arena *arena, struct bytes text, size_t most,
                               struct json *array, struct error *reterr)
{
    struct reader r = {.arena = arena, .reterr = reterr};
    enum status st = check_text(text, reterr);
    size_t count = 0;

    if (st != STATUS_OK || text.len == 0)
        return st;
    if (!yaml_parser_initialize(&r.parser))
        return no_memory(&r);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.ptr, text.len);
    while ((st = read_document(&r)) == STATUS_OK) {
        if (r.root == NULL || r.root->type == JSON_NULL)
            continue;
        if (++count > most) {
            st = error_set(reterr, STATUS_BAD_REQUEST,
                           PREFIX "yaml: expected a single document in the stream");
            break;
        }
        json_append(array, r.root);
    }
    reader_release(&r);
    return st == STATUS_END ? STATUS_OK : st;
}

enum status yaml_parse_all(struct arena *arena, struct bytes text, struct json **ret_array,
                           struct error *reterr)
{
    struct json *array = json_new_array(arena);
    enum status st;

    if (array == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = read_stream(arena, text, SIZE_MAX, array, reterr);
    if (st == STATUS_OK)
        *ret_array = array;
    return st;
}

enum status yaml_parse(struct arena *arena, struct bytes text, struct json **ret_json,
                       struct error *reterr)
{
    struct json *array = json_new_array(arena), *node;
    enum status st;

    if (array == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = read_stream(arena, text, 1, array, reterr);
    if (st != STATUS_OK)
        return st;
    node = array->count != 0 ? json_remove_index(array, 0) : json_new_null(arena);
    if (node == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    *ret_json = node;
    return STATUS_OK;
}
