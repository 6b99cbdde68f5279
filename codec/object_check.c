/*
 * The types that metadata must have: ObjectMeta, OwnerReference and ManagedFieldsEntry of
 * k8s.io/apimachinery/pkg/apis/meta/v1/types.go as data. Messages are those of encoding/json's
 * UnmarshalTypeError (Go src/encoding/json/decode.go); null is the zero value everywhere, as there.
 */
#include <stdio.h>

#include "base/clock.h"
#include "codec/object_image.h"

enum shape {
    SHAPE_TEXT,
    SHAPE_INT,
    SHAPE_BOOL,
    SHAPE_TIME,
    SHAPE_TEXT_MAP,
    SHAPE_TEXTS,
    SHAPE_STRUCTS
};

struct field_rule {
    const char *name;
    enum shape shape;
    const char *type;    /* Go's name of it */
    const char *element; /* SHAPE_STRUCTS: Go's name of an element, without its package */
    const struct field_rule *fields;
};

static const struct field_rule owner_fields[] = {
    {.name = "apiVersion", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "kind", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "name", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "uid", .shape = SHAPE_TEXT, .type = "types.UID"},
    {.name = "controller", .shape = SHAPE_BOOL, .type = "bool"},
    {.name = "blockOwnerDeletion", .shape = SHAPE_BOOL, .type = "bool"},
    {0},
};

static const struct field_rule managed_fields[] = {
    {.name = "manager", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "operation", .shape = SHAPE_TEXT, .type = "v1.ManagedFieldsOperationType"},
    {.name = "apiVersion", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "time", .shape = SHAPE_TIME, .type = "string"},
    {.name = "fieldsType", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "subresource", .shape = SHAPE_TEXT, .type = "string"},
    {0},
};

static const struct field_rule metadata_fields[] = {
    {.name = "name", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "generateName", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "namespace", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "selfLink", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "uid", .shape = SHAPE_TEXT, .type = "types.UID"},
    {.name = "resourceVersion", .shape = SHAPE_TEXT, .type = "string"},
    {.name = "generation", .shape = SHAPE_INT, .type = "int64"},
    {.name = "creationTimestamp", .shape = SHAPE_TIME, .type = "string"},
    {.name = "deletionTimestamp", .shape = SHAPE_TIME, .type = "string"},
    {.name = "deletionGracePeriodSeconds", .shape = SHAPE_INT, .type = "int64"},
    {.name = "labels", .shape = SHAPE_TEXT_MAP, .type = "map[string]string"},
    {.name = "annotations", .shape = SHAPE_TEXT_MAP, .type = "map[string]string"},
    {.name = "ownerReferences",
     .shape = SHAPE_STRUCTS,
     .type = "[]v1.OwnerReference",
     .element = "OwnerReference",
     .fields = owner_fields},
    {.name = "finalizers", .shape = SHAPE_TEXTS, .type = "[]string"},
    {.name = "managedFields",
     .shape = SHAPE_STRUCTS,
     .type = "[]v1.ManagedFieldsEntry",
     .element = "ManagedFieldsEntry",
     .fields = managed_fields},
    {0},
};

/* Where a check is, for its words: "ObjectMeta", "metadata.", then the field. */
struct place {
    const char *type, *prefix, *field;
};

static enum status wrong_type(const struct json *node, struct place place, const char *type,
                              struct error *reterr)
{
    static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
    bool is_number = node->type == JSON_NUMBER && strcmp(type, "int64") == 0;

    return error_set(reterr, STATUS_BAD_REQUEST,
                     "json: cannot unmarshal %s%s%.*s into Go struct field %s.%s%s of type %s",
                     names[node->type], is_number ? " " : "",
                     is_number ? (int)(node->text.len < 64 ? node->text.len : 64) : 0,
                     is_number ? node->text.ptr : "", place.type, place.prefix, place.field, type);
}

/* metav1.Time reads its own JSON, so the field is not in the message (meta/v1/time.go). */
static enum status check_time(const struct json *node, struct error *reterr)
{
    int64_t wall_s;

    if (node->type != JSON_STRING)
        return error_set(
            reterr, STATUS_BAD_REQUEST, "json: cannot unmarshal %s into Go value of type string",
            node->type == JSON_BOOL ? "bool" : json_type_name((enum json_type)node->type));
    if (!rfc3339_parse(node->text, &wall_s))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "parsing time \"%.*s\" as \"2006-01-02T15:04:05Z07:00\": not a time of "
                         "RFC 3339",
                         (int)(node->text.len < 64 ? node->text.len : 64), node->text.ptr);
    return STATUS_OK;
}

