/*
 * discovery_cache - documents of discovery in files, as kubectl keeps them. Internal.
 *
 *   <folder>/<host>_<port>/tidewatch-apis_apps_v1.json:  ETag, or an empty line; the document
 *
 * Shape    a file is fresh for six hours; after that, or when something is missing in it, its ETag
 *          asks whether it still holds. Written beside its name and renamed: nobody sees a half.
 * Errors   a cache that cannot be read or written is no cache: only memory is worth an error.
 */
#ifndef TIDEWATCH_CLIENT_REST_DISCOVERY_CACHE_H
#define TIDEWATCH_CLIENT_REST_DISCOVERY_CACHE_H

#include "base/buf.h"
#include "client-go-like/fail.h"

enum { CACHE_FRESH_S = 6 * 60 * 60 }; /* kubectl's discovery cache TTL */

struct cached {
    struct buf text; /* what the others borrow from */
    struct bytes etag, body;
    bool fresh;
};

/* <folder>/<host>, made if it is missing; `folder` NULL: $HOME/.kube/cache/discovery. */
tw_status cache_folder(const char *folder, const char *server, char **ret_folder,
                       tw_error **reterr);
/* False: there is none, or none that can be used. */
bool cache_read(const char *folder, const char *path, struct cached *ret_cached);
void cache_write(const char *folder, const char *path, const char *etag, struct bytes body);
/* It still holds: fresh again. */
void cache_touch(const char *folder, const char *path);

#endif
