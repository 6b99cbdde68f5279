/*
 * Custom messages as a .proto file: names that protoc and its generators take, whatever a CRD
 * calls its fields.
 */
#include "codec/transcoder_custom_types.h"

#include <protobuf-c/protobuf-c.h>

#include "base/map.h"

/* ---- names ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

/* Of letters, digits and `_`, a letter first. */
static struct bytes identifier_of(struct arena *arena, struct bytes text)
{
    struct bytes name = arena_printf(
        arena, "%s%.*s", text.len == 0 || !is_letter(text.ptr[0]) ? "f" : "", BYTES_FMT(text));
    char *at = (char *)(uintptr_t)name.ptr;

    for (size_t i = 0; i < name.len; i++)
        if (!is_word(at[i]))
            at[i] = '_';
    return name;
}

/* specTemplate, spec-template -> SpecTemplate */
static struct bytes message_name_of(struct arena *arena, struct bytes identifier)
{
    struct bytes name = arena_dup(arena, identifier);
    char *to = (char *)(uintptr_t)name.ptr;
    size_t len = 0;
    bool up = true;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c != '_')
            to[len++] = up && c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        up = c == '_';
    }
    return bytes_of(name.ptr, len);
}

static struct bytes lower(struct arena *arena, struct bytes name)
{
    struct bytes copy = arena_dup(arena, name);
    char *at = (char *)(uintptr_t)copy.ptr;

    for (size_t i = 0; i < copy.len; i++)
        at[i] = (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]);
    return copy;
}

/* `name`, or with a number behind it. Generators fold case, so names must differ without it. */
static struct bytes unused_name(struct arena *arena, struct map *used, struct bytes name)
{
    struct bytes unique = name, key = lower(arena, name);

    for (unsigned i = 2; map_get(used, key) != NULL; i++) {
        unique = arena_printf(arena, "%.*s_%u", BYTES_FMT(name), i);
        key = lower(arena, unique);
    }
    if (!map_put(used, key, used)) /* any value but NULL */
        arena->failed = true;
    return unique;
}

/* The message that `field` brings into its parent, behind the entry of a map. */
static struct custom_message *nested_message(const struct message_field *field)
{
    struct custom_message *message = custom_message_of(field);

    if (message != NULL && field->flags & FIELD_MAP)
        return custom_message_of(&message->type.fields[1]);
    return message;
}

/* Messages in lists in lists. */
static void name_inner_lists(struct arena *arena, struct custom_message *message)
{
    for (; message != NULL && message->type.form == FORM_LIST;
         message = custom_message_of(&message->type.fields[0])) {
        struct custom_message *inner = custom_message_of(&message->type.fields[0]);

        message->identifiers = arena_alloc(arena, sizeof(*message->identifiers));
        if (message->identifiers == NULL)
            return;
        message->identifiers[0] = BYTES("items");
        if (inner != NULL)
            inner->name = BYTES("Item");
    }
}

void custom_message_name_all(struct arena *arena, struct custom_message *message)
{
    const struct message_type *type = &message->type;
    struct map used = {0};

    message->identifiers = arena_zalloc(arena, type->field_count * sizeof(struct bytes));
    for (size_t i = 0; message->identifiers != NULL && i < type->field_count; i++)
        message->identifiers[i] =
            unused_name(arena, &used, identifier_of(arena, type->fields[i].json_name));
    for (size_t i = 0; message->identifiers != NULL && i < type->field_count; i++) {
        struct custom_message *nested = nested_message(&type->fields[i]);
        struct bytes name = message_name_of(arena, message->identifiers[i]);

        if (type->fields[i].flags & FIELD_MAP) /* which protoc makes a message of that name */
            unused_name(arena, &used, arena_printf(arena, "%.*sEntry", BYTES_FMT(name)));
        if (nested == NULL)
            continue;
        nested->name =
            unused_name(arena, &used, arena_printf(arena, "%.*sMessage", BYTES_FMT(name)));
        name_inner_lists(arena, nested);
    }
    map_release(&used);
}

struct bytes custom_package(struct arena *arena, struct bytes group, struct bytes version)
{
    struct buf text = {0};
    struct bytes package;

