/*
 * transcoder_path - where in an object the transcoder is: frames on its stack, written out only
 * when something is wrong there. Private to codec/transcoder*.c.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_PATH_H
#define TIDEWATCH_CODEC_TRANSCODER_PATH_H

#include "codec/transcoder.h"

struct path {
    const struct path *up; /* NULL: the root, which has no name */
    struct bytes name;     /* of a member; ptr NULL: an element */
    size_t index;
};

/* `spec.containers[0].image`; the root is `object`. */
void path_write(struct buf *out, const struct path *path);
void path_report(struct transcoder_report *report, const struct path *path);
/* "<path>: <what>". */
enum status path_error(struct error *reterr, enum status status, const struct path *path,
                       const char *format, ...) PRINTF_LIKE(4, 5);

#endif
