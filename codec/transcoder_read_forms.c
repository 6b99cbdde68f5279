/*
 * Messages that Go marshals by methods of their own. Their field numbers stand in proto/, and here
 * as the places of small arrays.
 */
#include "codec/transcoder_read.h"

#include "base/clock.h"
#include "codec/transcoder_times.h"

enum { PARTS_MAX = 3 };

/* The fields 1 .. 3 of a small message; the last of each. */
struct parts {
    uint64_t numbers[PARTS_MAX];
    struct bytes texts[PARTS_MAX]; /* ptr NULL: absent */
};

/* `types` has a wire type for each field of the message. */
static bool read_parts(struct transcoder_reader *r, struct bytes data, const enum wire_type *types,
                       size_t count, struct parts *ret_parts, const struct path *path)
{
    struct wire_reader wire = wire_reader_of(data);
    struct wire_field field;

    *ret_parts = (struct parts){0};
    while (wire_next(&wire, &field)) {
        if (!reader_count_field(r, path))
            return false;
        if (field.id > count)
            continue;
        if (field.type != types[field.id - 1])
            return reader_fail(r, STATUS_BAD_REQUEST, path, "a field has another wire type") !=
                   NULL;
        ret_parts->numbers[field.id - 1] = field.number;
        ret_parts->texts[field.id - 1] = field.data;
    }
    return wire.wrong == NULL || reader_fail(r, STATUS_BAD_REQUEST, path, wire.wrong) != NULL;
}

static struct json *read_list(struct transcoder_reader *r, const struct message_type *type,
                              struct bytes data, const struct path *path)
{
    struct json *object = json_new_object(r->arena), *list;

    if (object == NULL || !read_object(r, type, data, object, path))
        return NULL;
    list = json_first(object);
    return list != NULL ? list : json_new_array(r->arena);
}

static struct json *read_quantity(struct transcoder_reader *r, const struct message_type *type,
                                  struct bytes data, const struct path *path)
{
    static const enum wire_type types[] = {WIRE_BYTES};
    struct parts parts;

    (void)type;
    if (!read_parts(r, data, types, ARRAY_LEN(types), &parts, path))
        return NULL;
    if (parts.texts[0].len == 0)
        return json_new_string(r->arena, BYTES("0")); /* Go's zero Quantity */
    return read_string(r, parts.texts[0], path);
}

static struct json *read_int_or_string(struct transcoder_reader *r, const struct message_type *type,
                                       struct bytes data, const struct path *path)
{
    static const enum wire_type types[] = {WIRE_VARINT, WIRE_VARINT, WIRE_BYTES};
    struct parts parts;

    (void)type;
    if (!read_parts(r, data, types, ARRAY_LEN(types), &parts, path))
        return NULL;
    if (parts.numbers[0] > 1)
        return reader_fail(r, STATUS_BAD_REQUEST, path, "neither a number nor a string");
    if (parts.numbers[0] == 1)
        return read_string(r, parts.texts[2], path);
    return json_new_int(r->arena, (int32_t)(uint32_t)parts.numbers[1]);
}

/* False: failed. An empty message is a time that is not set. */
static bool read_seconds(struct transcoder_reader *r, struct bytes data, struct parts *ret_parts,
                         const struct path *path)
{
    static const enum wire_type types[] = {WIRE_VARINT, WIRE_VARINT};

    if (!read_parts(r, data, types, ARRAY_LEN(types), ret_parts, path))
        return false;
    if (!time_in_range((int64_t)ret_parts->numbers[0]) || ret_parts->numbers[1] > 999999999)
        return reader_fail(r, STATUS_BAD_REQUEST, path, "a time is out of range") != NULL;
    return true;
}

static struct json *read_time(struct transcoder_reader *r, const struct message_type *type,
                              struct bytes data, const struct path *path)
{
    char text[RFC3339_LEN + 1];
    struct parts parts;

    (void)type;
    if (data.len == 0)
        return json_new_null(r->arena);
    if (!read_seconds(r, data, &parts, path))
        return NULL;
    rfc3339_format((int64_t)parts.numbers[0], text);
    return json_new_string(r->arena, arena_dup(r->arena, bytes_str(text)));
}

