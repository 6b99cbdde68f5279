/*
 * discovery - which resource types the server has, and which one a user means by "po" or "Pod".
 *
 * Shape    what /api and /apis say, in the server's order, aggregated (KEP-3352) where the server
 *          can. Fetched when first needed, and no more than needed: "cm" is found in /api alone.
 * Owner    tw_discovery_free(); a tw_resource it gives lives as long as the discovery. It keeps a
 *          reference to the client.
 * Threads  one at a time.
 * Errors   TW_ERR_NO_MATCH: `the server doesn't have a resource type "x"`. The core group is asked
 *          first and wins, then groups in the server's order.
 */
#ifndef TIDEWATCH_DISCOVERY_H
#define TIDEWATCH_DISCOVERY_H

#include <tidewatch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_discovery tw_discovery;

typedef struct tw_resource_info {
    tw_resource resource; /* first */
    const char *singular;
    const char *const *verbs, *const *short_names, *const *categories; /* NULL-terminated */
} tw_resource_info;

TW_API tw_status tw_discovery_new(tw_client *client, tw_discovery **ret_discovery,
                                  tw_error **reterr);
TW_API void tw_discovery_free(tw_discovery *discovery);

/* Keeps what the server says in files below `folder`, as kubectl does; NULL: its own
 * $HOME/.kube/cache/discovery. They are believed for 6 h, and asked about again (by ETag) as soon
 * as something is missing in them. A cache that cannot be used costs a request, no error. */
TW_API tw_status tw_discovery_use_cache(tw_discovery *discovery, const char *folder,
                                        tw_error **reterr);
/* Believes nothing that it has read: the next call asks the server. */
TW_API void tw_discovery_invalidate(tw_discovery *discovery);

/* `name`: a plural, singular, kind or short name in any case, also with its group or version and
 * group: "deployments.apps", "deployments.v1.apps". */
TW_API tw_status tw_discovery_find(tw_discovery *discovery, const char *name,
                                   const tw_resource_info **ret_info, tw_error **reterr);
/* By `apiVersion` ("v1", "apps/v1") and kind, as they stand in a manifest. */
TW_API tw_status tw_discovery_find_kind(tw_discovery *discovery, const char *api_version,
                                        const char *kind, const tw_resource_info **ret_info,
                                        tw_error **reterr);
/* Fetches what is not there yet; subresources are left out. tw_discovery_count() and _at() then see
 * all of them. */
TW_API tw_status tw_discovery_load(tw_discovery *discovery, tw_error **reterr);
TW_API size_t tw_discovery_count(const tw_discovery *discovery);
/* NULL past the end. */
TW_API const tw_resource_info *tw_discovery_at(const tw_discovery *discovery, size_t index);

#ifdef __cplusplus
}
#endif
#endif
