/*
 * verbs - the verbs of client.h with all their options, subresources, and deletion of many.
 *
 *   tw_get_with() tw_create_with() tw_update_with() tw_patch_with() tw_apply()
 *   tw_delete_with() tw_delete_collection()
 *
 * Shape    as of client.h; `options` may be NULL, and a member of them that is zero is not said.
 */
#ifndef TIDEWATCH_VERBS_H
#define TIDEWATCH_VERBS_H

#include <tidewatch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_get_options {
    const char *subresource; /* "status", "scale" */
    const char *resource_version;
} tw_get_options;

typedef struct tw_write_options {
    const char *subresource;      /* "status", "scale", "eviction", "token" .. */
    const char *field_manager;    /* of an apply: "tidewatch" unless said */
    const char *field_validation; /* "Ignore", "Warn" or "Strict" */
    bool dry_run;                 /* all but the storing */
    bool force;                   /* of an apply: fields that others manage become ours */
} tw_write_options;

typedef struct tw_delete_options {
    const char *propagation;       /* "Background" unless said, "Foreground" or "Orphan" */
    const int64_t *grace_period_s; /* NULL: the kind's own */
    const char *uid;               /* preconditions: only this one, */
    const char *resource_version;  /* only as it was then */
    bool dry_run;
} tw_delete_options;

TW_API tw_status tw_get_with(tw_client *client, const tw_resource *resource, const char *ns,
                             const char *name, const tw_get_options *options,
                             tw_object **ret_object, tw_error **reterr);
/* With a subresource the object's name is that of its parent. */
TW_API tw_status tw_create_with(tw_client *client, const tw_resource *resource, const char *ns,
                                const tw_object *object, const tw_write_options *options,
                                tw_object **ret_object, tw_error **reterr);
TW_API tw_status tw_update_with(tw_client *client, const tw_resource *resource, const char *ns,
                                const tw_object *object, const tw_write_options *options,
                                tw_object **ret_object, tw_error **reterr);
TW_API tw_status tw_patch_with(tw_client *client, const tw_resource *resource, const char *ns,
                               const char *name, tw_patch_type type, const char *patch, size_t len,
                               const tw_write_options *options, tw_object **ret_object,
                               tw_error **reterr);
/* Server-side apply: `object` holds the fields that are ours, and no others. */
TW_API tw_status tw_apply(tw_client *client, const tw_resource *resource, const char *ns,
                          const tw_object *object, const tw_write_options *options,
                          tw_object **ret_object, tw_error **reterr);
TW_API tw_status tw_delete_with(tw_client *client, const tw_resource *resource, const char *ns,
                                const char *name, const tw_delete_options *options,
                                tw_object **ret_object, tw_error **reterr);
/* All that `which` selects. */
TW_API tw_status tw_delete_collection(tw_client *client, const tw_resource *resource,
                                      const char *ns, const tw_list_options *which,
                                      const tw_delete_options *options, tw_error **reterr);

/* The path of a resource, escaped, for a tw_request: as snprintf(), how long it is, and at most
 * size - 1 of its bytes and a NUL in `out`. 0 without memory. `ns`, `name` and `subresource` may be
 * NULL. */
TW_API size_t tw_resource_path(const tw_resource *resource, const char *ns, const char *name,
                               const char *subresource, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
