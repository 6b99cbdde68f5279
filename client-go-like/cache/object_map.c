#include "client-go-like/cache/object_map.h"

void object_map_release(struct object_map *map)
{
    tw_object *object;

    object_map_each(map, object) {
        tw_object_unref(object);
    }
    map_release(&map->map);
}

tw_object *object_map_get(const struct object_map *map, struct bytes key)
{
    return map_get(&map->map, key);
}

bool object_map_put(struct object_map *map, tw_object *object, tw_object **ret_old)
{
    tw_object *old = map_get(&map->map, object->key);

    if (!map_put(&map->map, object->key, object))
        return false;
    tw_object_ref(object);
    *ret_old = old;
    return true;
}

tw_object *object_map_remove(struct object_map *map, struct bytes key)
{
    return map_remove(&map->map, key);
}

tw_list *object_map_list(const struct object_map *map)
{
    tw_list *list = list_new();
    tw_object *object;

    if (list == NULL)
        return NULL;
    object_map_each(map, object) {
        if (list_add(list, object))
            continue;
        tw_list_free(list);
        return NULL;
    }
    return list;
}
