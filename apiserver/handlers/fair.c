#include "apiserver/handlers/fair.h"

#include <stdlib.h>

void fair_init(struct fair *fair)
{
    *fair = (struct fair){0};
    list_init(&fair->order);
}

void fair_release(struct fair *fair)
{
    for (struct map_slot *it = map_next(&fair->flows, NULL); it != NULL;
         it = map_next(&fair->flows, it))
        free(it->value);
    map_release(&fair->flows);
}

/* ---- flows ---- */

static struct fair_flow *new_flow(struct fair *fair, struct bytes name)
{
    struct fair_flow *flow = calloc(1, sizeof(*flow) + name.len + 1);
    char *copy;

    if (flow == NULL)
        return NULL;
    copy = (char *)(flow + 1);
    if (name.len != 0)
        memcpy(copy, name.ptr, name.len);
    flow->fair = fair;
    flow->name = bytes_of(copy, name.len);
    flow->hash = bytes_hash(flow->name);
    list_init(&flow->turns);
    for (size_t i = 0; i < FAIR_KINDS; i++)
        list_init(&flow->of[i].parked);
    if (map_put(&fair->flows, flow->name, flow))
        return flow;
    free(flow);
    return NULL;
}

struct fair_flow *fair_flow(struct fair *fair, struct bytes name)
{
    struct fair_flow *flow = fair->idle;

    if (flow == NULL || !bytes_eq(flow->name, name))
        flow = map_get(&fair->flows, name);
    if (flow == NULL)
        flow = new_flow(fair, name);
    if (flow == NULL)
        return NULL;
    if (flow == fair->idle)
        fair->idle = NULL;
    flow->refs++;
    return flow;
}

/* One by one, requests of a user would make and forget him each time. */
void fair_flow_unref(struct fair_flow *flow)
{
    struct fair_flow *forgotten;

    if (flow == NULL || --flow->refs > 0)
        return;
    forgotten = flow->fair->idle;
    flow->fair->idle = flow;
    flow->served = 0; /* who comes back is as one who comes new */
    if (forgotten == NULL)
        return;
    map_remove(&forgotten->fair->flows, forgotten->name);
    free(forgotten);
}

/* ---- turns ---- */

/* Behind all that were served less, or as little. */
static void stand(struct fair_flow *flow)
{
    struct list *after = flow->fair->order.prev;

    while (after != &flow->fair->order &&
           list_entry(after, struct fair_flow, link)->served > flow->served)
        after = after->prev;
    list_append(after->next, &flow->link);
}

void fair_wait(struct fair_turn *turn)
{
    struct fair_flow *flow = turn->flow;

    list_append(&flow->turns, &turn->link);
    if (list_linked(&flow->link))
        return;
    if (flow->served < flow->fair->level)
        flow->served = flow->fair->level;
    stand(flow);
}

void fair_leave(struct fair_turn *turn)
{
    if (!list_linked(&turn->link))
        return;
    list_remove(&turn->link);
    if (list_empty(&turn->flow->turns))
        list_remove(&turn->flow->link);
}

struct fair_turn *fair_next(struct fair *fair)
{
    struct fair_flow *flow;
    struct fair_turn *turn;

    if (list_empty(&fair->order))
        return NULL;
    flow = list_entry(fair->order.next, struct fair_flow, link);
    turn = list_entry(flow->turns.next, struct fair_turn, link);
    fair->level = flow->served;
    fair_leave(turn);
    return turn;
}

void fair_charge(struct fair_flow *flow, uint64_t cost)
{
    if (flow->served < flow->fair->level)
        flow->served = flow->fair->level;
    else if (list_empty(&flow->fair->order)) /* nobody waits: what it took, it took from nobody */
        flow->fair->level = flow->served;
    flow->served += cost;
    if (!list_linked(&flow->link))
        return;
    list_remove(&flow->link);
    stand(flow);
}

/* ---- what is held ---- */

static size_t index_in(size_t row, const struct fair_flow *flow)
{
    return (size_t)(flow->hash >> (32 * row)) % FAIR_COUNTS;
}

void fair_count(struct fair_counts *counts, const struct fair_flow *flow, uint32_t more)
{
    for (size_t row = 0; row < FAIR_ROWS; row++)
        atomic_fetch_add_explicit(&counts->rows[row][index_in(row, flow)], more,
                                  memory_order_relaxed);
}

void fair_discount(struct fair_counts *counts, const struct fair_flow *flow, uint32_t less)
{
    for (size_t row = 0; row < FAIR_ROWS; row++)
        atomic_fetch_sub_explicit(&counts->rows[row][index_in(row, flow)], less,
                                  memory_order_relaxed);
}

uint64_t fair_counted(const struct fair_counts *counts, const struct fair_flow *flow)
{
    uint32_t least = UINT32_MAX;

    for (size_t row = 0; row < FAIR_ROWS; row++) {
        uint32_t count =
            atomic_load_explicit(&counts->rows[row][index_in(row, flow)], memory_order_relaxed);

        if (count < least)
            least = count;
    }
    return least;
}
