#include "codec/message_check.h"

#include <protobuf-c/protobuf-c.h>

#include "base/base64.h"
#include "codec/quantity.h"
#include "codec/transcoder_path.h"
#include "codec/transcoder_times.h"
#include "codec/transcoder_types.h"

struct check {
    struct transcoder_report *report;
    struct error *reterr;
    struct arena scratch;
    struct buf raw; /* what is in base64 */
};

/* Where the walk is. Errors name fields alone, reports elements and keys too. */
struct place {
    struct path step; /* first: place->step.up is the place above */
    const struct message_type *owner;
    const struct message_field *field; /* NULL: an element, an entry, or the root */
};

/* ---- Go's words ---- */

static const char *go_value(const struct json *node)
{
    return node->type == JSON_BOOL ? "bool" : json_type_name((enum json_type)node->type);
}

static void write_go_fields(struct buf *out, const struct place *place)
{
    if (place == NULL)
        return;
    write_go_fields(out, (const struct place *)place->step.up);
    if (place->field != NULL)
        buf_appendf(out, ".%.*s", BYTES_FMT(place->field->json_name));
}

/* The struct of a message, with the package that Go's import has: `v1.Container`. */
static void write_go_struct(struct buf *out, const struct message_type *type)
{
    const ProtobufCMessageDescriptor *d = type->descriptor;
    struct bytes package = bytes_str(d->package_name);
    size_t from = package.len;

    while (from != 0 && package.ptr[from - 1] != '.')
        from--;
    buf_append_bytes(out, bytes_from(package, from));
    buf_appendf(out, ".%s", d->short_name);
}

static void write_go_element(struct buf *out, const struct message_field *field)
{
    static const char *const names[] = {
        [TYPE_STRING] = "string", [TYPE_BYTES] = "[]uint8", [TYPE_BOOL] = "bool",
        [TYPE_INT32] = "int32",   [TYPE_INT64] = "int64",   [TYPE_DOUBLE] = "float64"};

    if (field->type == TYPE_MESSAGE)
        write_go_struct(out, field->message);
    else
        buf_append_str(out, names[field->type]);
}

static void write_go_type(struct buf *out, const struct message_field *field, bool whole)
{
    if (whole && field->flags & FIELD_MAP) {
        buf_append_str(out, "map[string]");
        field = message_field_by_id(field->message, 2);
    } else if (whole && field->flags & FIELD_REPEATED) {
        buf_append_str(out, "[]");
    }
    write_go_element(out, field);
}

/* `node` is no value of `field`; or, `whole`, no list or map of them. */
static enum status misfit(struct check *c, const struct message_field *field, bool whole,
                          const struct json *node, const struct place *place)
{
    const struct place *of = place;
    struct buf text = {0};

    while (of->field == NULL) /* values are below a field always */
        of = (const struct place *)of->step.up;
    buf_appendf(&text, "json: cannot unmarshal %s", go_value(node));
    if (node->type == JSON_NUMBER && (field->type == TYPE_INT32 || field->type == TYPE_INT64) &&
        !whole)
        buf_appendf(&text, " %.*s", BYTES_FMT(node->text));
    buf_appendf(&text, " into Go struct field %s", of->owner->descriptor->short_name);
    write_go_fields(&text, place);
    buf_append_str(&text, " of type ");
    write_go_type(&text, field, whole);
    error_set(c->reterr, STATUS_BAD_REQUEST, "%.*s", BYTES_FMT(buf_bytes(&text)));
    buf_release(&text);
    return STATUS_BAD_REQUEST;
}

/* ---- forms: what Go's types read by methods of their own ---- */

static enum status not_into(struct check *c, const struct json *node, const char *type)
{
    return error_set(c->reterr, STATUS_BAD_REQUEST,
                     "json: cannot unmarshal %s into Go value of type %s", go_value(node), type);
}

