#include "apiserver/registry/custom_kind.h"

#include <stdlib.h>

#include "apiserver/registry/crd_parts.h"
#include "codec/jsonpath.h"

/* The C string of a member; "" if it is none. */
static const char *text_of(struct arena *arena, const struct json *object, const char *member)
{
    return arena_str(arena, json_get_text(object, member));
}

/* A NULL-terminated copy of an array of strings; NULL if there are none. */
static const char *const *texts_of(struct arena *arena, const struct json *array)
{
    const char **texts;
    size_t count = 0;

    if (!json_is(array, JSON_ARRAY) || array->count == 0)
        return NULL;
    texts = arena_zalloc(arena, ((size_t)array->count + 1) * sizeof(*texts));
    if (texts == NULL)
        return NULL;
    json_each(array, item)
        texts[count++] = arena_str(arena, json_text(item));
    return texts;
}

static void set_names(struct custom_kind *custom, const struct json *spec, const struct json *names,
                      struct bytes version)
{
    struct kind *kind = &custom->kind;
    struct arena *arena = &custom->arena;

    kind->group = text_of(arena, spec, "group");
    kind->version = arena_str(arena, version);
    kind->kind = text_of(arena, names, "kind");
    kind->list_kind = text_of(arena, names, "listKind");
    kind->plural = text_of(arena, names, "plural");
    kind->singular = text_of(arena, names, "singular");
    kind->short_names = texts_of(arena, json_get(names, BYTES("shortNames")));
    kind->categories = texts_of(arena, json_get(names, BYTES("categories")));
    kind->api_version = arena_printf(arena, "%s/%s", kind->group, kind->version).ptr;
    kind->group_resource = arena_printf(arena, "%s.%s", kind->plural, kind->group).ptr;
    kind->prefix = arena_printf(arena, "custom/%s/%s/", kind->group, kind->plural).ptr;
    kind->namespaced = bytes_eq_str(json_get_text(spec, "scope"), "Namespaced");
    custom->resource_key =
        arena_printf(arena, "%s/%s/%s", kind->group, kind->version, kind->plural);
    custom->kind_key = arena_printf(arena, "%s/%s/%s", kind->group, kind->version, kind->kind);
}

static const struct column column_name = {"Name", "string",         "name", "Name of the object.",
                                          0,      ".metadata.name", NULL};
static const struct column column_age = {
    "Age", "date", "", "When the server created the object.", 0, ".metadata.creationTimestamp",
    NULL};

/* Name, then additionalPrinterColumns, or the age where there are none. */
static void set_columns(struct custom_kind *custom, const struct json *columns)
{
    size_t count = json_is(columns, JSON_ARRAY) && columns->count > 0 ? columns->count : 1, at = 0;
    struct column *table = arena_zalloc(&custom->arena, (count + 1) * sizeof(*table));
    struct arena *arena = &custom->arena;

    if (table == NULL)
        return;
    table[at++] = column_name;
    json_each(columns, it) {
        int64_t priority;
        struct bytes path = json_get_text(it, "jsonPath");
        struct bytes description = json_get_text(it, "description");

        if (!json_to_i64(json_get(it, BYTES("priority")), &priority))
            priority = 0;
        if (description.len == 0)
            description =
                arena_printf(arena, "Custom resource definition column (in JSONPath format): %.*s",
                             BYTES_FMT(path));
        table[at++] = (struct column){
            .name = text_of(arena, it, "name"),
            .type = text_of(arena, it, "type"),
            .format = text_of(arena, it, "format"),
            .description = arena_str(arena, description),
            .priority = (int32_t)priority,
            .path = arena_str(arena, path),
        };
    }
    if (at == 1)
        table[at++] = column_age;
    custom->kind.columns = table;
    custom->kind.column_count = at;
}

/* ".spec.color" is selected as "spec.color". */
static void set_fields(struct custom_kind *custom, const struct json *selectable)
{
    struct object_field *fields;
    size_t count = 0;

    if (!json_is(selectable, JSON_ARRAY) || selectable->count == 0)
        return;
    fields = arena_zalloc(&custom->arena, selectable->count * sizeof(*fields));
    if (fields == NULL)
        return;
    json_each(selectable, it) {
        struct bytes path = json_get_text(it, "jsonPath");
        const char *text = arena_str(&custom->arena, bytes_from(path, 1));

        if (path.len > 1 && path.ptr[0] == '.')
            fields[count++] = (struct object_field){text, text, ""};
    }
    custom->kind.fields = fields;
    custom->kind.field_count = count;
}

