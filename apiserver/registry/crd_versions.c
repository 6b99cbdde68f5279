/* The checks of spec.versions (validateCustomResourceDefinitionVersion and below). */
#include "apiserver/registry/crd_parts.h"
#include "base/map.h"

static struct bytes below(struct field_errors *errors, struct bytes field, const char *rest)
{
    return arena_printf(errors->arena, "%.*s.%s", BYTES_FMT(field), rest);
}

static void check_schema(struct field_errors *errors, struct bytes field,
                         const struct json *version)
{
    const struct json *schema = json_at(version, "schema", "openAPIV3Schema", NULL);
    struct bytes type = json_get_text(schema, "type");

    if (!json_is(schema, JSON_OBJECT))
        field_required(errors, below(errors, field, "schema.openAPIV3Schema"),
                       "schemas are required");
    else if (type.len == 0)
        field_required(errors, below(errors, field, "schema.openAPIV3Schema.type"),
                       "must not be empty at the root");
    else if (!bytes_eq_str(type, "object"))
        field_invalid_text(errors, below(errors, field, "schema.openAPIV3Schema.type"), type,
                           "must be object at the root");
    if (json_is_true(json_get(schema, BYTES("nullable"))))
        field_forbidden(errors, below(errors, field, "schema.openAPIV3Schema.nullable"),
                        "nullable cannot be true at the root");
}

static void check_path(struct field_errors *errors, struct bytes field, struct bytes path,
                       const char *root, const char *other_root, const char *objection)
{
    if (path.ptr[0] != '.')
        field_invalid_text(errors, field, path, "must be a simple json path starting with .");
    else if (root != NULL && !bytes_starts_with(path, bytes_str(root)) &&
             !bytes_starts_with(path, bytes_str(other_root)))
        field_invalid_text(errors, field, path, objection);
}

static void check_scale(struct field_errors *errors, struct bytes field, const struct json *scale)
{
    static const struct {
        const char *member, *root, *other_root, *objection;
        bool required;
    } rules[] = {
        {"specReplicasPath", ".spec.", ".spec.", "should be a json path under .spec", true},
        {"statusReplicasPath", ".status.", ".status.", "should be a json path under .status", true},
        {"labelSelectorPath", ".spec.", ".status.",
         "should be a json path under either .spec or .status", false},
    };

    if (!json_is(scale, JSON_OBJECT))
        return;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct bytes path = json_get_text(scale, rules[i].member);
        struct bytes at = arena_printf(errors->arena, "%.*s.subresources.scale.%s",
                                       BYTES_FMT(field), rules[i].member);

        if (path.len > 0)
            check_path(errors, at, path, rules[i].root, rules[i].other_root, rules[i].objection);
        else if (rules[i].required)
            field_required(errors, at, "");
    }
}

static void check_column(struct field_errors *errors, struct bytes field, const struct json *column)
{
    static const char *const types[] = {"boolean", "date", "integer", "number", "string", NULL};
    static const char *const formats[] = {"byte",  "date",  "date-time", "double", "float",
                                          "int32", "int64", "password",  NULL};
    static const char types_text[] = "must be one of boolean,date,integer,number,string";
    struct bytes type = json_get_text(column, "type"), format = json_get_text(column, "format");
    struct bytes path = json_get_text(column, "jsonPath");

    if (json_get_text(column, "name").len == 0)
        field_required(errors, below(errors, field, "name"), "");
    if (type.len == 0)
        field_required(errors, below(errors, field, "type"), types_text);
    else if (!crd_is_one_of(type, types))
        field_invalid_text(errors, below(errors, field, "type"), type, types_text);
    if (format.len > 0 && !crd_is_one_of(format, formats))
        field_invalid_text(errors, below(errors, field, "format"), format,
                           "must be one of byte,date,date-time,double,float,int32,int64,password");
    if (path.len == 0)
        field_required(errors, below(errors, field, "jsonPath"), "");
    else
        check_path(errors, below(errors, field, "jsonPath"), path, NULL, NULL, "");
}

/* The schema at a dotted path below the root, or NULL. */
static const struct json *schema_at(const struct json *schema, struct bytes path)
{
    struct bytes rest = bytes_from(path, 1);

    while (schema != NULL && rest.len > 0)
        schema = json_get(json_get(schema, BYTES("properties")), bytes_cut(&rest, '.'));
    return schema;
}

