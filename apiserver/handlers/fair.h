/*
 * fair - whose turn is it? The work of many users on one loop, a piece at a time, so that a flood
 * of one is no wait of another.
 *
 *   A  [piece][piece][piece][piece] ..     served 900 us
 *   B  [piece]                             served 300 us   <-- next: who has been served least
 *
 * What a piece has cost is known when it is done: fair_charge(). Who comes new, or comes back, is
 * level with him who was served last, so that nobody saves up, and nobody waits for more than a
 * piece of each other user. (Start-time fair queueing, of pieces whose length is known afterwards.)
 *
 * The same users share places, of which there are so many: a user may hold as many as are free.
 * However many of them hold all they can, there is one for the next who comes (A. K. Choudhury and
 * E. L. Hahne, Dynamic queue length thresholds). A loop's time is its own, places are everybody's:
 * what a user holds is counted over all loops, without a lock, and without memory for each user.
 * Two numbers count each user among others, and the smaller of them is believed: it is never too
 * small, and too large where somebody else has both numbers, of a million pairs of users one. (G.
 * Cormode and S. Muthukrishnan, An improved data stream summary: the count-min sketch and its
 * applications)
 *
 * Owner    a flow lives while somebody refers to it, or until another one is left by all; a turn
 *          is its owner's, who takes it out when it goes.
 * Threads  one loop's; counts are anybody's.
 * Errors   NULL without memory.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_FAIR_H
#define TIDEWATCH_APISERVER_HANDLERS_FAIR_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"

enum { FAIR_KINDS = 3 }; /* of places */
enum { FAIR_ROWS = 2, FAIR_COUNTS = 1024 };

/* How much each user has of something. Zeroed, nobody has any. */
struct fair_counts {
    _Atomic uint32_t rows[FAIR_ROWS][FAIR_COUNTS];
};

struct fair {
    struct map flows;       /* by name */
    struct list order;      /* flows with turns, the least served first */
    uint64_t level;         /* of the one that was served last */
    struct fair_flow *idle; /* nobody refers to it: the last one is kept for who comes back */
};

/* A user: what waits for its turn, and what it holds. */
struct fair_flow {
    struct fair *fair;
    struct bytes name; /* behind the struct */
    struct list link, turns;
    uint64_t served, refs, hash; /* of the name: who it is in fair_counts */
    struct {
        struct list link, parked; /* who waits for a place, oldest first */
    } of[FAIR_KINDS];
};

/* Zeroed, it waits for nothing. */
struct fair_turn {
    struct list link;
    struct fair_flow *flow;
    void (*run)(struct fair_turn *turn);
};

void fair_init(struct fair *fair);
void fair_release(struct fair *fair);

/* A reference to the user's flow. */
struct fair_flow *fair_flow(struct fair *fair, struct bytes name);
void fair_flow_unref(struct fair_flow *flow);

/* Behind what waits already of its flow. */
void fair_wait(struct fair_turn *turn);
/* Harmless on one that does not wait. */
void fair_leave(struct fair_turn *turn);
/* Takes out the turn that is next. NULL: nobody waits. */
struct fair_turn *fair_next(struct fair *fair);
void fair_charge(struct fair_flow *flow, uint64_t cost);

void fair_count(struct fair_counts *counts, const struct fair_flow *flow, uint32_t more);
void fair_discount(struct fair_counts *counts, const struct fair_flow *flow, uint32_t less);
uint64_t fair_counted(const struct fair_counts *counts, const struct fair_flow *flow);

/* May somebody who holds `own` have `more`, of `max` (0: without bound) of which `taken` are? */
static inline bool fair_share(uint64_t own, uint64_t more, uint64_t taken, uint64_t max)
{
    return max == 0 || (taken < max && own + more <= max - taken);
}

#endif
