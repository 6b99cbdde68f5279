/*
 * framer - cuts a byte stream into frames, for readers of a watch.
 *
 *   bytes as they come --framer_push--> [pending] --framer_next--> one whole frame at a time
 *
 * Kinds    FRAMER_JSON: JSON values with blanks or nothing between, as a watch in JSON sends them.
 *          FRAMER_LINES: the same of a stream where each value most likely is a line, as servers
 *          write them: a line is found many times faster than the end of a value. Each is a guess,
 *          right if it can be read; framer_reject() it otherwise.
 *          FRAMER_LENGTH: 4 bytes big-endian length, then so many bytes, as a watch in protobuf
 * does (k8s.io/apimachinery/pkg/util/framer). Owner    the struct is in place; framer_release() it.
 * A frame is borrowed until the next push. Bounds   what is pending never exceeds `max_frame` and
 * one push, if each push is followed by framer_next() until END. Threads  one at a time.
 */
#ifndef TIDEWATCH_CODEC_FRAMER_H
#define TIDEWATCH_CODEC_FRAMER_H

#include "base/buf.h"
#include "base/status.h"
#include "codec/json.h"

enum framer_kind { FRAMER_JSON, FRAMER_LINES, FRAMER_LENGTH };

struct framer {
    enum framer_kind kind;
    size_t max_frame;
    struct buf pending;
    size_t taken;   /* of pending: handed out, dropped by the next push */
    size_t guessed; /* of taken: the last frame, if it was one line of FRAMER_LINES; else 0 */
    struct json_scan scan;
};

void framer_init(struct framer *framer, enum framer_kind kind, size_t max_frame);
void framer_release(struct framer *framer);
void framer_push(struct framer *framer, struct bytes bytes);
/* END: push more. TOO_LARGE, BAD_REQUEST (no frame can begin so), NO_MEMORY: the stream is lost,
 * and every further call says the same. */
MUST_CHECK enum status framer_next(struct framer *framer, struct bytes *ret_frame);
/* The last frame is no value: takes a line back, and goes on as FRAMER_JSON, without guesses.
 * False: it was no guess. Before the next push. */
bool framer_reject(struct framer *framer);
/* Nothing but blanks is pending: a stream that ends here ends on a frame's edge. */
bool framer_is_empty(const struct framer *framer);

#endif
