#include "codec/transcoder_types.h"

#include <protobuf-c/protobuf-c.h>
#include <pthread.h>
#include <stdlib.h>

/* What proto/ holds today and some room; built once, only the used pages are ever touched. */
enum { TYPES_MAX = 768, FIELDS_MAX = 3072, KINDS_MAX = 192 };

static struct message_type types[TYPES_MAX];
static struct message_field fields[FIELDS_MAX];
static uint16_t names[FIELDS_MAX];                       /* beside fields */
static const struct message_type *kind_types[KINDS_MAX]; /* beside message_kinds */
static pthread_once_t built = PTHREAD_ONCE_INIT;

/* Types in the making, in room that is there already. */
struct builder {
    struct message_type *types;
    struct message_field *fields;
    uint16_t *names;
    size_t type_count, field_count;
    size_t types_max, fields_max;
};
static struct builder builtin = {types, fields, names, 0, 0, TYPES_MAX, FIELDS_MAX};

/* ---- building ---- */

/* The type of a descriptor; a new one is filled by build_types() when its turn comes. */
static struct message_type *type_of(struct builder *b, const ProtobufCMessageDescriptor *descriptor)
{
    for (size_t i = 0; i < b->type_count; i++)
        if (b->types[i].descriptor == descriptor)
            return &b->types[i];
    assert(b->type_count < b->types_max);
    b->types[b->type_count].descriptor = descriptor;
    return &b->types[b->type_count++];
}

/* False: proto/ uses no such type, nor does Kubernetes. */
static bool field_type_of(ProtobufCType type, uint8_t *ret_type)
{
    static const struct {
        ProtobufCType from;
        enum field_type to;
    } rows[] = {
        {PROTOBUF_C_TYPE_STRING, TYPE_STRING},   {PROTOBUF_C_TYPE_BYTES, TYPE_BYTES},
        {PROTOBUF_C_TYPE_BOOL, TYPE_BOOL},       {PROTOBUF_C_TYPE_INT32, TYPE_INT32},
        {PROTOBUF_C_TYPE_INT64, TYPE_INT64},     {PROTOBUF_C_TYPE_DOUBLE, TYPE_DOUBLE},
        {PROTOBUF_C_TYPE_MESSAGE, TYPE_MESSAGE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].from != type)
            continue;
        *ret_type = (uint8_t)rows[i].to;
        return true;
    }
    return false;
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

/* protoc makes the entries of a map a message XEntry {key = 1; value = 2;} inside of the one with
 * the map. */
static bool is_entry(const ProtobufCMessageDescriptor *message,
                     const ProtobufCMessageDescriptor *inner)
{
    struct bytes outer = bytes_str(message->name), name = bytes_str(inner->name);

    return bytes_starts_with(name, outer) && name.len > outer.len && name.ptr[outer.len] == '.' &&
           bytes_ends_with(name, BYTES("Entry")) && inner->n_fields == 2 &&
           strcmp(inner->fields[0].name, "key") == 0 && strcmp(inner->fields[1].name, "value") == 0;
}

