/*
 * Trees to wire bytes, fields by rising number, entries of a map by rising key: equal objects have
 * equal bytes, and they are those that Go and Python make of the same fields.
 */
#include "codec/transcoder_write.h"

#include <stdlib.h>

#include "base/base64.h"

/* ---- misfits ---- */

bool writer_misfit(struct transcoder_writer *w, const struct json *node, const struct path *path,
                   const char *expected)
{
    if (w->report != NULL && w->report->lenient)
        path_report(w->report, path);
    else if (w->status == STATUS_OK && !w->scratch.failed && !w->text.failed) /* or that is why */
        w->status = path_error(w->reterr, STATUS_BAD_REQUEST, path, "expected %s, found %s",
                               expected, json_type_name(node->type));
    return false;
}

/* Opens so many messages, if there may be. The count is never below the reader's, so that what is
 * written can be read. */
static bool enter(struct transcoder_writer *w, unsigned levels, const struct json *node,
                  const struct path *path)
{
    if (w->depth + levels > PROTOBUF_DEPTH_MAX)
        return writer_misfit(w, node, path, "fewer levels of messages");
    w->depth += levels;
    return true;
}

/* ---- values ---- */

static bool write_string(struct transcoder_writer *w, uint32_t id, const struct json *node,
                         const struct path *path)
{
    if (node->type != JSON_STRING)
        return writer_misfit(w, node, path, "a string");
    wire_put_bytes(&w->wire, id, node->text);
    return true;
}

static bool write_base64(struct transcoder_writer *w, uint32_t id, const struct json *node,
                         const struct path *path)
{
    w->text.len = 0;
    if (node->type != JSON_STRING ||
        !base64_decode(&w->text, base64_join_lines(&w->scratch, node->text), BASE64_STANDARD))
        return writer_misfit(w, node, path, "bytes in base64");
    wire_put_bytes(&w->wire, id, buf_bytes(&w->text));
    return true;
}

static bool write_bool(struct transcoder_writer *w, uint32_t id, const struct json *node,
                       const struct path *path)
{
    if (node->type != JSON_BOOL)
        return writer_misfit(w, node, path, "a boolean");
    wire_put_number(&w->wire, id, node->boolean);
    return true;
}

static bool write_integer(struct transcoder_writer *w, const struct message_field *field,
                          const struct json *node, const struct path *path)
{
    bool small = field->type == TYPE_INT32;
    int64_t n;

    if (!json_to_i64(node, &n) || (small && n != (int32_t)n))
        return writer_misfit(w, node, path, small ? "an integer of 32 bits" : "an integer");
    wire_put_number(&w->wire, field->id, (uint64_t)n);
    return true;
}

static bool write_double(struct transcoder_writer *w, uint32_t id, const struct json *node,
                         const struct path *path)
{
    uint64_t bits;
    double n;

    if (!json_to_double(node, &n))
        return writer_misfit(w, node, path, "a number");
    memcpy(&bits, &n, sizeof(bits));
    wire_put_fixed64(&w->wire, bits);
    wire_put_tag(&w->wire, id, WIRE_FIXED64);
    return true;
}

static bool write_value(struct transcoder_writer *w, const struct message_field *field,
                        const struct json *node, const struct path *path)
{
    switch ((enum field_type)field->type) {
    case TYPE_STRING:
        return write_string(w, field->id, node, path);
    case TYPE_BYTES:
        return write_base64(w, field->id, node, path);
    case TYPE_BOOL:
        return write_bool(w, field->id, node, path);
    case TYPE_INT32:
    case TYPE_INT64:
        return write_integer(w, field, node, path);
    case TYPE_DOUBLE:
        return write_double(w, field->id, node, path);
    case TYPE_MESSAGE:
        break;
    }
    return write_message(w, field->message, field->id, node, path);
}

/* What a null inside of a list or map is to Go. */
static void write_zero(struct transcoder_writer *w, const struct message_field *field)
{
    switch ((enum field_type)field->type) {
    case TYPE_BOOL:
    case TYPE_INT32:
    case TYPE_INT64:
        wire_put_number(&w->wire, field->id, 0);
        break;
    case TYPE_DOUBLE:
        wire_put_fixed64(&w->wire, 0);
        wire_put_tag(&w->wire, field->id, WIRE_FIXED64);
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
    case TYPE_MESSAGE:
        wire_put_bytes(&w->wire, field->id, BYTES(""));
        break;
    }
}

