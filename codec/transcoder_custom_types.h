/*
 * transcoder_custom_types - the messages of one custom resource. Private to
 * codec/transcoder_custom*.c.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_CUSTOM_TYPES_H
#define TIDEWATCH_CODEC_TRANSCODER_CUSTOM_TYPES_H

#include "codec/transcoder_custom.h"
#include "codec/transcoder_types.h"

struct custom_message {
    struct message_type type;            /* first */
    struct bytes name;                   /* in the .proto, within its parent; of an entry: empty */
    struct bytes *identifiers;           /* in the .proto, beside type.fields */
    struct custom_message *first, *last; /* messages that stand inside of this one */
    struct custom_message *next;
};

struct custom_messages {
    struct arena arena;
    struct bytes package;
    struct custom_message *kind, *list;
};

/* The message of a field, if it is one of ours. */
static inline struct custom_message *custom_message_of(const struct message_field *field)
{
    if (field->type != TYPE_MESSAGE || field->message->descriptor != NULL)
        return NULL;
    return (struct custom_message *)(uintptr_t)field->message;
}

/* Names for the .proto: of fields, and of the messages inside. */
void custom_message_name_all(struct arena *arena, struct custom_message *message);
struct bytes custom_package(struct arena *arena, struct bytes group, struct bytes version);

#endif
