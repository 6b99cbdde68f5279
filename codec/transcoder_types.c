#include "codec/transcoder_types.h"

#include <protobuf-c/protobuf-c.h>
#include <pthread.h>

/* What proto/ holds today and some room; built once, only the used pages are ever touched. */
enum { TYPES_MAX = 768, FIELDS_MAX = 3072, KINDS_MAX = 192 };

static struct message_type types[TYPES_MAX];
static struct message_field fields[FIELDS_MAX];
static uint16_t names[FIELDS_MAX]; /* beside fields */
static size_t type_count, field_count;
static const struct message_type *kind_types[KINDS_MAX]; /* beside message_kinds */
static pthread_once_t built = PTHREAD_ONCE_INIT;

/* ---- building ---- */

/* The type of a descriptor; a new one is filled by build() when its turn comes. */
static struct message_type *type_of(const ProtobufCMessageDescriptor *descriptor)
{
    for (size_t i = 0; i < type_count; i++)
        if (types[i].descriptor == descriptor)
            return &types[i];
    assert(type_count < TYPES_MAX);
    types[type_count].descriptor = descriptor;
    return &types[type_count++];
}

static enum field_type field_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
        return TYPE_STRING;
    case PROTOBUF_C_TYPE_BYTES:
        return TYPE_BYTES;
    case PROTOBUF_C_TYPE_BOOL:
        return TYPE_BOOL;
    case PROTOBUF_C_TYPE_INT32:
        return TYPE_INT32;
    case PROTOBUF_C_TYPE_INT64:
        return TYPE_INT64;
    case PROTOBUF_C_TYPE_DOUBLE:
        return TYPE_DOUBLE;
    default:
        assert(type == PROTOBUF_C_TYPE_MESSAGE); /* proto/ uses no other */
        return TYPE_MESSAGE;
    }
}

static bool note_is_for(const char *pattern, const char *message)
{
    if (pattern[0] == '*')
        return bytes_ends_with(bytes_str(message), bytes_str(pattern + 1));
    return strcmp(pattern, message) == 0;
}

static void take_notes(struct message_field *field, const ProtobufCMessageDescriptor *descriptor,
                       const char *name)
{
    for (size_t i = 0; i < field_note_count; i++) {
        const struct field_note *note = &field_notes[i];

        if (strcmp(note->field, name) != 0 || !note_is_for(note->message, descriptor->short_name))
            continue;
        field->flags |= note->flags;
        if (note->json_name != NULL)
            field->json_name = bytes_str(note->json_name);
    }
}

/* protoc makes the entries of a map a message inside of the one with the map; Kubernetes nests no
 * other. */
static bool is_entry(const ProtobufCMessageDescriptor *message,
                     const ProtobufCMessageDescriptor *inner)
{
    struct bytes outer = bytes_str(message->name), name = bytes_str(inner->name);

    return bytes_starts_with(name, outer) && name.len > outer.len && name.ptr[outer.len] == '.';
}

static void build_field(struct message_field *field, const ProtobufCMessageDescriptor *descriptor,
                        const ProtobufCFieldDescriptor *from)
{
    field->id = from->id;
    field->type = (uint8_t)field_type_of(from->type);
    field->json_name = bytes_str(from->name);
    if (from->label == PROTOBUF_C_LABEL_REPEATED)
        field->flags |= FIELD_REPEATED;
    if (from->default_value != NULL)
        field->flags |= FIELD_OMITTABLE;
    if (field->type == TYPE_MESSAGE) {
        field->message = type_of(from->descriptor);
        if (is_entry(descriptor, from->descriptor))
            field->flags |= FIELD_MAP;
    }
    take_notes(field, descriptor, from->name);
}

static int compare_names(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.ptr, b.ptr, a.len);
}