static void check_selectable(struct field_errors *errors, struct bytes field,
                             const struct json *version)
{
    static const char *const types[] = {"string", "boolean", "integer", NULL};
    const struct json *fields = json_get(version, BYTES("selectableFields"));
    const struct json *root = json_at(version, "schema", "openAPIV3Schema", NULL);
    struct map seen = {0};
    size_t i = 0;

    json_each(fields, it) {
        struct bytes path = json_get_text(it, "jsonPath");
        struct bytes at = arena_printf(errors->arena, "%.*s.selectableFields[%zu].jsonPath",
                                       BYTES_FMT(field), i++);
        const struct json *schema = path.len > 0 ? schema_at(root, path) : NULL;

        if (path.len == 0)
            field_required(errors, at, "");
        else if (path.ptr[0] != '.' || schema == NULL)
            field_invalid_text(errors, at, path,
                               "is an invalid path: does not refer to a valid field");
        else if (bytes_starts_with(path, BYTES(".metadata")))
            field_invalid_text(errors, at, path, "must not point to fields in metadata");
        else if (!crd_is_one_of(json_get_text(schema, "type"), types))
            field_invalid_text(errors, at, path,
                               "must point to a field of type string, boolean or integer. Enum "
                               "string fields and strings with formats are allowed.");
        else if (map_get(&seen, path) != NULL)
            field_duplicate(errors, at, path);
        else
            (void)map_put(&seen, path, it);
    }
    if (seen.count > CRD_SELECTABLE_MAX)
        field_invalid(errors, below(errors, field, "selectableFields"), fields,
                      "must have at most 8 items");
    map_release(&seen);
}

static void check_deprecation(struct field_errors *errors, struct bytes field,
                              const struct json *version)
{
    const struct json *warning = json_get(version, BYTES("deprecationWarning"));
    struct bytes at = below(errors, field, "deprecationWarning");

    if (!json_is(warning, JSON_STRING))
        return;
    if (!json_is_true(json_get(version, BYTES("deprecated"))))
        field_invalid(errors, at, warning, "can only be set for deprecated versions");
    if (warning->text.len > 256)
        field_invalid(errors, at, warning, "must be <= 256 characters long");
    if (warning->text.len == 0)
        field_invalid(errors, at, warning, "must not be an empty string");
    for (size_t i = 0; i < warning->text.len; i++) {
        if ((unsigned char)warning->text.ptr[i] >= ' ' && warning->text.ptr[i] != 0x7f)
            continue;
        field_invalid(errors, at, warning, "must only contain printable UTF-8 characters");
        return;
    }
}

static void check_version(struct field_errors *errors, size_t index, const struct json *version)
{
    struct bytes field = arena_printf(errors->arena, "spec.versions[%zu]", index);
    size_t i = 0;

    crd_check_label(errors, below(errors, field, "name"), json_get_text(version, "name"));
    check_deprecation(errors, field, version);
    check_schema(errors, field, version);
    check_scale(errors, field, json_at(version, "subresources", "scale", NULL));
    json_each(json_get(version, BYTES("additionalPrinterColumns")), column)
        check_column(errors,
                     arena_printf(errors->arena, "%.*s.additionalPrinterColumns[%zu]",
                                  BYTES_FMT(field), i++),
                     column);
    check_selectable(errors, field, version);
}

void crd_check_versions(struct field_errors *errors, const struct json *versions)
{
    struct map names = {0};
    size_t index = 0, storage = 0;
    bool unique = true;

    json_each(versions, version) {
        struct bytes name = json_get_text(version, "name");

        storage += json_is_true(json_get(version, BYTES("storage"))) ? 1 : 0;
        unique = unique && map_get(&names, name) == NULL;
        if (name.len > 0)
            (void)map_put(&names, name, version);
        check_version(errors, index++, version);
    }
    map_release(&names);
    if (!unique)
        field_invalid(errors, BYTES("spec.versions"), versions,
                      "must contain unique version names");
    if (storage != 1)
        field_invalid(errors, BYTES("spec.versions"), versions,
                      "must have exactly one version marked as storage version");
}