static void set_subresources(struct custom_kind *custom, const struct json *subresources)
{
    const struct json *scale = json_get(subresources, BYTES("scale"));
    struct arena *arena = &custom->arena;

    custom->kind.has_status = json_is(json_get(subresources, BYTES("status")), JSON_OBJECT);
    custom->kind.has_scale = json_is(scale, JSON_OBJECT);
    if (!custom->kind.has_scale)
        return;
    custom->scale.spec_replicas = text_of(arena, scale, "specReplicasPath");
    custom->scale.status_replicas = text_of(arena, scale, "statusReplicasPath");
    custom->scale.label_selector = text_of(arena, scale, "labelSelectorPath");
}

static void set_deprecation(struct custom_kind *custom, const struct json *version)
{
    struct bytes warning = json_get_text(version, "deprecationWarning");
    struct kind *kind = &custom->kind;

    kind->deprecated = json_is_true(json_get(version, BYTES("deprecated")));
    if (!kind->deprecated)
        return;
    kind->deprecation_warning =
        warning.len > 0
            ? arena_str(&custom->arena, warning)
            : arena_printf(&custom->arena, "%s %s is deprecated", kind->api_version, kind->kind)
                  .ptr;
}

static void set_info(struct custom_kind *custom, const struct json *spec)
{
    struct custom_info *info = &custom->info;

    info->crd_key =
        arena_printf(&custom->arena, "apiextensions.k8s.io/customresourcedefinitions/%.*s",
                     BYTES_FMT(custom->crd->name));
    info->crd_rev = custom->crd->base.rev;
    info->terminating = custom->crd->deletion_timestamp.len > 0;
    info->storage_api_version = custom->kind.api_version;
    json_each(json_get(spec, BYTES("versions")), it) {
        if (json_is_true(json_get(it, BYTES("storage"))))
            info->storage_api_version = arena_printf(&custom->arena, "%s/%.*s", custom->kind.group,
                                                     BYTES_FMT(json_get_text(it, "name")))
                                            .ptr;
    }
}

/* Of a schema that has no messages the objects are JSON alone. */
static bool set_messages(struct custom_kind *custom, const struct json *crd,
                         const struct json *version)
{
    enum status st = crd_messages(crd, version, &custom->messages, NULL);

    custom->info.numbered = custom->messages != NULL && crd_has_numbers(crd);
    return st != STATUS_NO_MEMORY;
}

static struct custom_kind *make(const struct object *crd, const struct json *tree,
                                const struct json *names, const struct json *version)
{
    const struct json *spec = json_get(tree, BYTES("spec"));
    struct custom_kind *custom = calloc(1, sizeof(*custom));

    if (custom == NULL)
        return NULL;
    atomic_init(&custom->refs, 1);
    custom->crd = (struct object *)(uintptr_t)crd; /* const for readers; counting is not changing */
    object_ref(custom->crd);
    custom->kind.custom = true;
    custom->kind.has_generation = true;
    custom->kind.of = custom;
    custom->kind.crd_rev = crd->base.rev;
    set_names(custom, spec, names, json_get_text(version, "name"));
    set_columns(custom, json_get(version, BYTES("additionalPrinterColumns")));
    set_fields(custom, json_get(version, BYTES("selectableFields")));
    set_subresources(custom, json_get(version, BYTES("subresources")));
    set_deprecation(custom, version);
    set_info(custom, spec);
    if (set_messages(custom, tree, version) && !custom->arena.failed)
        return custom;
    custom_kind_unref(custom);
    return NULL;
}

void custom_kind_ref(const struct custom_kind *custom)
{
    atomic_fetch_add_explicit(&((struct custom_kind *)(uintptr_t)custom)->refs, 1,
                              memory_order_relaxed);
}