static void sort_names(const struct message_type *type, uint16_t *by_name)
{
    for (uint16_t i = 0; i < type->field_count; i++) {
        uint16_t at = i;

        for (; at > 0 && compare_names(type->fields[by_name[at - 1]].json_name,
                                       type->fields[i].json_name) > 0;
             at--)
            by_name[at] = by_name[at - 1];
        by_name[at] = i;
    }
}

void message_type_finish(struct message_type *type, uint16_t *by_name)
{
    for (size_t i = 0; i < type->field_count; i++) {
        type->flags |= type->fields[i].flags;
        if (bytes_eq_str(type->fields[i].json_name, "metadata"))
            type->has_metadata = true;
    }
    sort_names(type, by_name);
    type->by_name = by_name;
}

static enum message_form form_of(const ProtobufCMessageDescriptor *descriptor)
{
    for (size_t i = 0; i < form_note_count; i++)
        if (strcmp(form_notes[i].message, descriptor->name) == 0)
            return form_notes[i].form;
    return FORM_OBJECT;
}

static void build_type(struct message_type *type)
{
    const ProtobufCMessageDescriptor *descriptor = type->descriptor;
    struct message_field *own = &fields[field_count];
    uint16_t *by_name = &names[field_count];

    assert(field_count + descriptor->n_fields <= FIELDS_MAX);
    field_count += descriptor->n_fields;
    type->form = form_of(descriptor);
    type->fields = own;
    type->field_count = (uint16_t)descriptor->n_fields;
    for (unsigned i = 0; i < descriptor->n_fields; i++)
        build_field(&own[i], descriptor, &descriptor->fields[i]);
    message_type_finish(type, by_name);
}

static void build(void)
{
    assert(message_kind_count <= KINDS_MAX);
    for (size_t i = 0; i < message_kind_count; i++)
        kind_types[i] = type_of(message_kinds[i].descriptor);
    for (size_t i = 0; i < message_part_count; i++)
        type_of(message_parts[i]);
    for (size_t i = 0; i < type_count; i++) /* which adds the types of the fields */
        build_type(&types[i]);
}

/* ---- finding ---- */

const struct message_type *transcoder_find(struct bytes api_version, struct bytes kind)
{
    pthread_once(&built, build);
    for (size_t i = 0; i < message_kind_count; i++) {
        const struct message_kind *row = &message_kinds[i];

        if (bytes_eq(row->kind, kind) &&
            (row->api_version.len == 0 || bytes_eq(row->api_version, api_version)))
            return kind_types[i];
    }
    return NULL;
}

const struct message_type *transcoder_find_message(struct bytes name)
{
    pthread_once(&built, build);
    for (size_t i = 0; i < type_count; i++)
        if (bytes_eq_str(name, types[i].descriptor->name))
            return &types[i];
    return NULL;
}

const struct message_field *message_field_by_id(const struct message_type *type, uint32_t id)
{
    size_t first = 0, end = type->field_count;

    if (id - 1 < end && type->fields[id - 1].id == id)
        return &type->fields[id - 1]; /* most messages number without gaps */
    while (first < end) {
        size_t middle = (first + end) / 2;

        if (type->fields[middle].id == id)
            return &type->fields[middle];
        if (type->fields[middle].id < id)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

const struct message_field *message_field_by_name(const struct message_type *type,
                                                  struct bytes json_name)
{
    size_t first = 0, end = type->field_count;

    while (first < end) {
        size_t middle = (first + end) / 2;
        const struct message_field *field = &type->fields[type->by_name[middle]];
        int order = compare_names(json_name, field->json_name);

        if (order == 0)
            return field->flags & FIELD_INLINED ? NULL : field;
        if (order > 0)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

bool message_has_member(const struct message_type *type, struct bytes json_name)
{
    if (message_field_by_name(type, json_name) != NULL)
        return true;
    for (size_t i = 0; type->flags & FIELD_INLINED && i < type->field_count; i++)
        if (type->fields[i].flags & FIELD_INLINED &&
            message_has_member(type->fields[i].message, json_name))
            return true;
    return false;
}
