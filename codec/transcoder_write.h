/*
 * transcoder_write - the state of a walk over a tree. Private to codec/transcoder_write*.c.
 *
 * All is written from its end to its start (codec/protobuf_wire.h). A writer of a value looks at
 * the value before it writes: false means that nothing was written, and that the misfit is told.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_WRITE_H
#define TIDEWATCH_CODEC_TRANSCODER_WRITE_H

#include "codec/protobuf_wire.h"
#include "codec/transcoder_path.h"
#include "codec/transcoder_types.h"

struct transcoder_writer {
    struct wire_writer wire;
    struct transcoder_report *report;
    struct error *reterr;
    enum status status; /* not OK: nothing that follows matters */
    unsigned depth;     /* messages open */
    struct arena scratch;
    struct buf text;
};

/* ---- transcoder_write.c ---- */

/* Tells that `node` is not `expected` ("a string"). Always false. */
bool writer_misfit(struct transcoder_writer *w, const struct json *node, const struct path *path,
                   const char *expected);
/* The fields of an object, without a header. */
bool write_object(struct transcoder_writer *w, const struct message_type *type,
                  const struct json *object, const struct path *path);
/* A repeated field from an array. */
bool write_array(struct transcoder_writer *w, const struct message_field *field,
                 const struct json *array, const struct path *path);
/* A message of any form behind its header, as field `id`. */
bool write_message(struct transcoder_writer *w, const struct message_type *type, uint32_t id,
                   const struct json *node, const struct path *path);

/* ---- transcoder_write_forms.c ---- */

/* Writes the fields of the message; write_message() puts the header. */
typedef bool write_form(struct transcoder_writer *w, const struct message_type *type,
                        const struct json *node, const struct path *path);
/* By form; NULL for FORM_OBJECT. */
extern write_form *const write_forms[FORM_COUNT];

#endif
