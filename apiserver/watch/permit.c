#include "apiserver/watch/internal.h"

static void end_unpermitted(struct watcher *watcher, const struct error *why)
{
    if (watcher->ops->wake != NULL) /* of many on one stream: the others go on */
        watcher->ops->fail(watcher->sink, why);
    else if (watcher->ops->ready(watcher->sink))
        watcher_fail(watcher, why);
    else
        watcher_abort(watcher);
}

void watch_cache_recheck(struct watch_cache *cache,
                         bool (*holds)(void *user, struct watch_permit *permit,
                                       struct error *reterr),
                         void *user)
{
    for (struct map_slot *it = map_next(&cache->resources, NULL); it != NULL;
         it = map_next(&cache->resources, it)) {
        struct resource *resource = it->value;

        list_for_each(&resource->watchers, link) {
            struct watcher *watcher = list_entry(link, struct watcher, in_resource);
            struct error why = {0};

            if (watcher->permit != NULL && watcher->sink != NULL &&
                !holds(user, watcher->permit, &why))
                end_unpermitted(watcher, &why);
            error_release(&why);
        }
    }
}
