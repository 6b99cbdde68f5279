/*
 * get - what `get` is to fetch, and how it is asked for: get_targets.c finds what is meant,
 * get_answer.c fetches it, get.c prints it once, get_watch.c goes on.
 */
#ifndef TIDEWATCH_TIDECTL_GET_H
#define TIDEWATCH_TIDECTL_GET_H

#include "client-go-like/object.h"
#include "client-go-like/tidectl/tidectl.h"

enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };

struct target {
    const tw_resource_info *info;
    const char *name; /* NULL: the collection */
};

struct get {
    struct tidectl *t;
    enum output output;
    uint32_t page;
    struct target *targets;
    size_t count;
};

extern const char table_accept[];

static inline bool get_is_table(const struct get *g)
{
    return g->output <= OUTPUT_WIDE;
}
/* The namespace to ask in; NULL for all, or for a cluster-scoped type. */
static inline const char *get_namespace(const struct get *g, const struct target *target)
{
    return target->info->resource.namespaced ? g->t->ns : NULL;
}
/* Finds what the words of the command line name. False after saying what is wrong. */
bool get_targets(struct get *g);

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
/* One object in the format of -o json, yaml or name. */
void get_print(const struct get *g, const struct target *target, struct json *tree,
               struct buf *out);

int get_watch(struct get *g);

#endif
