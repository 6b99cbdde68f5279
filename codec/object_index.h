/*
 * object_index - from canonical bytes and their tree to a struct object. Private to
 * codec/object*.c.
 */
#ifndef TIDEWATCH_CODEC_OBJECT_INDEX_H
#define TIDEWATCH_CODEC_OBJECT_INDEX_H

#include "codec/object.h"

/* `tree` was read from `image` and is checked; the object borrows from neither. `arena` is for what
 * is needed meanwhile. CORRUPT: the image does not begin as one does. NO_MEMORY. */
MUST_CHECK enum status object_index(const struct json *tree, struct bytes image,
                                    struct arena *arena, const struct object_field *fields,
                                    size_t field_count, struct object **ret_object);

#endif