static enum status check_quantity(struct check *c, const struct json *node)
{
    if (node->type > JSON_STRING)
        return not_into(c, node, "resource.Quantity");
    if (node->type != JSON_BOOL && quantity_is(node->text))
        return STATUS_OK;
    return error_set(c->reterr, STATUS_BAD_REQUEST,
                     "quantities must match the regular expression "
                     "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

static enum status check_int_or_string(struct check *c, const struct json *node)
{
    int64_t n;

    if (node->type == JSON_STRING || (json_to_i64(node, &n) && n == (int32_t)n))
        return STATUS_OK;
    return not_into(c, node, "int32");
}

static enum status check_time(struct check *c, const struct json *node, const char *layout)
{
    int64_t seconds;
    int32_t nanos;

    if (node->type != JSON_STRING)
        return not_into(c, node, "string");
    if (time_parse(node->text, &seconds, &nanos))
        return STATUS_OK;
    return error_set(c->reterr, STATUS_BAD_REQUEST, "parsing time \"%.*s\" as \"%s\"",
                     BYTES_FMT(node->text), layout);
}

static enum status check_duration(struct check *c, const struct json *node)
{
    int64_t nanos;

    if (node->type != JSON_STRING)
        return not_into(c, node, "string");
    if (duration_parse(node->text, &nanos))
        return STATUS_OK;
    return error_set(c->reterr, STATUS_BAD_REQUEST, "time: invalid duration \"%.*s\"",
                     BYTES_FMT(node->text));
}

static enum status check_bytes(struct check *c, const struct message_field *field,
                               const struct json *node, const struct place *place)
{
    struct buf where = {0};

    if (node->type != JSON_STRING)
        return misfit(c, field, false, node, place);
    c->raw.len = 0;
    if (base64_decode(&c->raw, base64_join_lines(&c->scratch, node->text), BASE64_STANDARD))
        return STATUS_OK;
    if (c->raw.failed || c->scratch.failed)
        return error_set(c->reterr, STATUS_NO_MEMORY, "out of memory");
    path_write(&where, &place->step);
    error_set(c->reterr, STATUS_BAD_REQUEST, "illegal base64 data in %.*s",
              BYTES_FMT(buf_bytes(&where)));
    buf_release(&where);
    return STATUS_BAD_REQUEST;
}

/* ---- the walk ---- */

static enum status check_fields(struct check *c, const struct message_type *type,
                                struct json *object, const struct place *place);
static enum status check_element(struct check *c, const struct message_field *field,
                                 struct json *node, const struct place *place);

static enum status check_elements(struct check *c, const struct message_field *field,
                                  struct json *array, const struct place *place)
{
    struct place step = {.step = {.up = &place->step}};
    enum status st = STATUS_OK;

    json_each(array, it) {
        if (st == STATUS_OK)
            st = check_element(c, field, it, &step);
        step.step.index++;
    }
    return st;
}

static enum status check_entries(struct check *c, const struct message_field *field,
                                 struct json *map, const struct place *place)
{
    const struct message_field *value = message_field_by_id(field->message, 2);
    enum status st = STATUS_OK;

    json_each(map, it) {
        struct place step = {.step = {.up = &place->step, .name = it->key}};

        if (st == STATUS_OK)
            st = check_element(c, value, it, &step);
    }
    return st;
}

/* A schema, or a list of schemas or names (JSONSchemaPropsOrArray, ..OrStringArray). */
static enum status check_schema_or_list(struct check *c, const struct message_type *type,
                                        struct json *node, const struct place *place)
{
    if (node->type == JSON_ARRAY)
        return check_elements(c, message_field_by_id(type, 2), node, place);
    return check_element(c, message_field_by_id(type, 1), node, place);
}

static enum status check_message(struct check *c, const struct message_field *field,
                                 struct json *node, const struct place *place)
{
    const struct message_type *type = field->message;

    switch (type->form) {
    case FORM_OBJECT:
        if (node->type != JSON_OBJECT)
            return misfit(c, field, false, node, place);
        return check_fields(c, type, node, place);
    case FORM_LIST:
        if (node->type != JSON_ARRAY)
            return misfit(c, field, false, node, place);
        return check_elements(c, &type->fields[0], node, place);
    case FORM_QUANTITY:
        return check_quantity(c, node);
    case FORM_INT_OR_STRING:
        return check_int_or_string(c, node);
    case FORM_TIME:
        return check_time(c, node, "2006-01-02T15:04:05Z07:00");
    case FORM_MICRO_TIME:
        return check_time(c, node, "2006-01-02T15:04:05.000000Z07:00");
    case FORM_DURATION:
        return check_duration(c, node);
    case FORM_SCHEMA_OR_BOOL:
        if (node->type == JSON_BOOL)
            return STATUS_OK;
        return check_element(c, message_field_by_id(type, 2), node, place);
    case FORM_SCHEMA_OR_ARRAY:
    case FORM_SCHEMA_OR_STRINGS:
        return check_schema_or_list(c, type, node, place);
    case FORM_RAW:
    case FORM_COUNT:
        break;
    }
    return STATUS_OK;
}

static enum status check_integer(struct check *c, const struct message_field *field,
                                 const struct json *node, const struct place *place)
{
    int64_t n;

    if (node->type != JSON_NUMBER || !json_to_i64(node, &n) ||
        (field->type == TYPE_INT32 && n != (int32_t)n))
        return misfit(c, field, false, node, place);
    return STATUS_OK;
}

/* A value that stands alone, in a list or in a map. */
static enum status check_element(struct check *c, const struct message_field *field,
                                 struct json *node, const struct place *place)
{
    static const enum json_type types[] = {
        [TYPE_STRING] = JSON_STRING, [TYPE_BOOL] = JSON_BOOL, [TYPE_DOUBLE] = JSON_NUMBER};

    if (node->type == JSON_NULL)
        return STATUS_OK;
    switch ((enum field_type)field->type) {
    case TYPE_INT32:
    case TYPE_INT64:
        return check_integer(c, field, node, place);
    case TYPE_MESSAGE:
        return check_message(c, field, node, place);
    case TYPE_BYTES:
        return check_bytes(c, field, node, place);
    case TYPE_STRING:
    case TYPE_BOOL:
    case TYPE_DOUBLE:
        break;
    }
    return node->type == types[field->type] ? STATUS_OK : misfit(c, field, false, node, place);
}

static enum status check_field(struct check *c, const struct message_field *field,
                               struct json *node, const struct place *place)
{
    if (node->type == JSON_NULL)
        return STATUS_OK;
    if (field->flags & FIELD_MAP)
        return node->type == JSON_OBJECT ? check_entries(c, field, node, place)
                                         : misfit(c, field, true, node, place);
    if (field->flags & FIELD_REPEATED)
        return node->type == JSON_ARRAY ? check_elements(c, field, node, place)
                                        : misfit(c, field, true, node, place);
    return check_element(c, field, node, place);
}

/* apiVersion and kind are in the envelope of a message, or known from the kind around it. */
static bool is_type_meta(const struct message_type *type, struct bytes name,
                         const struct place *place)
{
    return (type->has_metadata || place->step.up == NULL) &&
           (bytes_eq_str(name, "apiVersion") || bytes_eq_str(name, "kind"));
}

static enum status check_fields(struct check *c, const struct message_type *type,
                                struct json *object, const struct place *place)
{
    enum status st = STATUS_OK;
    struct json *next;

    for (struct json *it = json_first(object); it != NULL && st == STATUS_OK; it = next) {
        const struct message_field *field = message_find_member(type, it->key);
        struct place step = {{&place->step, it->key, 0}, type, field};

        next = it->next;
        if (field != NULL) {
            st = check_field(c, field, it, &step);
        } else if (!is_type_meta(type, it->key, place)) {
            path_report(c->report, &step.step);
            json_remove(object, it->key);
        }
    }
    return st;
}

enum status message_check(const struct message_type *type, struct json *tree,
                          struct transcoder_report *report, struct error *reterr)
{
    struct check c = {.report = report, .reterr = reterr};
    struct place root = {0};
    enum status st = check_fields(&c, type, tree, &root);

    arena_release(&c.scratch);
    buf_release(&c.raw);
    return st;
}
