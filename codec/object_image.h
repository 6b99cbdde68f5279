/*
 * object_image - the bytes of an object: which trees may become one, how it is written, where the
 * server splices. Private to codec/object*.c.
 */
#ifndef TIDEWATCH_CODEC_OBJECT_IMAGE_H
#define TIDEWATCH_CODEC_OBJECT_IMAGE_H

#include "codec/json.h"

/* Offsets into an image. */
struct object_splices {
    size_t api_version_at, api_version_end; /* the text between the quotes */
    size_t rv_at;
};

/* The types of apiVersion, kind and all that metadata holds. BAD_REQUEST in the words of the
 * apiserver's decoder. */
MUST_CHECK enum status object_check(const struct json *tree, struct error *reterr);

/* Writes a checked tree in canonical form. */
void object_image_write(struct buf *out, const struct json *tree);
/* False: the bytes, which are JSON, do not begin as an image does. */
bool object_image_find_splices(struct bytes image, struct object_splices *ret_splices);
/* Whether the members stand where object_image_write() puts them, without a resourceVersion. */
bool object_image_is_canonical(const struct json *tree);
/* Puts a resourceVersion into the tree of an image, where splicing at rv_at puts it. */
void object_image_insert_rv(struct arena *arena, struct json *tree, uint64_t rev);

#endif
