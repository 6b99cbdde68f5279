/*
 * manifest - the objects that -f names: files, folders of them, stdin; YAML or JSON, many
 * documents.
 *
 * Shape    a document that is a List stands for its items.
 * Owner    manifests_release(); the trees live in its arena.
 */
#ifndef TIDEWATCH_TIDECTL_MANIFEST_H
#define TIDEWATCH_TIDECTL_MANIFEST_H

#include "client-go-like/tidectl/tidectl.h"
#include "codec/json.h"

struct manifest {
    struct json *tree;
    const char *source;    /* as kubectl names it: the path, or STDIN */
    const char *name, *ns; /* ns: where it is to go */
    const tw_resource_info *info;
};

struct manifests {
    struct arena arena;
    struct manifest *items;
    size_t count, capacity;
};

/* Reads all of -f and finds their resource types. Says what is wrong and goes on where it can;
 * false if anything was. */
bool manifests_read(struct tidectl *t, struct manifests *manifests);
void manifests_release(struct manifests *manifests);

#endif
