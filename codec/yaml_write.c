/*
 * JSON to YAML over libyaml's emitter, whose layout is that of go-yaml v2: lists stand at the
 * indent of their key, long texts fold at 80 columns, a text with line breaks is a `|` block.
 *
 * Values nested past YAML_DEPTH_MAX are written in flow style on one line: indenting them would
 * multiply the size of a hostile tree.
 */
#include "codec/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "codec/json_depth.h"
#include "codec/yaml_plain.h"

struct writer {
    yaml_emitter_t emitter;
    struct arena scratch; /* for resolving what a text would mean */
    bool failed;
};

static int on_output(void *arg, unsigned char *data, size_t len)
{
    struct buf *out = arg;

    buf_append(out, data, len);
    return !out->failed;
}

/* The emitter takes the event over, also when it fails. */
static void emit(struct writer *w, yaml_event_t *event, int initialized)
{
    if (w->failed && initialized)
        yaml_event_delete(event);
    else if (!initialized || !yaml_emitter_emit(&w->emitter, event))
        w->failed = true;
}

static void emit_scalar(struct writer *w, struct bytes text, yaml_scalar_style_t style)
{
    yaml_event_t event;

    if (w->failed)
        return;
    emit(w, &event,
         yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text.ptr,
                                      (int)text.len, 1, 1, style));
}

/* ---- strings ---- */

/* A reader would take the plain text for a string. */
static bool stays_string(struct writer *w, struct bytes text)
{
    bool stays =
        yaml_plain_resolve(&w->scratch, text).type == PLAIN_STRING && !yaml_plain_is_base60(text);

    arena_release(&w->scratch);
    return stays;
}

/* NEL, LS and PS are line breaks to YAML 1.1: outside of double quotes a fold may touch them. */
static bool has_odd_break(struct bytes text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        const char *at = text.ptr + i;

        if (memcmp(at, "\xc2\x85", 2) == 0 ||
            (i + 2 < text.len && memcmp(at, "\xe2\x80", 2) == 0 && (at[2] & ~1) == '\xa8'))
            return true;
    }
    return false;
}

static void write_string(struct writer *w, struct bytes text)
{
    yaml_scalar_style_t style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;

    if (!has_odd_break(text)) {
        if (bytes_find(text, '\n') != text.len)
            style = YAML_LITERAL_SCALAR_STYLE;
        else if (stays_string(w, text))
            style = YAML_PLAIN_SCALAR_STYLE;
    }
    emit_scalar(w, text.ptr != NULL ? text : BYTES(""), style);
}

/* ---- members in order ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           ((unsigned char)c >= 0x80 && (unsigned char)c < 0xf0 && (unsigned char)c != 0xe2);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number that begins at `*at`, which moves behind it. */
static uint64_t cut_digits(struct bytes text, size_t *at, uint64_t n)
{
    for (; *at < text.len && is_digit(text.ptr[*at]); ++*at)
        n = n * 10 + (uint64_t)(text.ptr[*at] - '0');
    return n;
}

/* A zero that differs stands behind other digits of its number. */
static bool continues_number(struct bytes text, size_t at)
{
    while (at > 0 && is_digit(text.ptr[at - 1]))
        if (text.ptr[--at] != '0')
            return true;
    return false;
}

/* go-yaml's natural order (sorter.go): numbers by value, letters after other characters. */
static int compare_keys(struct bytes a, struct bytes b)
{
    size_t at = 0, a_end, b_end;
    uint64_t a_number = 0, b_number = 0;

    while (at < a.len && at < b.len && a.ptr[at] == b.ptr[at])
        at++;
    if (at == a.len || at == b.len)
        return (a.len > b.len) - (a.len < b.len);
    if (is_letter(a.ptr[at]) && is_letter(b.ptr[at]))
        return (unsigned char)a.ptr[at] < (unsigned char)b.ptr[at] ? -1 : 1;
    if (is_letter(a.ptr[at]) || is_letter(b.ptr[at]))
        return is_letter(b.ptr[at]) ? -1 : 1;
    if ((a.ptr[at] == '0' || b.ptr[at] == '0') && continues_number(a, at))
        a_number = b_number = 1;
    a_end = b_end = at;
    a_number = cut_digits(a, &a_end, a_number);
    b_number = cut_digits(b, &b_end, b_number);
    if (a_number != b_number)
        return a_number < b_number ? -1 : 1;
    if (a_end != b_end)
        return a_end < b_end ? -1 : 1;
    return a.ptr[at] < b.ptr[at] ? -1 : 1;
}

