/*
 * path - builds request paths: "/apis/apps/v1/namespaces/x/deployments/y?limit=500". Internal.
 * Errors stay in the buf, which ends in NUL after path_end().
 */
#ifndef TIDEWATCH_CLIENT_REST_PATH_H
#define TIDEWATCH_CLIENT_REST_PATH_H

#include <tidewatch/client.h>

#include "base/buf.h"

/* `ns` counts only for a namespaced resource; NULL or "" leaves `ns` or `name` out. */
void path_begin(struct buf *path, const tw_resource *resource, const char *ns, const char *name);
/* "/status"; nothing if it is NULL or "". Before any query. */
void path_subresource(struct buf *path, const char *subresource);
/* Appends one query parameter, escaped; nothing if `value` is NULL or "". */
void path_query(struct buf *path, const char *key, const char *value);
void path_query_u64(struct buf *path, const char *key, uint64_t value);
/* The C string, or NULL without memory. */
const char *path_end(struct buf *path);
/* What selects objects of a collection, and how. */
void path_list_options(struct buf *path, const tw_list_options *options);
/* Makes "v1" or "apps/v1". */
void path_api_version(struct buf *out, const tw_resource *resource);

#endif
