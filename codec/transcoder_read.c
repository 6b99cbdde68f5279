/*
 * Wire bytes to trees. Fields come in any order and any number: of a single one the last counts,
 * of a message all are merged, of a map's key the last counts, as protobuf says.
 */
#include "codec/transcoder_read.h"

#include <stdio.h>

#include "base/map.h"

/* ---- bounds and failures ---- */

struct json *reader_fail(struct transcoder_reader *r, enum status status, const struct path *path,
                         const char *what)
{
    r->status = path_error(r->reterr, status, path, "%s", what);
    return NULL;
}

bool reader_enter(struct transcoder_reader *r, const struct path *path)
{
    if (r->depth == PROTOBUF_DEPTH_MAX)
        return reader_fail(r, STATUS_TOO_LARGE, path, "messages nest too deep") != NULL;
    r->depth++;
    return true;
}

bool reader_count_field(struct transcoder_reader *r, const struct path *path)
{
    if (r->fields == PROTOBUF_FIELDS_MAX)
        return reader_fail(r, STATUS_TOO_LARGE, path, "too many fields") != NULL;
    r->fields++;
    return true;
}

/* ---- members ---- */

/* Names of members are the fields' own, so the same name is the same pointer. */
static struct json *member_of(const struct json *object, const struct message_field *field)
{
    if (object->last != NULL && object->last->key.ptr == field->json_name.ptr)
        return object->last; /* the next of a list */
    json_each(object, it)
        if (it->key.ptr == field->json_name.ptr)
            return it;
    return NULL;
}

static struct json *ensure_member(struct transcoder_reader *r, struct json *object,
                                  const struct message_field *field)
{
    struct json *member = member_of(object, field);

    if (member != NULL)
        return member;
    return json_add(object, field->json_name,
                    field->flags & FIELD_MAP ? json_new_object(r->arena)
                                             : json_new_array(r->arena));
}

static bool is_zero(const struct json *value)
{
    switch ((enum json_type)value->type) {
    case JSON_STRING:
        return value->text.len == 0;
    case JSON_NUMBER:
        return bytes_eq_str(value->text, "0");
    case JSON_BOOL:
        return !value->boolean;
    default:
        return false;
    }
}

static bool read_single(struct transcoder_reader *r, const struct message_field *field,
                        const struct wire_field *value, struct json *object,
                        const struct path *path)
{
    struct json *old = member_of(object, field), *node;

    if (field->type == TYPE_MESSAGE && field->message->form == FORM_OBJECT && old != NULL)
        return read_object(r, field->message, value->data, old, path);
    node = read_value(r, field, value, path);
    if (node == NULL)
        return false;
    if (field->flags & FIELD_OMITTABLE && is_zero(node))
        json_remove(object, field->json_name);
    else if (old != NULL)
        json_replace(old, node);
    else
        json_add(object, field->json_name, node);
    return true;
}

static bool append(struct transcoder_reader *r, struct json *array,
                   const struct message_field *field, const struct wire_field *value,
                   const struct path *path)
{
    struct path element = {path, {NULL, 0}, array->count};
    struct json *node = read_value(r, field, value, &element);

    json_append(array, node);
    return node != NULL;
}

/* Numbers may also come packed into one field. */
static bool append_packed(struct transcoder_reader *r, struct json *array,
                          const struct message_field *field, struct bytes data,
                          const struct path *path)
{
    struct wire_reader wire = wire_reader_of(data);
    struct wire_field value = {0};

    while (wire_next_packed(&wire, field_wire_type(field), &value.number))
        if (!reader_count_field(r, path) || !append(r, array, field, &value, path))
            return false;
    return wire.wrong == NULL || reader_fail(r, STATUS_BAD_REQUEST, path, wire.wrong) != NULL;
}

static bool is_packed(const struct message_field *field, const struct wire_field *value)
{
    return field->flags & FIELD_REPEATED && value->type == WIRE_BYTES &&
           field_wire_type(field) != WIRE_BYTES;
}