/* ---- lists and maps ---- */

/* The children in an array, so that they can be walked backwards. NULL: there are none, or there
 * is no memory, which the scratch arena remembers. */
static const struct json **children_of(struct transcoder_writer *w, const struct json *parent)
{
    const struct json **children;
    size_t count = 0;

    if (parent->count == 0)
        return NULL;
    children = arena_alloc(&w->scratch, parent->count * sizeof(*children));
    json_each(parent, it)
        if (children != NULL)
            children[count++] = it;
    return children;
}

bool write_array(struct transcoder_writer *w, const struct message_field *field,
                 const struct json *array, const struct path *path)
{
    const struct json **items;

    if (array->type != JSON_ARRAY)
        return writer_misfit(w, array, path, "a list");
    items = children_of(w, array);
    for (size_t i = array->count; items != NULL && i-- > 0 && w->status == STATUS_OK;) {
        struct path step = {path, {NULL, 0}, i};

        if (items[i]->type == JSON_NULL)
            write_zero(w, field);
        else
            write_value(w, field, items[i], &step);
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    return bytes_cmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

static void write_entry(struct transcoder_writer *w, const struct message_field *field,
                        const struct json *node, const struct path *path)
{
    const struct message_field *value = message_field_by_id(field->message, 2);
    struct path step = {path, node->key, 0};
    size_t len = w->wire.len;
    bool written = true;

    if (!enter(w, 1, node, &step))
        return;
    if (node->type == JSON_NULL)
        write_zero(w, value);
    else
        written = write_value(w, value, node, &step);
    w->depth--;
    if (!written)
        return;
    wire_put_bytes(&w->wire, 1, node->key);
    wire_put_header(&w->wire, field->id, len);
}

static bool write_map(struct transcoder_writer *w, const struct message_field *field,
                      const struct json *map, const struct path *path)
{
    const struct json **entries;

    if (map->type != JSON_OBJECT)
        return writer_misfit(w, map, path, "a map");
    entries = children_of(w, map);
    if (entries == NULL)
        return true;
    qsort(entries, map->count, sizeof(*entries), compare_keys);
    for (size_t i = map->count; i-- > 0 && w->status == STATUS_OK;)
        write_entry(w, field, entries[i], path);
    return true;
}

/* ---- messages ---- */

static bool is_type_meta(struct bytes name)
{
    return bytes_eq_str(name, "apiVersion") || bytes_eq_str(name, "kind");
}

/* Members that no field takes. apiVersion and kind of an object are in its envelope, those of an
 * object inside another are known from the outer one's kind. */
static void report_unknown(struct transcoder_writer *w, const struct message_type *type,
                           const struct json *member, const struct path *path)
{
    struct path step = {path, member->key, 0};

    if (message_find_member(type, member->key) != NULL ||
        (is_type_meta(member->key) && (type->has_metadata || path->up == NULL)))
        return;
    path_report(w->report, &step);
}

static void write_fields(struct transcoder_writer *w, const struct message_type *type,
                         const struct json *object, bool is_inlined, const struct path *path);

static void write_field(struct transcoder_writer *w, const struct message_field *field,
                        const struct json *node, const struct path *path)
{
    struct path step = {path, field->json_name, 0};

    if (node->type == JSON_NULL)
        wire_put_bytes(&w->wire, field->id, BYTES("")); /* of FIELD_NULLABLE only */
    else if (field->flags & FIELD_MAP)
        write_map(w, field, node, &step);
    else if (field->flags & FIELD_REPEATED)
        write_array(w, field, node, &step);
    else
        write_value(w, field, node, &step);
}

/* Its members stand in `object` among others; none of them, no message. */
static void write_inlined(struct transcoder_writer *w, const struct message_field *field,
                          const struct json *object, const struct path *path)
{
    size_t len = w->wire.len;

    write_fields(w, field->message, object, true, path);
    if (w->wire.len != len)
        wire_put_header(&w->wire, field->id, len);
}

static void write_fields(struct transcoder_writer *w, const struct message_type *type,
                         const struct json *object, bool is_inlined, const struct path *path)
{
    const struct json *few[64], **members = few; /* by place in type->fields */

    if (type->field_count > ARRAY_LEN(few)) /* of a custom resource */
        members = arena_alloc(&w->scratch, type->field_count * sizeof(*members));
    if (members == NULL)
        return;
    memset(members, 0, type->field_count * sizeof(*members));
    json_each(object, it) {
        const struct message_field *field = message_field_by_name(type, it->key);

        if (field == NULL && !is_inlined && w->report != NULL)
            report_unknown(w, type, it, path);
        if (field != NULL && (it->type != JSON_NULL || field->flags & FIELD_NULLABLE))
            members[field - type->fields] = it;
    }
    for (size_t i = type->field_count; i-- > 0 && w->status == STATUS_OK;) {
        if (type->fields[i].flags & FIELD_INLINED)
            write_inlined(w, &type->fields[i], object, path);
        else if (members[i] != NULL)
            write_field(w, &type->fields[i], members[i], path);
    }
}

bool write_object(struct transcoder_writer *w, const struct message_type *type,
                  const struct json *object, const struct path *path)
{
    if (object->type != JSON_OBJECT)
        return writer_misfit(w, object, path, "an object");
    if (!enter(w, 1, object, path))
        return false;
    write_fields(w, type, object, false, path);
    w->depth--;
    return true;
}

/* The fields of a message of any form. A form may be a message around others. */
static bool write_body(struct transcoder_writer *w, const struct message_type *type,
                       const struct json *node, const struct path *path)
{
    bool written;

    if (type->form == FORM_OBJECT)
        return write_object(w, type, node, path);
    if (!enter(w, 2, node, path))
        return false;
    written = write_forms[type->form](w, type, node, path);
    w->depth -= 2;
    return written;
}

bool write_message(struct transcoder_writer *w, const struct message_type *type, uint32_t id,
                   const struct json *node, const struct path *path)
{
    size_t len = w->wire.len;
    bool written = write_body(w, type, node, path);

    if (written)
        wire_put_header(&w->wire, id, len);
    return written;
}

/* ---- the two ways in ---- */

static void writer_release(struct transcoder_writer *w)
{
    wire_writer_release(&w->wire);
    arena_release(&w->scratch);
    buf_release(&w->text);
}

/* The message of `tree`, in w->wire. */
static enum status write_root(struct transcoder_writer *w, const struct message_type *type,
                              const struct json *tree)
{
    struct path root = {0};
    bool written = write_body(w, type, tree, &root);

    if (w->status == STATUS_OK && (w->wire.failed || w->scratch.failed || w->text.failed))
        w->status = error_set(w->reterr, STATUS_NO_MEMORY, "out of memory");
    if (w->status == STATUS_OK && !written) /* a lenient report: but then nothing is left */
        w->status = error_set(w->reterr, STATUS_BAD_REQUEST, "not an object of its kind");
    return w->status;
}

enum status transcoder_from_json(struct buf *out, const struct message_type *type,
                                 const struct json *tree, struct transcoder_report *report,
                                 struct error *reterr)
{
    struct transcoder_writer w = {.report = report, .reterr = reterr};
    enum status st = write_root(&w, type, tree);

    if (st == STATUS_OK)
        buf_append_bytes(out, wire_written(&w.wire));
    writer_release(&w);
    return st;
}

enum status transcoder_write_as(struct buf *out, const struct message_type *type,
                                const struct json *tree, struct transcoder_report *report,
                                struct error *reterr)
{
    struct transcoder_writer w = {.report = report, .reterr = reterr};
    struct protobuf_envelope env = {.api_version = json_get_text(tree, "apiVersion"),
                                    .kind = json_get_text(tree, "kind")};
    enum status st = write_root(&w, type, tree);

    env.raw = wire_written(&w.wire);
    if (st == STATUS_OK)
        protobuf_envelope_write(out, &env);
    writer_release(&w);
    return st;
}

enum status transcoder_write(struct buf *out, const struct json *tree,
                             struct transcoder_report *report, struct error *reterr)
{
    struct bytes api_version = json_get_text(tree, "apiVersion");
    struct bytes kind = json_get_text(tree, "kind");
    const struct message_type *type = transcoder_find(api_version, kind);

    if (type == NULL)
        return error_set(reterr, STATUS_NOT_ACCEPTABLE,
                         "kind \"%.*s\" of version \"%.*s\" has no form in protobuf",
                         BYTES_FMT(kind), BYTES_FMT(api_version));
    return transcoder_write_as(out, type, tree, report, reterr);
}
