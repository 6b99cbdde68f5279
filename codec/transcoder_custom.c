#include "codec/transcoder_custom_types.h"

#include <stdlib.h>

#include "codec/transcoder_path.h"

enum {
    NUMBER_MAX = (1 << 29) - 1,
    RESERVED_FIRST = 19000, /* by protobuf, for itself */
    RESERVED_LAST = 19999,
    HASHED_FIRST = 20000,
    HASHED_END = 1 << 28, /* tags stay 5 bytes long */
};

struct builder {
    struct arena *arena;
    const struct json *numbers;
    struct error *reterr;
    enum status status;
    unsigned depth;
};

/* ---- numbers ---- */

static uint32_t number_of_name(struct bytes name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    return HASHED_FIRST + hash % (HASHED_END - HASHED_FIRST);
}

static bool number_is_valid(int64_t n)
{
    return n >= 1 && n <= NUMBER_MAX && (n < RESERVED_FIRST || n > RESERVED_LAST);
}

static uint32_t number_of_field(struct builder *b, const struct path *path)
{
    static const struct bytes fixed[] = {BYTES_INIT("metadata"), BYTES_INIT("spec"),
                                         BYTES_INIT("status")};
    const struct json *given;
    struct buf text = {0};
    int64_t n;

    for (uint32_t i = 0; path->up->up == NULL && i < ARRAY_LEN(fixed); i++)
        if (bytes_eq(path->name, fixed[i]))
            return i + 1;
    path_write(&text, path);
    given = json_get(b->numbers, buf_bytes(&text));
    buf_release(&text);
    if (given == NULL)
        return number_of_name(path->name);
    if (!json_to_i64(given, &n) || !number_is_valid(n)) {
        b->status = path_error(b->reterr, STATUS_INVALID, path, "no number of a protobuf field");
        return 0;
    }
    return (uint32_t)n;
}

/* ---- messages ---- */

static struct custom_message *new_message(struct builder *b, struct custom_message *parent,
                                          enum message_form form, size_t field_count)
{
    struct custom_message *message = arena_new(b->arena, struct custom_message);
    struct message_field *fields = arena_zalloc(b->arena, field_count * sizeof(*fields));

    if (message == NULL || fields == NULL)
        return NULL;
    message->type.form = form;
    message->type.fields = fields;
    message->type.field_count = (uint16_t)field_count;
    if (parent != NULL && parent->last != NULL)
        parent->last->next = message;
    else if (parent != NULL)
        parent->first = message;
    if (parent != NULL)
        parent->last = message;
    return message;
}

static struct message_field *fields_of(struct custom_message *message)
{
    return (struct message_field *)(uintptr_t)message->type.fields;
}

