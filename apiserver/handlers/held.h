/*
 * held - bytes of answers that have not left, counted by user: of whoever asks for long lists and
 * takes them slowly, or not at all, the next answer is refused before it fills the memory.
 *
 * Shape    counted from when the answer is whole until the last byte has left, whoever has it then.
 *          Lists that are sent while they are written (list_stream.h) hold no more than a piece.
 * Owner    the answer's blob.
 * Threads  the loop's; a blob is freed on any.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_HELD_H
#define TIDEWATCH_APISERVER_HANDLERS_HELD_H

#include "apiserver/handlers/api.h"

/* Counts the body of an answer; one that somebody else has too costs nothing. TOO_MANY_REQUESTS, of
 * a GET alone: what was written is answered. NO_MEMORY. */
MUST_CHECK enum status held_count(const struct api_request *api, struct blob *body,
                                  struct error *reterr);

#endif