static void build_field(struct builder *b, struct message_field *field,
                        const ProtobufCMessageDescriptor *descriptor,
                        const ProtobufCFieldDescriptor *from)
{
    bool known = field_type_of(from->type, &field->type);

    assert(known); /* of proto/; others have been looked at before */
    (void)known;
    field->id = from->id;
    field->json_name = bytes_str(from->name);
    if (from->label == PROTOBUF_C_LABEL_REPEATED)
        field->flags |= FIELD_REPEATED;
    if (from->default_value != NULL)
        field->flags |= FIELD_OMITTABLE;
    if (field->type == TYPE_MESSAGE) {
        field->message = type_of(b, from->descriptor);
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

static void build_type(struct builder *b, struct message_type *type)
{
    const ProtobufCMessageDescriptor *descriptor = type->descriptor;
    struct message_field *own = &b->fields[b->field_count];
    uint16_t *by_name = &b->names[b->field_count];

    assert(b->field_count + descriptor->n_fields <= b->fields_max);
    b->field_count += descriptor->n_fields;
    type->form = form_of(descriptor);
    type->fields = own;
    type->field_count = (uint16_t)descriptor->n_fields;
    for (unsigned i = 0; i < descriptor->n_fields; i++)
        build_field(b, &own[i], descriptor, &descriptor->fields[i]);
    message_type_finish(type, by_name);
}

static void build_types(struct builder *b)
{
    for (size_t i = 0; i < b->type_count; i++) /* which adds the types of the fields */
        build_type(b, &b->types[i]);
}

static void build(void)
{
    assert(message_kind_count <= KINDS_MAX);
    for (size_t i = 0; i < message_kind_count; i++)
        kind_types[i] = type_of(&builtin, message_kinds[i].descriptor);
    for (size_t i = 0; i < message_part_count; i++)
        type_of(&builtin, message_parts[i]);
    build_types(&builtin);
}

/* ---- of any descriptor ---- */

enum { FOREIGN_TYPES_MAX = 4096, FOREIGN_FIELDS_MAX = UINT16_MAX };

struct message_set {
    struct arena arena;
    const struct message_type *root;
};

/* All messages that can be reached from the first of `found`, each once. */
static enum status find_messages(const ProtobufCMessageDescriptor **found, size_t *count,
                                 size_t *field_total, struct error *reterr)
{
    for (size_t i = 0; i < *count; i++) {
        const ProtobufCMessageDescriptor *m = found[i];

        *field_total += m->n_fields;
        for (unsigned f = 0; f < m->n_fields; f++) {
            const ProtobufCMessageDescriptor *inner = m->fields[f].descriptor;
            size_t at = 0;
            uint8_t type;

            if (!field_type_of(m->fields[f].type, &type))
                return error_set(reterr, STATUS_NOT_ACCEPTABLE,
                                 "%s.%s: Kubernetes has no fields of that type", m->name,
                                 m->fields[f].name);
            if (type != TYPE_MESSAGE)
                continue;
            while (at < *count && found[at] != inner)
                at++;
            if (at == FOREIGN_TYPES_MAX || *field_total > FOREIGN_FIELDS_MAX)
                return error_set(reterr, STATUS_NOT_ACCEPTABLE, "%s has too many messages in it",
                                 found[0]->name);
            if (at == *count)
                found[(*count)++] = inner;
        }
    }
    return STATUS_OK;
}

enum status message_set_new(const struct ProtobufCMessageDescriptor *descriptor,
                            struct message_set **ret_set, struct error *reterr)
{
    struct message_set *set = calloc(1, sizeof(*set));
    const ProtobufCMessageDescriptor **found = malloc(FOREIGN_TYPES_MAX * sizeof(*found));
    size_t count = 1, field_total = 0;
    struct builder b = {.types = NULL};
    enum status st = STATUS_NO_MEMORY;

    if (set != NULL && found != NULL) {
        found[0] = descriptor;
        st = find_messages(found, &count, &field_total, reterr);
    }
    if (st == STATUS_OK) {
        b.types_max = count;
        b.fields_max = field_total;
        b.types = arena_zalloc(&set->arena, count * sizeof(*b.types));
        b.fields = arena_zalloc(&set->arena, (field_total + 1) * sizeof(*b.fields));
        b.names = arena_zalloc(&set->arena, (field_total + 1) * sizeof(*b.names));
        st = set->arena.failed ? STATUS_NO_MEMORY : STATUS_OK;
    }
    if (st == STATUS_OK) {
        set->root = type_of(&b, descriptor);
        build_types(&b);
        *ret_set = set;
        set = NULL;
    }
    free(found);
    message_set_free(set);
    return st;
}

void message_set_free(struct message_set *set)
{
    if (set == NULL)
        return;
    arena_release(&set->arena);
    free(set);
}

const struct message_type *message_set_root(const struct message_set *set)
{
    return set->root;
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
    for (size_t i = 0; i < builtin.type_count; i++)
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

const struct message_field *message_find_member(const struct message_type *type,
                                                struct bytes json_name)
{
    const struct message_field *found = message_field_by_name(type, json_name);

    for (size_t i = 0; type->flags & FIELD_INLINED && found == NULL && i < type->field_count; i++)
        if (type->fields[i].flags & FIELD_INLINED)
            found = message_find_member(type->fields[i].message, json_name);
    return found;
}