static int compare_ids(const void *a, const void *b)
{
    const struct message_field *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static bool finish_message(struct builder *b, struct custom_message *message,
                           const struct path *path)
{
    struct message_field *fields = fields_of(message);
    size_t count = message->type.field_count;
    uint16_t *by_name = arena_alloc(b->arena, count * sizeof(*by_name));

    if (by_name == NULL || b->status != STATUS_OK)
        return false;
    qsort(fields, count, sizeof(*fields), compare_ids);
    for (size_t i = 1; i < count; i++) {
        if (fields[i].id != fields[i - 1].id)
            continue;
        b->status = path_error(b->reterr, STATUS_INVALID, path,
                               "the fields \"%.*s\" and \"%.*s\" have the same number, %u",
                               BYTES_FMT(fields[i - 1].json_name), BYTES_FMT(fields[i].json_name),
                               fields[i].id);
        return false;
    }
    message_type_finish(&message->type, by_name);
    return true;
}

/* ---- what a schema asks for ---- */

static bool is_type(const struct json *schema, const char *type)
{
    return bytes_eq_str(json_get_text(schema, "type"), type);
}

static bool is_set(const struct json *schema, const char *flag)
{
    return json_is_true(json_get(schema, bytes_str(flag)));
}

/* Anything may be inside, or nothing is known of it. */
static bool is_open(const struct json *schema)
{
    return is_set(schema, "x-kubernetes-preserve-unknown-fields") ||
           is_set(schema, "x-kubernetes-embedded-resource");
}

static const struct json *properties_of(const struct json *schema)
{
    const struct json *properties = json_get(schema, BYTES("properties"));

    if (!is_type(schema, "object") || is_open(schema) || !json_is(properties, JSON_OBJECT) ||
        properties->count == 0 || properties->count > CUSTOM_FIELDS_MAX)
        return NULL;
    return properties;
}

/* The schema of a map's values, or of a list's items; NULL: it is no such thing. */
static const struct json *values_of(const struct json *schema)
{
    const struct json *values = json_get(schema, BYTES("additionalProperties"));

    if (!is_type(schema, "object") || is_open(schema) || !json_is(values, JSON_OBJECT) ||
        json_get(schema, BYTES("properties")) != NULL)
        return NULL;
    return values;
}

static const struct json *items_of(const struct json *schema)
{
    const struct json *items = json_get(schema, BYTES("items"));

    return is_type(schema, "array") && !is_open(schema) && json_is(items, JSON_OBJECT) ? items
                                                                                       : NULL;
}

static void set_message(struct builder *b, struct message_field *field,
                        const struct message_type *type)
{
    field->type = TYPE_MESSAGE;
    field->message = type;
    if (type == NULL && b->status == STATUS_OK)
        b->status = STATUS_NO_MEMORY;
}

static struct custom_message *build_object(struct builder *b, struct custom_message *parent,
                                           const struct json *properties, const struct path *path);

static void fill_value(struct builder *b, struct message_field *field, const struct json *schema,
                       struct custom_message *parent, const struct path *path);

/* A list inside of a list or map: a message that looks like one in JSON. */
static const struct message_type *build_list(struct builder *b, struct custom_message *parent,
                                             const struct json *items, const struct path *path)
{
    struct custom_message *list = new_message(b, parent, FORM_LIST, 1);
    struct message_field *field;

    if (list == NULL)
        return NULL;
    field = fields_of(list);
    *field = (struct message_field){.id = 1, .json_name = BYTES("items"), .flags = FIELD_REPEATED};
    fill_value(b, field, items, list, path);
    return finish_message(b, list, path) ? &list->type : NULL;
}

/* Entries are no message of the .proto, so that messages of their values stand in the parent. */
static const struct message_type *build_entry(struct builder *b, struct custom_message *parent,
                                              const struct json *values, const struct path *path)
{
    struct custom_message *entry = new_message(b, NULL, FORM_OBJECT, 2);
    struct message_field *fields;

    if (entry == NULL)
        return NULL;
    fields = fields_of(entry);
    fields[0] = (struct message_field){.id = 1, .json_name = BYTES("key"), .type = TYPE_STRING};
    fields[1] = (struct message_field){.id = 2, .json_name = BYTES("value")};
    fill_value(b, &fields[1], values, parent, path);
    return finish_message(b, entry, path) ? &entry->type : NULL;
}

static bool fill_scalar(struct message_field *field, const struct json *schema)
{
    static const struct {
        const char *name;
        enum field_type type;
    } scalars[] = {{"string", TYPE_STRING},
                   {"boolean", TYPE_BOOL},
                   {"integer", TYPE_INT64},
                   {"number", TYPE_DOUBLE}};

    for (size_t i = 0; !is_open(schema) && i < ARRAY_LEN(scalars); i++) {
        if (!is_type(schema, scalars[i].name))
            continue;
        field->type = (uint8_t)scalars[i].type;
        return true;
    }
    return false;
}

/* One value: of a field, an item, or an entry. */
static void fill_value(struct builder *b, struct message_field *field, const struct json *schema,
                       struct custom_message *parent, const struct path *path)
{
    const struct json *properties = properties_of(schema), *items = items_of(schema);
    struct custom_message *object;

    if (b->status != STATUS_OK)
        return;
    b->depth++;
    if (is_set(schema, "x-kubernetes-int-or-string")) {
        set_message(
            b, field,
            transcoder_find_message(BYTES("k8s.io.apimachinery.pkg.util.intstr.IntOrString")));
    } else if (properties != NULL && b->depth < CUSTOM_DEPTH_MAX) {
        object = build_object(b, parent, properties, path);
        set_message(b, field, object != NULL ? &object->type : NULL);
    } else if (items != NULL && b->depth < CUSTOM_DEPTH_MAX) {
        set_message(b, field, build_list(b, parent, items, path));
    } else if (!fill_scalar(field, schema)) {
        set_message(b, field,
                    transcoder_find_message(BYTES("k8s.io.apimachinery.pkg.runtime.RawExtension")));
    }
    b->depth--;
}

static void fill_field(struct builder *b, struct message_field *field, const struct json *schema,
                       struct custom_message *parent, const struct path *path)
{
    const struct json *items = items_of(schema), *values = values_of(schema);

    field->json_name = arena_dup(b->arena, path->name);
    field->id = number_of_field(b, path);
    if (path->up->up == NULL && bytes_eq_str(path->name, "metadata")) {
        set_message(
            b, field,
            transcoder_find_message(BYTES("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta")));
    } else if (items != NULL) {
        field->flags = FIELD_REPEATED;
        fill_value(b, field, items, parent, path);
    } else if (values != NULL) {
        field->flags = FIELD_REPEATED | FIELD_MAP;
        set_message(b, field, build_entry(b, parent, values, path));
    } else {
        fill_value(b, field, schema, parent, path);
    }
}

static bool is_type_meta(const struct json *property, const struct path *path)
{
    return path->up == NULL &&
           (bytes_eq_str(property->key, "apiVersion") || bytes_eq_str(property->key, "kind"));
}

static struct custom_message *build_object(struct builder *b, struct custom_message *parent,
                                           const struct json *properties, const struct path *path)
{
    struct custom_message *message;
    size_t count = 0;

    json_each(properties, it)
        count += !is_type_meta(it, path);
    message = new_message(b, parent, FORM_OBJECT, count);
    if (message == NULL)
        return NULL;
    count = 0;
    json_each(properties, it) {
        struct path step = {path, it->key, 0};

        if (!is_type_meta(it, path))
            fill_field(b, &fields_of(message)[count++], it, message, &step);
    }
    if (!finish_message(b, message, path))
        return NULL;
    custom_message_name_all(b->arena, message);
    return message;
}

/* ---- the set ---- */

/* A copy of the schema's properties with metadata among them. */
static struct json *root_properties(struct arena *arena, const struct json *schema)
{
    const struct json *properties = properties_of(schema);
    struct json *all = properties != NULL ? json_copy(arena, properties) : json_new_object(arena);

    json_set(all, BYTES("metadata"), json_new_object(arena));
    return all;
}

static struct custom_message *build_list_kind(struct builder *b, struct custom_message *kind)
{
    const struct path root = {0};
    struct custom_message *list = new_message(b, NULL, FORM_OBJECT, 2);

    if (list == NULL)
        return NULL;
    fields_of(list)[0] = (struct message_field){
        .id = 1,
        .json_name = BYTES("metadata"),
        .type = TYPE_MESSAGE,
        .message = transcoder_find_message(BYTES("k8s.io.apimachinery.pkg.apis.meta.v1.ListMeta"))};
    fields_of(list)[1] = (struct message_field){.id = 2,
                                                .json_name = BYTES("items"),
                                                .type = TYPE_MESSAGE,
                                                .flags = FIELD_REPEATED | FIELD_LISTED,
                                                .message = &kind->type};
    if (!finish_message(b, list, &root))
        return NULL;
    custom_message_name_all(b->arena, list);
    return list;
}

static void build_set(struct builder *b, struct custom_messages *set, struct bytes kind,
                      const struct json *schema)
{
    const struct path root = {0};
    struct arena scratch = {0};
    struct json *properties = root_properties(&scratch, schema);

    if (properties != NULL)
        set->kind = build_object(b, NULL, properties, &root);
    if (set->kind != NULL)
        set->list = build_list_kind(b, set->kind);
    if (set->list != NULL) {
        set->kind->name = arena_dup(b->arena, kind);
        set->list->name = arena_printf(b->arena, "%.*sList", BYTES_FMT(kind));
    }
    if (b->status != STATUS_INVALID && (set->list == NULL || scratch.failed || b->arena->failed))
        b->status = error_set(b->reterr, STATUS_NO_MEMORY, "out of memory");
    arena_release(&scratch);
}

enum status custom_messages_new(struct bytes group, struct bytes version, struct bytes kind,
                                const struct json *schema, const struct json *numbers,
                                struct custom_messages **ret_messages, struct error *reterr)
{
    struct custom_messages *set = calloc(1, sizeof(*set));
    struct builder b = {.numbers = numbers, .reterr = reterr};

    if (is_open(schema)) {
        free(set);
        return error_set(reterr, STATUS_NOT_ACCEPTABLE,
                         "the objects may hold unknown fields, for which protobuf has no place");
    }
    if (set == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    b.arena = &set->arena;
    set->package = custom_package(&set->arena, group, version);
    build_set(&b, set, kind, schema);
    if (b.status != STATUS_OK) {
        custom_messages_free(set);
        return b.status;
    }
    *ret_messages = set;
    return STATUS_OK;
}

void custom_messages_free(struct custom_messages *messages)
{
    if (messages == NULL)
        return;
    arena_release(&messages->arena);
    free(messages);
}

const struct message_type *custom_messages_kind(const struct custom_messages *messages)
{
    return &messages->kind->type;
}

const struct message_type *custom_messages_list(const struct custom_messages *messages)
{
    return &messages->list->type;
}
