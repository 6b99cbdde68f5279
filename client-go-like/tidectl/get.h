/*
 * get - what `get` is to fetch, and how it is asked for: targets.c finds what is meant,
 * get_answer.c fetches it, get.c prints it once, get_watch.c goes on.
 */
#ifndef TIDEWATCH_TIDECTL_GET_H
#define TIDEWATCH_TIDECTL_GET_H

#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/table.h"
#include "client-go-like/tidectl/targets.h"

struct get {
    struct tidectl *t;
    struct output output;
    uint32_t page;
    bool whole_rows; /* rows bring whole objects, for what looks into them */
    struct targets targets;
};

extern const char table_accept[];

static inline bool get_is_table(const struct get *g)
{
    return g->output.form <= OUTPUT_WIDE;
}

/* One page of a collection, or one object: a Table of rows, or a list of objects. */
struct answer {
    tw_object *table; /* NULL: `list` */
    tw_list *list;
    const struct json **items; /* rows or objects, borrowed from them */
    size_t count;
    const char *rv, *more; /* of the collection; more: where the next page begins, or NULL */
};

/* `token` NULL: the first page. TW_ERR_PROTOCOL if there is no Table where one was asked for. */
tw_status get_answer(const struct get *g, const struct target *target, const char *field_selector,
                     const char *token, struct answer *ret_answer, tw_error **reterr);
void answer_release(struct answer *answer);
/* What is not its own to set, for the rows of one kind. */
void get_set_table(const struct get *g, const tw_resource *resource, struct table *table);

/* Sorts rows or objects as --sort-by says. False after saying why not. */
bool get_sort(const struct get *g, const struct json **items, size_t count);

int get_watch(struct get *g);

#endif
