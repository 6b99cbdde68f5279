/*
 * printed - which state of each object was printed last, so that none is printed twice.
 *
 *   printed_begin_list(), printed_note() each item, printed_end_list() tells what is missing
 *   printed_note(), printed_forget() for the events of a watch
 *
 * Errors   without memory an object may be printed twice, which is the lesser evil.
 */
#ifndef TIDEWATCH_TIDECTL_PRINTED_H
#define TIDEWATCH_TIDECTL_PRINTED_H

#include "base/map.h"

struct printed { /* zeroed is empty */
    struct map map;
    unsigned round; /* of lists */
};

enum printed_state { PRINTED_NEW, PRINTED_CHANGED, PRINTED_SAME };

/* Compares with the last state of `key`, and keeps this one. */
enum printed_state printed_note(struct printed *printed, struct bytes key, struct bytes rv);
void printed_forget(struct printed *printed, struct bytes key);
void printed_begin_list(struct printed *printed);
/* Forgets, and tells, every key that was not noted since printed_begin_list(). */
void printed_end_list(struct printed *printed, void (*on_missing)(void *user, const char *key),
                      void *user);
void printed_release(struct printed *printed);

#endif
