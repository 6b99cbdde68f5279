#include "apiserver/registry/registry_parts.h"

/* A set is a map whose values say nothing. Empty names are no names. */
static bool add(struct map *set, struct bytes name)
{
    static char present;

    return name.len == 0 || map_put(set, name, &present);
}

static bool add_kind(const struct kind *kind, struct map *resources, struct map *kinds)
{
    bool ok = add(resources, bytes_str(kind->plural)) &&
              add(resources, bytes_str(kind->singular)) && add(kinds, bytes_str(kind->kind)) &&
              add(kinds, bytes_str(kind->list_kind));

    for (size_t i = 0; kind->short_names != NULL && kind->short_names[i] != NULL; i++)
        ok = ok && add(resources, bytes_str(kind->short_names[i]));
    return ok;
}

bool registry_taken_names(const struct registry *registry, struct bytes group, struct bytes but,
                          struct map *resources, struct map *kinds)
{
    for (struct map_slot *it = map_next(&registry->by_resource, NULL); it != NULL;
         it = map_next(&registry->by_resource, it)) {
        const struct kind *kind = it->value;

        if (!bytes_eq_str(group, kind->group) || bytes_eq_str(but, kind->group_resource))
            continue;
        if (!add_kind(kind, resources, kinds))
            return false;
    }
    return true;
}
