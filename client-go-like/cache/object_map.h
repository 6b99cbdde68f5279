/*
 * object_map - objects by their key, "namespace/name". Internal.
 * Owner: the map holds a reference to each, and borrows its key. Zeroed is empty. Not locked.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_OBJECT_MAP_H
#define TIDEWATCH_CLIENT_CACHE_OBJECT_MAP_H

#include "base/map.h"
#include "client-go-like/object.h"

struct object_map {
    struct map map;
};

void object_map_release(struct object_map *map);
/* Borrowed, or NULL. */
tw_object *object_map_get(const struct object_map *map, struct bytes key);
/* Puts a reference in; the object it replaced (or NULL) is the caller's. False without memory. */
bool object_map_put(struct object_map *map, tw_object *object, tw_object **ret_old);
/* The one taken out is the caller's; NULL if there was none. */
tw_object *object_map_remove(struct object_map *map, struct bytes key);
/* A list with a reference to each, or NULL without memory. */
tw_list *object_map_list(const struct object_map *map);

#define object_map_each(m, object)                                                                 \
    for (struct map_slot *it_ = map_next(&(m)->map, NULL);                                         \
         it_ != NULL && ((object) = it_->value) != NULL; it_ = map_next(&(m)->map, it_))

#endif