void custom_kind_unref(const struct custom_kind *custom)
{
    struct custom_kind *mine = (struct custom_kind *)(uintptr_t)custom;

    if (mine == NULL || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
        return;
    object_unref(mine->crd);
    custom_messages_free(mine->messages);
    arena_release(&mine->arena);
    free(mine);
}

const struct message_type *custom_kind_message(const struct custom_kind *custom, bool list)
{
    if (custom->messages == NULL)
        return NULL;
    return list ? custom_messages_list(custom->messages) : custom_messages_kind(custom->messages);
}

static bool is_established(const struct json *crd)
{
    json_each(json_at(crd, "status", "conditions", NULL), condition) {
        if (bytes_eq_str(json_get_text(condition, "type"), "Established"))
            return bytes_eq_str(json_get_text(condition, "status"), "True");
    }
    return false;
}

bool custom_kinds_make(const struct object *crd, struct list *kinds)
{
    struct arena arena = {0};
    struct json *tree;
    enum status st = object_to_json(crd, 0, bytes_of(NULL, 0), &arena, &tree);

    if (st != STATUS_OK || !is_established(tree))
        goto out;
    const struct json *spec = json_get(tree, BYTES("spec"));
    const struct json *names = json_at(tree, "status", "acceptedNames", NULL);

    if (json_get_text(names, "plural").len == 0)
        names = json_get(spec, BYTES("names"));
    json_each(json_get(spec, BYTES("versions")), version) {
        struct custom_kind *custom;

        if (!json_is_true(json_get(version, BYTES("served"))))
            continue;
        custom = make(crd, tree, names, version);
        if (custom == NULL) {
            st = STATUS_NO_MEMORY;
            goto out;
        }
        list_append(kinds, &custom->link);
    }
out:
    arena_release(&arena);
    return st != STATUS_NO_MEMORY;
}

void custom_kinds_release(struct list *kinds)
{
    list_for_each(kinds, it) {
        list_remove(it);
        custom_kind_unref(list_entry(it, struct custom_kind, link));
    }
}

const struct json *custom_kind_version(const struct custom_kind *custom, struct arena *arena)
{
    struct json *tree;

    if (object_to_json(custom->crd, 0, bytes_of(NULL, 0), arena, &tree) != STATUS_OK)
        return NULL;
    json_each(json_at(tree, "spec", "versions", NULL), version) {
        if (bytes_eq_str(json_get_text(version, "name"), custom->kind.version))
            return version;
    }
    return NULL;
}

/* ---- field selectors ----
 * The fields of a custom kind change with its CRD while objects stay, so their values are read off
 * the object's JSON, not off its index. */

static bool value_is(const struct json *node, struct bytes expected)
{
    switch (node != NULL ? node->type : JSON_NULL) {
    case JSON_STRING:
    case JSON_NUMBER:
        return bytes_eq(node->text, expected);
    case JSON_BOOL:
        return bytes_eq_str(expected, node->boolean ? "true" : "false");
    default:
        return expected.len == 0;
    }
}

static bool term_holds(const struct object *object, const struct json *tree,
                       const struct field_term *term)
{
    struct jsonpath path;
    const struct json *node = NULL;
    bool equal;

    if (bytes_eq_str(term->field, "metadata.name"))
        equal = bytes_eq(object->name, term->value);
    else if (bytes_eq_str(term->field, "metadata.namespace"))
        equal = bytes_eq(object->namespace, term->value);
    else {
        if (jsonpath_parse(term->field, &path, NULL) == STATUS_OK)
            node = jsonpath_first(&path, tree);
        equal = value_is(node, term->value);
    }
    return equal != term->negated;
}

static bool needs_tree(const struct field_selector *selector)
{
    for (size_t i = 0; i < selector->count; i++) {
        if (!bytes_starts_with(selector->terms[i].field, BYTES("metadata.")))
            return true;
    }
    return false;
}

bool custom_kind_matches_fields(const struct kind *kind, const struct object *object,
                                const struct field_selector *selector)
{
    struct arena arena = {0};
    struct json *tree = NULL;
    bool holds = true;

    for (size_t i = 0; i < selector->count && holds; i++)
        holds = kind_has_field(kind, selector->terms[i].field);
    if (holds && needs_tree(selector))
        holds = object_to_json(object, 0, bytes_of(NULL, 0), &arena, &tree) == STATUS_OK;
    for (size_t i = 0; i < selector->count && holds; i++)
        holds = term_holds(object, tree, &selector->terms[i]);
    arena_release(&arena);
    return holds;
}
