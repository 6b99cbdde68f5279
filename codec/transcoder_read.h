/*
 * transcoder_read - the state of a walk over wire bytes. Private to codec/transcoder_read*.c.
 *
 * Readers of a value return NULL on failure, with `status` set.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_READ_H
#define TIDEWATCH_CODEC_TRANSCODER_READ_H

#include "codec/protobuf_wire.h"
#include "codec/transcoder_path.h"
#include "codec/transcoder_types.h"

struct transcoder_reader {
    struct arena *arena;
    struct transcoder_report *report;
    struct error *reterr;
    enum status status;
    unsigned depth; /* messages open */
    size_t fields;  /* read so far */
    struct buf text;
};

/* ---- transcoder_read.c ---- */

/* Always NULL. */
struct json *reader_fail(struct transcoder_reader *r, enum status status, const struct path *path,
                         const char *what);
/* Every message is entered and left, every field counted: the bounds. */
bool reader_enter(struct transcoder_reader *r, const struct path *path);
bool reader_count_field(struct transcoder_reader *r, const struct path *path);
struct json *read_message(struct transcoder_reader *r, const struct message_type *type,
                          struct bytes data, const struct path *path);
/* Adds the fields to `object`, or over what it has of them. */
bool read_object(struct transcoder_reader *r, const struct message_type *type, struct bytes data,
                 struct json *object, const struct path *path);
/* An object in its envelope, which names the kind, or else these two do. `type` NULL: that of the
 * kind. */
struct json *read_envelope(struct transcoder_reader *r, const struct message_type *type,
                           struct bytes text, struct bytes api_version, struct bytes kind,
                           const struct path *path);

/* ---- transcoder_read_values.c ---- */

bool read_is_utf8(struct bytes text);
struct json *read_string(struct transcoder_reader *r, struct bytes data, const struct path *path);
enum wire_type field_wire_type(const struct message_field *field);
/* `value` is of that wire type. */
struct json *read_value(struct transcoder_reader *r, const struct message_field *field,
                        const struct wire_field *value, const struct path *path);

/* ---- transcoder_read_forms.c ---- */

typedef struct json *read_form(struct transcoder_reader *r, const struct message_type *type,
                               struct bytes data, const struct path *path);
/* By form; NULL for FORM_OBJECT. */
extern read_form *const read_forms[FORM_COUNT];

#endif
