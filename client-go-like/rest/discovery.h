/*
 * discovery - a tw_discovery from the inside: fetched documents become infos. Internal.
 *
 *   discovery_fetch.c asks the server --> discovery_add() --> discovery.c finds by name
 */
#ifndef TIDEWATCH_CLIENT_REST_DISCOVERY_H
#define TIDEWATCH_CLIENT_REST_DISCOVERY_H

#include <tidewatch/discovery.h>

#include "client-go-like/fail.h"
#include "codec/json.h"

struct tw_discovery {
    tw_client *client;
    struct arena arena; /* infos and all their texts */
    tw_resource_info **infos;
    size_t count, capacity;
    bool has_core, has_groups; /* /api, /apis has been read */
    char *cache;               /* the folder; NULL: none */
    bool from_cache;           /* something was taken from there without asking the server */
    bool ask;                  /* nothing is any more */
};

/* One resource as either form of discovery describes it. `node` holds singularName or
 * singularResource, verbs, shortNames, categories. */
struct discovery_row {
    struct bytes group, version, resource, kind;
    bool namespaced;
    const struct json *node;
    const char *singular_member;
};
/* Copies; subresources (with a '/') are left out. */
tw_status discovery_add(tw_discovery *discovery, const struct discovery_row *row,
                        tw_error **reterr);
/* Reads /api or /apis, if that has not been done. */
tw_status discovery_fetch(tw_discovery *discovery, bool core, tw_error **reterr);

#endif
