/*
 * transcoder_types - protobuf-c's descriptors made ready for walking: JSON names, forms, tags.
 * Private to codec/transcoder*.c.
 *
 *   proto --protoc-c--> descriptors --+-- once --> message_type, message_field
 *             transcoder_notes.c -----+
 *
 * Owner    all static: nothing is allocated, nothing is freed.
 * Threads  built once behind pthread_once(), read only from then on.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_TYPES_H
#define TIDEWATCH_CODEC_TRANSCODER_TYPES_H

#include "codec/transcoder.h"

struct ProtobufCMessageDescriptor;

/* How a message looks in JSON. */
enum message_form {
    FORM_OBJECT, /* one member a field */
    FORM_LIST,   /* the JSON array of its one repeated field */
    FORM_QUANTITY,
    FORM_INT_OR_STRING,
    FORM_TIME,
    FORM_MICRO_TIME,
    FORM_DURATION,
    FORM_RAW, /* JSON, as bytes in its one field */
    FORM_SCHEMA_OR_BOOL,
    FORM_SCHEMA_OR_ARRAY,
    FORM_SCHEMA_OR_STRINGS,
    FORM_COUNT
};

enum field_type {
    TYPE_STRING,
    TYPE_BYTES,
    TYPE_BOOL,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_DOUBLE,
    TYPE_MESSAGE
};

enum field_flag {
    FIELD_INLINED = 1,  /* its members stand in the object around it */
    FIELD_LISTED = 2,   /* a list that Go shows also when it is empty */
    FIELD_NULLABLE = 4, /* a Time by value: null when it is not set */
    FIELD_REPEATED = 8,
    FIELD_MAP = 16,      /* repeated too: its message is an entry {key = 1, value = 2} */
    FIELD_OMITTABLE = 32 /* zero means absent */
};

struct message_field {
    uint32_t id;
    uint8_t type;  /* enum field_type */
    uint8_t flags; /* enum field_flag */
    struct bytes json_name;
    const struct message_type *message; /* of TYPE_MESSAGE */
};

struct message_type {
    const struct ProtobufCMessageDescriptor *descriptor; /* NULL: of a custom resource */
    enum message_form form;
    bool has_metadata; /* a kind: apiVersion and kind may stand in its JSON */
    uint8_t flags;     /* those of all its fields together */
    uint16_t field_count;
    const struct message_field *fields; /* by id */
    const uint16_t *by_name;            /* places in `fields`, shortest name first */
};

/* Fills `by_name`, and what `type` says of all its fields together. */
void message_type_finish(struct message_type *type, uint16_t *by_name);
/* NULL: none. */
const struct message_field *message_field_by_id(const struct message_type *type, uint32_t id);
/* Not those of inlined messages. */
const struct message_field *message_field_by_name(const struct message_type *type,
                                                  struct bytes json_name);
/* Also those of inlined messages. */
const struct message_field *message_find_member(const struct message_type *type,
                                                struct bytes json_name);

/* ---- transcoder_kinds.c ---- */

struct message_kind {
    struct bytes api_version; /* empty: any */
    struct bytes kind;
    const struct ProtobufCMessageDescriptor *descriptor;
};
extern const struct message_kind message_kinds[];
extern const size_t message_kind_count;
extern const struct ProtobufCMessageDescriptor *const message_parts[];
extern const size_t message_part_count;

/* ---- transcoder_notes.c ---- */

/* What the descriptor of a message does not say of a field, by the message's short name; "*" is
 * every message, "*List" all whose name ends so. */
struct field_note {
    const char *message, *field;
    const char *json_name; /* NULL: the field's */
    uint8_t flags;
};
struct form_note {
    const char *message; /* full name */
    enum message_form form;
};
extern const struct field_note field_notes[];
extern const size_t field_note_count;
extern const struct form_note form_notes[];
extern const size_t form_note_count;

#endif