    for (struct bytes part; group.ptr != NULL && (part = bytes_cut(&group, '.')).ptr != NULL;) {
        buf_append_bytes(&text, identifier_of(arena, part));
        buf_append_char(&text, '.');
    }
    buf_append_bytes(&text, identifier_of(arena, version));
    package = arena_dup(arena, buf_bytes(&text));
    arena->failed = arena->failed || text.failed;
    buf_release(&text);
    return package;
}

/* ---- text ---- */

static void append_type(struct buf *out, const struct message_field *field)
{
    static const char *const names[] = {
        [TYPE_STRING] = "string", [TYPE_BYTES] = "bytes", [TYPE_BOOL] = "bool",
        [TYPE_INT32] = "int32",   [TYPE_INT64] = "int64", [TYPE_DOUBLE] = "double"};

    if (field->type != TYPE_MESSAGE)
        buf_append_str(out, names[field->type]);
    else if (field->message->descriptor != NULL)
        buf_appendf(out, ".%s", field->message->descriptor->name);
    else
        buf_append_bytes(out, custom_message_of(field)->name);
}

/* The JSON name where it is not the field's, in a string of protobuf. */
static void append_json_name(struct buf *out, struct bytes identifier, struct bytes json_name)
{
    if (bytes_eq(identifier, json_name))
        return;
    buf_append_str(out, " [json_name = \"");
    for (size_t i = 0; i < json_name.len; i++) {
        unsigned char c = (unsigned char)json_name.ptr[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            buf_append_char(out, (char)c);
        else
            buf_appendf(out, "\\%03o", c);
    }
    buf_append_str(out, "\"]");
}

static void append_field(struct buf *out, const struct message_field *field,
                         struct bytes identifier, int indent)
{
    buf_appendf(out, "%*s", indent, "");
    if (field->flags & FIELD_MAP) {
        buf_append_str(out, "map<string, ");
        append_type(out, &field->message->fields[1]);
        buf_append_char(out, '>');
    } else {
        buf_append_str(out, field->flags & FIELD_REPEATED ? "repeated " : "optional ");
        append_type(out, field);
    }
    buf_appendf(out, " %.*s = %u", BYTES_FMT(identifier), field->id);
    append_json_name(out, identifier, field->json_name);
    buf_append_str(out, ";\n");
}

/* No deeper than CUSTOM_DEPTH_MAX. */
static void append_message(struct buf *out, const struct custom_message *message, int indent)
{
    buf_appendf(out, "\n%*smessage %.*s {\n", indent, "", BYTES_FMT(message->name));
    for (size_t i = 0; i < message->type.field_count; i++)
        append_field(out, &message->type.fields[i], message->identifiers[i], indent + 2);
    for (const struct custom_message *it = message->first; it != NULL; it = it->next)
        append_message(out, it, indent + 2);
    buf_appendf(out, "%*s}\n", indent, "");
}

/* Is a message of that package used here, or further in? */
static bool uses_package(const struct custom_message *message, const char *package)
{
    for (size_t i = 0; i < message->type.field_count; i++) {
        const struct message_field *field = &message->type.fields[i];

        if (field->flags & FIELD_MAP)
            field = &field->message->fields[1];
        if (field->type == TYPE_MESSAGE && field->message->descriptor != NULL &&
            strcmp(field->message->descriptor->package_name, package) == 0)
            return true;
    }
    for (const struct custom_message *it = message->first; it != NULL; it = it->next)
        if (uses_package(it, package))
            return true;
    return false;
}

/* protoc warns of those that nothing is taken from. */
static void append_imports(struct buf *out, const struct custom_messages *messages)
{
    static const struct {
        const char *file, *package;
    } imports[] = {{"intstr.proto", "k8s.io.apimachinery.pkg.util.intstr"},
                   {"meta_v1.proto", "k8s.io.apimachinery.pkg.apis.meta.v1"},
                   {"runtime.proto", "k8s.io.apimachinery.pkg.runtime"}};

    for (size_t i = 0; i < ARRAY_LEN(imports); i++)
        if (uses_package(messages->kind, imports[i].package))
            buf_appendf(out, "import \"%s\";\n", imports[i].file);
}

void custom_messages_write_proto(struct buf *out, const struct custom_messages *messages)
{
    buf_appendf(out, "syntax = \"proto2\";\n\npackage %.*s;\n\n", BYTES_FMT(messages->package));
    append_imports(out, messages);
    append_message(out, messages->kind, 0);
    append_message(out, messages->list, 0);
}
