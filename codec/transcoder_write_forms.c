/*
 * Messages that Go marshals by methods of their own, from their JSON. All fields of these small
 * ones are written, as Go's methods do.
 */
#include "codec/transcoder_write.h"

#include "codec/json_depth.h"
#include "codec/quantity.h"
#include "codec/transcoder_times.h"

static bool write_list(struct transcoder_writer *w, const struct message_type *type,
                       const struct json *node, const struct path *path)
{
    return write_array(w, &type->fields[0], node, path);
}

/* ---- quantities ---- */

static bool write_quantity(struct transcoder_writer *w, const struct message_type *type,
                           const struct json *node, const struct path *path)
{
    (void)type;
    if ((node->type != JSON_STRING && node->type != JSON_NUMBER) || !quantity_is(node->text))
        return writer_misfit(w, node, path, "a quantity");
    wire_put_bytes(&w->wire, 1, node->text);
    return true;
}

static bool write_int_or_string(struct transcoder_writer *w, const struct message_type *type,
                                const struct json *node, const struct path *path)
{
    bool is_string = node->type == JSON_STRING;
    int64_t n = 0;

    (void)type;
    if (!is_string && (!json_to_i64(node, &n) || n != (int32_t)n))
        return writer_misfit(w, node, path, "an integer of 32 bits or a string");
    wire_put_bytes(&w->wire, 3, is_string ? node->text : BYTES(""));
    wire_put_number(&w->wire, 2, (uint64_t)n);
    wire_put_number(&w->wire, 1, is_string);
    return true;
}

/* ---- times ---- */

static void put_seconds(struct transcoder_writer *w, int64_t seconds, int32_t nanos)
{
    wire_put_number(&w->wire, 2, (uint64_t)nanos);
    wire_put_number(&w->wire, 1, (uint64_t)seconds);
}

static bool write_time(struct transcoder_writer *w, const struct message_type *type,
                       const struct json *node, const struct path *path)
{
    int64_t seconds;
    int32_t nanos;

    (void)type;
    if (node->type != JSON_STRING || !time_parse(node->text, &seconds, &nanos))
        return writer_misfit(w, node, path, "a time of RFC 3339");
    put_seconds(w, seconds, 0);
    return true;
}

static bool write_micro_time(struct transcoder_writer *w, const struct message_type *type,
                             const struct json *node, const struct path *path)
{
    int64_t seconds;
    int32_t nanos;

    (void)type;
    if (node->type != JSON_STRING || !time_parse(node->text, &seconds, &nanos))
        return writer_misfit(w, node, path, "a time of RFC 3339");
    put_seconds(w, seconds, nanos);
    return true;
}

static bool write_duration(struct transcoder_writer *w, const struct message_type *type,
                           const struct json *node, const struct path *path)
{
    int64_t nanos;

    (void)type;
    if (node->type != JSON_STRING || !duration_parse(node->text, &nanos))
        return writer_misfit(w, node, path, "a duration");
    wire_put_number(&w->wire, 1, (uint64_t)nanos);
    return true;
}

/* ---- JSON inside ---- */

static bool write_raw(struct transcoder_writer *w, const struct message_type *type,
                      const struct json *node, const struct path *path)
{
    (void)type;
    if (json_is_deeper(node, JSON_DEPTH_MAX)) /* a tree that was built: no reader would take it */
        return writer_misfit(w, node, path, "fewer levels of JSON");
    w->text.len = 0;
    json_write(&w->text, node, false);
    wire_put_bytes(&w->wire, 1, buf_bytes(&w->text));
    return true;
}

/* ---- of apiextensions ---- */

static bool write_schema_or_bool(struct transcoder_writer *w, const struct message_type *type,
                                 const struct json *node, const struct path *path)
{
    bool allows = node->type == JSON_OBJECT || json_is_true(node);

    if (node->type == JSON_OBJECT) {
        if (!write_message(w, message_field_by_id(type, 2)->message, 2, node, path))
            return false;
    } else if (node->type != JSON_BOOL) {
        return writer_misfit(w, node, path, "a boolean or a schema");
    }
    wire_put_number(&w->wire, 1, allows);
    return true;
}

static bool write_schema_or_list(struct transcoder_writer *w, const struct message_type *type,
                                 const struct json *node, const struct path *path)
{
    if (node->type == JSON_ARRAY)
        return write_array(w, message_field_by_id(type, 2), node, path);
    return write_message(w, message_field_by_id(type, 1)->message, 1, node, path);
}

write_form *const write_forms[FORM_COUNT] = {
    [FORM_LIST] = write_list,
    [FORM_QUANTITY] = write_quantity,
    [FORM_INT_OR_STRING] = write_int_or_string,
    [FORM_TIME] = write_time,
    [FORM_MICRO_TIME] = write_micro_time,
    [FORM_DURATION] = write_duration,
    [FORM_RAW] = write_raw,
    [FORM_SCHEMA_OR_BOOL] = write_schema_or_bool,
    [FORM_SCHEMA_OR_ARRAY] = write_schema_or_list,
    [FORM_SCHEMA_OR_STRINGS] = write_schema_or_list,
};
