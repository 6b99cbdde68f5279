/*
 * live - one table on a terminal that is kept up to date in place.
 *
 *   live_set(), live_remove() --> rows by key --live_draw--> the same lines of the screen, anew
 *
 * Shape    what was added is green for a while, what changed yellow, what is gone red. Ages go on.
 *          Rows that do not fit the screen are counted below the others.
 * Owner    live_free(). It keeps references to the Tables its rows are of.
 */
#ifndef TIDEWATCH_TIDECTL_LIVE_H
#define TIDEWATCH_TIDECTL_LIVE_H

#include "client-go-like/tidectl/table.h"

enum { LIVE_TICK_MS = 1000, LIVE_FRAME_MS = 100 };

struct live;

/* `table` says how rows are printed; it is copied. NULL without memory. */
struct live *live_new(const struct table *table);
void live_free(struct live *live);
/* A row of `of`; `changed` "ADDED" and so on, or "" for one that was there. */
void live_set(struct live *live, struct bytes key, tw_object *of, const struct json *row,
              const char *changed);
void live_remove(struct live *live, struct bytes key);
/* Redraws if it is time to. */
void live_draw(struct live *live, struct buf *out, uint64_t now_ms);
/* How many milliseconds until live_draw() has something to do. */
unsigned live_wait_ms(const struct live *live, uint64_t now_ms);

#endif