/* An entry without a key or value has the empty one. Twice the same key: see drop_older(). */
static bool read_entry(struct transcoder_reader *r, const struct message_type *entry,
                       struct bytes data, struct json *map, const struct path *path)
{
    const struct message_field *field = message_field_by_id(entry, 2);
    struct wire_reader wire = wire_reader_of(data);
    struct wire_field at, value = {.data = BYTES("")};
    struct path step = {path, BYTES(""), 0};
    struct json *node;

    if (!reader_enter(r, path))
        return false;
    while (wire_next(&wire, &at)) {
        if (!reader_count_field(r, path))
            return false;
        if (at.id == 1 && at.type == WIRE_BYTES)
            step.name = at.data;
        else if (at.id == 2 && at.type == field_wire_type(field))
            value = at;
        else
            return reader_fail(r, STATUS_BAD_REQUEST, path, "not an entry of a map") != NULL;
    }
    if (wire.wrong != NULL)
        return reader_fail(r, STATUS_BAD_REQUEST, path, wire.wrong) != NULL;
    if (!read_is_utf8(step.name))
        return reader_fail(r, STATUS_BAD_REQUEST, path, "a key is not UTF-8") != NULL;
    node = read_value(r, field, &value, &step);
    json_add(map, step.name.len != 0 ? step.name : BYTES(""), node);
    r->depth--;
    return node != NULL;
}

static bool read_field(struct transcoder_reader *r, const struct message_field *field,
                       const struct wire_field *value, struct json *object, const struct path *path)
{
    struct path step = {path, field->json_name, 0};
    struct json *many;

    if (value->type != field_wire_type(field) && !is_packed(field, value))
        return reader_fail(r, STATUS_BAD_REQUEST, &step, "a field has another wire type") != NULL;
    if (field->flags & FIELD_INLINED)
        return read_object(r, field->message, value->data, object, path);
    if (!(field->flags & FIELD_REPEATED))
        return read_single(r, field, value, object, &step);
    many = ensure_member(r, object, field);
    if (many == NULL)
        return false;
    if (field->flags & FIELD_MAP)
        return read_entry(r, field->message, value->data, many, &step);
    if (is_packed(field, value))
        return append_packed(r, many, field, value->data, &step);
    return append(r, many, field, value, &step);
}

/* ---- messages ---- */

static bool keys_rise(const struct json *map)
{
    json_each(map, it)
        if (it->next != NULL && bytes_cmp(it->key, it->next->key) >= 0)
            return false;
    return true;
}

/* The last entry of each key stays. Encoders sort, so there is nearly never more to do than look;
 * a hash finds twins, for the entries are as many as a client likes. */
static bool drop_older(struct json *map)
{
    struct map seen = {0};
    struct json *first = map->first;
    bool ok = true;

    if (keys_rise(map))
        return true;
    map->first = map->last = NULL;
    map->count = 0;
    for (struct json *it = first, *next; it != NULL && ok; it = next) {
        struct json *older = map_get(&seen, it->key);

        next = it->next;
        it->next = NULL;
        if (older != NULL) {
            json_replace(older, it);
            continue;
        }
        ok = map_put(&seen, it->key, it);
        json_add(map, it->key, it);
    }
    map_release(&seen);
    return ok;
}

static bool finish_object(struct transcoder_reader *r, const struct message_type *type,
                          struct json *object)
{
    if (!(type->flags & (FIELD_MAP | FIELD_LISTED)))
        return true;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct message_field *field = &type->fields[i];
        struct json *member;

        if (!(field->flags & (FIELD_MAP | FIELD_LISTED)))
            continue;
        member = field->flags & FIELD_LISTED ? ensure_member(r, object, field)
                                             : member_of(object, field);
        if (member != NULL && field->flags & FIELD_MAP && !drop_older(member)) {
            r->status = error_set(r->reterr, STATUS_NO_MEMORY, "out of memory");
            return false;
        }
    }
    return true;
}

static void report_unknown(struct transcoder_reader *r, uint32_t id, const struct path *path)
{
    char name[16];
    struct path step = {path, {name, 0}, 0};

    step.name.len = (size_t)snprintf(name, sizeof(name), "#%u", id);
    path_report(r->report, &step);
}