static int compare_members(const void *a, const void *b)
{
    return compare_keys((*(const struct json *const *)a)->key,
                        (*(const struct json *const *)b)->key);
}

/* ---- trees ---- */

static void write_node(struct writer *w, const struct json *node, unsigned depth);

static void write_object(struct writer *w, const struct json *node, unsigned depth)
{
    const struct json **members = calloc(node->count + 1, sizeof(struct json *));
    bool flow = depth >= YAML_DEPTH_MAX;
    yaml_event_t event;
    size_t count = 0;

    w->failed |= members == NULL;
    if (w->failed) {
        free(members);
        return;
    }
    json_each(node, it)
        members[count++] = it;
    qsort(members, count, sizeof(struct json *), compare_members);
    emit(w, &event,
         yaml_mapping_start_event_initialize(
             &event, NULL, NULL, 1, flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE));
    for (size_t i = 0; i < count && !w->failed; i++) {
        write_string(w, members[i]->key);
        write_node(w, members[i], depth + 1);
    }
    free(members);
    emit(w, &event, yaml_mapping_end_event_initialize(&event));
}

static void write_array(struct writer *w, const struct json *node, unsigned depth)
{
    bool flow = depth >= YAML_DEPTH_MAX;
    yaml_event_t event;

    emit(w, &event,
         yaml_sequence_start_event_initialize(
             &event, NULL, NULL, 1, flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
    for (const struct json *it = node->first; it != NULL && !w->failed; it = it->next)
        write_node(w, it, depth + 1);
    emit(w, &event, yaml_sequence_end_event_initialize(&event));
}

/* Recurses as deep as the tree, which the readers bound. */
static void write_node(struct writer *w, const struct json *node, unsigned depth)
{
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        emit_scalar(w, BYTES("null"), YAML_PLAIN_SCALAR_STYLE);
        break;
    case JSON_BOOL:
        emit_scalar(w, node->boolean ? BYTES("true") : BYTES("false"), YAML_PLAIN_SCALAR_STYLE);
        break;
    case JSON_NUMBER:
        emit_scalar(w, node->text, YAML_PLAIN_SCALAR_STYLE);
        break;
    case JSON_STRING:
        write_string(w, node->text);
        break;
    case JSON_ARRAY:
        write_array(w, node, depth);
        break;
    case JSON_OBJECT:
        write_object(w, node, depth);
        break;
    }
}

static void write_stream(struct writer *w, const struct json *node)
{
    yaml_event_t event;

    emit(w, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(w, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    write_node(w, node, 0);
    emit(w, &event, yaml_document_end_event_initialize(&event, 1));
    emit(w, &event, yaml_stream_end_event_initialize(&event));
}

void yaml_write(struct buf *out, const struct json *node)
{
    static const struct json null;
    struct writer w = {0};

    node = node != NULL ? node : &null;
    if (!yaml_emitter_initialize(&w.emitter)) {
        out->failed = true;
        return;
    }
    yaml_emitter_set_output(&w.emitter, on_output, out);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, json_is_deeper(node, YAML_DEPTH_MAX) ? -1 : 80);
    write_stream(&w, node);
    yaml_emitter_delete(&w.emitter);
    out->failed |= w.failed;
    if (bytes_ends_with(buf_bytes(out), BYTES("\n...\n")))
        out->len -= 4; /* libyaml marks the end behind a text that keeps its last breaks */
}
