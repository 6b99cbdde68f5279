/*
 * targets - what the command line means: words, files and selectors become collections or objects.
 *
 *   cm,secrets -> two collections     cm a b, cm/a secret/b -> objects     -f FILE -> objects
 *
 * Owner    targets_release(). Texts are of argv, of the files or of listed objects.
 */
#ifndef TIDEWATCH_TIDECTL_TARGETS_H
#define TIDEWATCH_TIDECTL_TARGETS_H

#include "client-go-like/tidectl/manifest.h"

struct target {
    const tw_resource_info *info;
    const char *ns;     /* NULL: of all namespaces, or of a cluster-scoped type */
    const char *name;   /* NULL: the collection */
    const char *source; /* NULL, or the file as kubectl names it */
    struct json *tree;  /* NULL, or what the file says */
    tw_object *object;  /* NULL, or as listed */
};

struct targets {
    struct target *items;
    size_t count;
    struct manifests files;
    tw_list **lists; /* that objects were taken from */
    size_t list_count;
};

/* Finds what the files or the words name. False after saying what is wrong. */
bool targets_find(struct tidectl *t, struct targets *targets);
/* The same with every collection listed, for commands that act on objects. What could not be found
 * is told; false if anything was. */
bool targets_find_objects(struct tidectl *t, struct targets *targets);
void targets_release(struct targets *targets);
/* "Unable to list ..", which a refused list is told with; an empty buf where nothing is. */
void targets_describe_list(const struct tidectl *t, const tw_resource *resource,
                           const tw_error *error, struct buf *doing);

#endif