bool read_object(struct transcoder_reader *r, const struct message_type *type, struct bytes data,
                 struct json *object, const struct path *path)
{
    struct wire_reader wire = wire_reader_of(data);
    struct wire_field value;

    if (!reader_enter(r, path))
        return false;
    while (wire_next(&wire, &value)) {
        const struct message_field *field = message_field_by_id(type, value.id);

        if (!reader_count_field(r, path))
            return false;
        if (field == NULL)
            report_unknown(r, value.id, path);
        else if (!read_field(r, field, &value, object, path))
            return false;
    }
    if (wire.wrong != NULL)
        return reader_fail(r, STATUS_BAD_REQUEST, path, wire.wrong) != NULL;
    r->depth--;
    return finish_object(r, type, object);
}

struct json *read_message(struct transcoder_reader *r, const struct message_type *type,
                          struct bytes data, const struct path *path)
{
    struct json *object;

    if (type->form != FORM_OBJECT)
        return read_forms[type->form](r, type, data, path);
    object = json_new_object(r->arena);
    return object != NULL && read_object(r, type, data, object, path) ? object : NULL;
}

struct json *read_envelope(struct transcoder_reader *r, const struct message_type *type,
                           struct bytes text, struct bytes api_version, struct bytes kind,
                           const struct path *path)
{
    struct protobuf_envelope env;
    struct json *object = json_new_object(r->arena);

    r->status = protobuf_envelope_read(text, &env, r->reterr);
    if (r->status != STATUS_OK)
        return NULL;
    if (env.api_version.len == 0)
        env.api_version = api_version;
    if (env.kind.len == 0)
        env.kind = kind;
    if (type == NULL)
        type = transcoder_find(env.api_version, env.kind);
    if (type == NULL) {
        r->status = error_set(r->reterr, STATUS_BAD_REQUEST,
                              "no kind \"%.*s\" is registered for version \"%.*s\" in protobuf",
                              BYTES_FMT(env.kind), BYTES_FMT(env.api_version));
        return NULL;
    }
    if (object == NULL)
        return NULL;
    if (!read_is_utf8(env.api_version) || !read_is_utf8(env.kind))
        return reader_fail(r, STATUS_BAD_REQUEST, path, "apiVersion or kind is not UTF-8");
    json_add(object, BYTES("apiVersion"), json_new_string(r->arena, env.api_version));
    json_add(object, BYTES("kind"), json_new_string(r->arena, env.kind));
    return read_object(r, type, env.raw, object, path) ? object : NULL;
}

/* ---- the two ways in ---- */

static enum status finish(struct transcoder_reader *r, struct json *tree, struct json **ret_tree)
{
    /* Whatever else seemed wrong, that may be why. */
    if (r->arena->failed || r->text.failed || (r->status == STATUS_OK && tree == NULL))
        r->status = error_set(r->reterr, STATUS_NO_MEMORY, "out of memory");
    buf_release(&r->text);
    if (r->status == STATUS_OK)
        *ret_tree = tree;
    return r->status;
}

enum status transcoder_read_as(struct arena *arena, const struct message_type *type,
                               struct bytes envelope, struct bytes api_version, struct bytes kind,
                               struct json **ret_tree, struct transcoder_report *report,
                               struct error *reterr)
{
    struct transcoder_reader r = {.arena = arena, .report = report, .reterr = reterr};
    struct path root = {0};

    return finish(&r, read_envelope(&r, type, envelope, api_version, kind, &root), ret_tree);
}

enum status transcoder_read(struct arena *arena, struct bytes envelope, struct bytes api_version,
                            struct bytes kind, struct json **ret_tree,
                            struct transcoder_report *report, struct error *reterr)
{
    return transcoder_read_as(arena, NULL, envelope, api_version, kind, ret_tree, report, reterr);
}

enum status transcoder_to_json(struct arena *arena, const struct message_type *type,
                               struct bytes raw, struct json **ret_tree,
                               struct transcoder_report *report, struct error *reterr)
{
    struct transcoder_reader r = {.arena = arena, .report = report, .reterr = reterr};
    struct path root = {0};

    return finish(&r, read_message(&r, type, raw, &root), ret_tree);
}