static struct json *read_micro_time(struct transcoder_reader *r, const struct message_type *type,
                                    struct bytes data, const struct path *path)
{
    char text[RFC3339_LEN + 1];
    struct parts parts;

    (void)type;
    if (data.len == 0)
        return json_new_null(r->arena);
    if (!read_seconds(r, data, &parts, path))
        return NULL;
    rfc3339_format((int64_t)parts.numbers[0], text);
    return json_new_string(r->arena, arena_printf(r->arena, "%.*s.%06uZ", RFC3339_LEN - 1, text,
                                                  (unsigned)(parts.numbers[1] / 1000)));
}

static struct json *read_duration(struct transcoder_reader *r, const struct message_type *type,
                                  struct bytes data, const struct path *path)
{
    static const enum wire_type types[] = {WIRE_VARINT};
    struct parts parts;

    (void)type;
    if (!read_parts(r, data, types, ARRAY_LEN(types), &parts, path))
        return NULL;
    return json_new_string(r->arena, duration_format(r->arena, (int64_t)parts.numbers[0]));
}

/* JSON, or an object in an envelope, as in a WatchEvent. */
static struct json *read_raw(struct transcoder_reader *r, const struct message_type *type,
                             struct bytes data, const struct path *path)
{
    static const enum wire_type types[] = {WIRE_BYTES};
    struct error err = {0};
    struct json *tree = NULL;
    struct parts parts;

    (void)type;
    if (!read_parts(r, data, types, ARRAY_LEN(types), &parts, path))
        return NULL;
    if (parts.texts[0].len == 0)
        return json_new_null(r->arena);
    if (protobuf_is_envelope(parts.texts[0])) {
        if (!reader_enter(r, path))
            return NULL;
        tree = read_envelope(r, NULL, parts.texts[0], BYTES(""), BYTES(""), path);
        r->depth--;
        return tree;
    }
    r->status = json_parse(r->arena, parts.texts[0], &tree, NULL, &err);
    if (r->status != STATUS_OK)
        reader_fail(r, r->status, path, error_message(&err));
    error_release(&err);
    return tree;
}

/* ---- of apiextensions: a schema, or something simpler ---- */

static struct json *read_schema_or_bool(struct transcoder_reader *r,
                                        const struct message_type *type, struct bytes data,
                                        const struct path *path)
{
    static const enum wire_type types[] = {WIRE_VARINT, WIRE_BYTES};
    struct parts parts;

    if (!read_parts(r, data, types, ARRAY_LEN(types), &parts, path))
        return NULL;
    if (parts.texts[1].ptr != NULL)
        return read_message(r, message_field_by_id(type, 2)->message, parts.texts[1], path);
    return json_new_bool(r->arena, parts.numbers[0] != 0);
}

/* A list if it has anything, else the schema, else null. */
static struct json *read_schema_or_list(struct transcoder_reader *r,
                                        const struct message_type *type, struct bytes data,
                                        const struct path *path)
{
    struct json *object = json_new_object(r->arena), *list, *schema;

    if (object == NULL || !read_object(r, type, data, object, path))
        return NULL;
    list = json_get(object, type->fields[1].json_name);
    schema = json_get(object, type->fields[0].json_name);
    if (list != NULL)
        return list;
    return schema != NULL ? schema : json_new_null(r->arena);
}

read_form *const read_forms[FORM_COUNT] = {
    [FORM_LIST] = read_list,
    [FORM_QUANTITY] = read_quantity,
    [FORM_INT_OR_STRING] = read_int_or_string,
    [FORM_TIME] = read_time,
    [FORM_MICRO_TIME] = read_micro_time,
    [FORM_DURATION] = read_duration,
    [FORM_RAW] = read_raw,
    [FORM_SCHEMA_OR_BOOL] = read_schema_or_bool,
    [FORM_SCHEMA_OR_ARRAY] = read_schema_or_list,
    [FORM_SCHEMA_OR_STRINGS] = read_schema_or_list,
};