static enum status check_texts(const struct json *node, enum json_type container,
                               struct place place, const char *type, struct error *reterr)
{
    if (node->type != container)
        return wrong_type(node, place, type, reterr);
    json_each(node, it)
        if (it->type != JSON_STRING && it->type != JSON_NULL)
            return wrong_type(it, place, "string", reterr);
    return STATUS_OK;
}

static enum status check_structs(const struct json *node, struct place place,
                                 const struct field_rule *rule, struct error *reterr);

static enum status check_field(const struct json *node, struct place place,
                               const struct field_rule *rule, struct error *reterr)
{
    int64_t n;
    bool good = true;

    if (node == NULL || node->type == JSON_NULL)
        return STATUS_OK;
    switch (rule->shape) {
    case SHAPE_TEXT:
        good = node->type == JSON_STRING;
        break;
    case SHAPE_INT:
        good = json_to_i64(node, &n);
        break;
    case SHAPE_BOOL:
        good = node->type == JSON_BOOL;
        break;
    case SHAPE_TIME:
        return check_time(node, reterr);
    case SHAPE_TEXT_MAP:
        return check_texts(node, JSON_OBJECT, place, rule->type, reterr);
    case SHAPE_TEXTS:
        return check_texts(node, JSON_ARRAY, place, rule->type, reterr);
    case SHAPE_STRUCTS:
        return check_structs(node, place, rule, reterr);
    }
    return good ? STATUS_OK : wrong_type(node, place, rule->type, reterr);
}

/* All fields of one struct. `type` and `prefix` are as in struct place. */
static enum status check_struct(const struct json *node, const char *type, const char *prefix,
                                const struct field_rule *fields, struct error *reterr)
{
    for (const struct field_rule *rule = fields; rule->name != NULL; rule++) {
        enum status st = check_field(json_get(node, bytes_str(rule->name)),
                                     (struct place){type, prefix, rule->name}, rule, reterr);

        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

static enum status check_structs(const struct json *node, struct place place,
                                 const struct field_rule *rule, struct error *reterr)
{
    char prefix[64];

    if (node->type != JSON_ARRAY)
        return wrong_type(node, place, rule->type, reterr);
    snprintf(prefix, sizeof(prefix), "%s%s.", place.prefix, place.field);
    json_each(node, it) {
        enum status st = STATUS_OK;

        if (it->type == JSON_OBJECT)
            st = check_struct(it, rule->element, prefix, rule->fields, reterr);
        else if (it->type != JSON_NULL)
            st = wrong_type(it, place, rule->type + strlen("[]"), reterr);
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

/* apiVersion or kind: a text that is not empty. `go_name` is the field's name in TypeMeta. */
static enum status check_type_meta(const struct json *tree, const char *name, const char *go_name,
                                   struct error *reterr)
{
    const struct json *node = json_get(tree, bytes_str(name));

    if (node != NULL && node->type != JSON_NULL && node->type != JSON_STRING)
        return wrong_type(node, (struct place){"", "", name}, "string", reterr);
    if (json_text(node).len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST, "Object '%s' is missing", go_name);
    return STATUS_OK;
}

enum status object_check(const struct json *tree, struct error *reterr)
{
    const struct json *metadata = json_get(tree, BYTES("metadata"));
    enum status st;

    if (!json_is(tree, JSON_OBJECT))
        return error_set(reterr, STATUS_BAD_REQUEST, "json: cannot unmarshal %s into an object",
                         tree != NULL ? json_type_name((enum json_type)tree->type) : "nothing");
    st = check_type_meta(tree, "kind", "Kind", reterr);
    if (st == STATUS_OK)
        st = check_type_meta(tree, "apiVersion", "apiVersion", reterr);
    if (st != STATUS_OK || metadata == NULL || metadata->type == JSON_NULL)
        return st;
    if (metadata->type != JSON_OBJECT) {
        char kind[64];

        snprintf(kind, sizeof(kind), "%.*s", BYTES_FMT(json_get_text(tree, "kind")));
        return wrong_type(metadata, (struct place){kind, "", "metadata"}, "v1.ObjectMeta", reterr);
    }
    return check_struct(metadata, "ObjectMeta", "metadata.", metadata_fields, reterr);
}
