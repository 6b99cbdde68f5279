/* The order in which discovery shows what is served. */
#include <stdlib.h>

#include "apiserver/registry/kube_version.h"
#include "apiserver/registry/registry_parts.h"

/* The built-in groups keep their order, all others come behind them, by name. */
static size_t rank_of(const char *group)
{
    size_t count, rank = 0;
    const struct kind *const *builtin = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(builtin[i]->group, group) == 0)
            return rank;
        rank += i + 1 < count && strcmp(builtin[i + 1]->group, builtin[i]->group) != 0 ? 1 : 0;
    }
    return SIZE_MAX;
}

static int compare_served(const void *a, const void *b)
{
    const struct served *x = a, *y = b;
    int order = (x->rank > y->rank) - (x->rank < y->rank);

    if (order == 0)
        order = strcmp(x->kind->group, y->kind->group);
    if (order == 0)
        order = kube_version_compare(bytes_str(x->kind->version), bytes_str(y->kind->version));
    return order != 0 ? order : strcmp(x->kind->plural, y->kind->plural);
}

const struct served *served_kinds(struct registry *registry, size_t *ret_count)
{
    size_t count;
    const struct kind *const *all = registry_all(registry, &count);
    struct served *served;

    *ret_count = count;
    if (registry->served != NULL || all == NULL)
        return registry->served;
    served = calloc(count, sizeof(*served));
    if (served == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        served[i] = (struct served){all[i], rank_of(all[i]->group)};
    qsort(served, count, sizeof(*served), compare_served);
    registry->served = served;
    return served;
}

size_t served_group_end(const struct served *served, size_t count, size_t at)
{
    size_t end = at;

    while (end < count && strcmp(served[end].kind->group, served[at].kind->group) == 0)
        end++;
    return end;
}

size_t served_version_end(const struct served *served, size_t count, size_t at)
{
    size_t end = at;

    while (end < count && strcmp(served[end].kind->version, served[at].kind->version) == 0 &&
           strcmp(served[end].kind->group, served[at].kind->group) == 0)
        end++;
    return end;
}

bool served_find(const struct served **served, size_t *count, struct bytes group,
                 struct bytes version)
{
    size_t at = 0, end;

    while (at < *count && !bytes_eq_str(group, (*served)[at].kind->group))
        at = served_group_end(*served, *count, at);
    end = served_group_end(*served, *count, at);
    if (version.len > 0) {
        while (at < end && !bytes_eq_str(version, (*served)[at].kind->version))
            at = served_version_end(*served, end, at);
        end = served_version_end(*served, end, at);
    }
    *served += at;
    *count = end - at;
    return *count > 0;
}
