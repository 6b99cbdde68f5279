#include "apiserver/registry/kind.h"

#include <pthread.h>
#include <stdlib.h>

#include "apiserver/registry/custom_kind.h"
#include "apiserver/registry/kinds.h"
#include "codec/transcoder.h"

const struct column columns_created_at[2] = {COLUMN_NAME, COLUMN_CREATED_AT};

/* Groups by the priorities kube-aggregator gives them (k8s.io/kubernetes/pkg/controlplane
 * /apiserver/aggregator.go), resources of a group by name. */
static const struct kind *const *const groups[] = {
    kinds_core,          kinds_apps,      kinds_events,        kinds_authentication,
    kinds_authorization, kinds_batch,     kinds_networking,    kinds_policy,
    kinds_rbac,          kinds_storage,   kinds_apiextensions, kinds_scheduling,
    kinds_coordination,  kinds_discovery,
};

enum { BUILTIN_MAX = 64 };
static const struct kind *builtin[BUILTIN_MAX]; /* as discovery shows them */
static const struct kind *by_prefix[BUILTIN_MAX];
static size_t builtin_count;
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

static int compare_prefixes(const void *a, const void *b)
{
    return strcmp((*(const struct kind *const *)a)->prefix,
                  (*(const struct kind *const *)b)->prefix);
}

static void collect_builtin(void)
{
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        for (size_t i = 0; groups[g][i] != NULL; i++) {
            assert(builtin_count < BUILTIN_MAX);
            builtin[builtin_count++] = groups[g][i];
        }
    }
    memcpy(by_prefix, builtin, sizeof(builtin));
    qsort(by_prefix, builtin_count, sizeof(*by_prefix), compare_prefixes);
}

const struct kind *const *kinds_builtin(size_t *ret_count)
{
    pthread_once(&builtin_once, collect_builtin);
    *ret_count = builtin_count;
    return builtin;
}

bool kinds_have_group(struct bytes group)
{
    for (size_t g = 0; g < ARRAY_LEN(groups); g++)
        if (bytes_eq_str(group, groups[g][0]->group))
            return true;
    return false;
}

/* No prefix begins another (each ends with its only last '/'), so the greatest one that is not
 * behind the key is the only candidate. */
const struct kind *kind_of_key(struct bytes key)
{
    size_t low = 0, high;

    (void)kinds_builtin(&high);
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (bytes_cmp(bytes_str(by_prefix[middle]->prefix), key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || !bytes_starts_with(key, bytes_str(by_prefix[low - 1]->prefix)))
        return NULL;
    return by_prefix[low - 1];
}

const struct kind *kind_ref(const struct kind *kind)
{
    if (kind->of != NULL)
        custom_kind_ref(kind->of);
    return kind;
}

void kind_unref(const struct kind *kind)
{
    if (kind != NULL && kind->of != NULL)
        custom_kind_unref(kind->of);
}

/* Copies instead of printing: a name may hold a NUL, and must not end there. */
struct bytes kind_key(const struct kind *kind, struct arena *arena, struct bytes namespace,
                      struct bytes name)
{
    const struct bytes parts[] = {bytes_str(kind->prefix), namespace,
                                  namespace.len > 0 ? BYTES("/") : BYTES(""), name};

    return arena_join(arena, parts, ARRAY_LEN(parts));
}

struct bytes kind_key_prefix(const struct kind *kind, struct arena *arena, struct bytes namespace)
{
    const struct bytes parts[] = {bytes_str(kind->prefix), namespace, BYTES("/")};

    if (namespace.len == 0)
        return parts[0];
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

bool kind_has_field(const struct kind *kind, struct bytes field)
{
    if (bytes_eq_str(field, "metadata.name") || bytes_eq_str(field, "metadata.namespace"))
        return true;
    for (size_t i = 0; i < kind->field_count; i++) {
        if (bytes_eq_str(field, kind->fields[i].label))
            return true;
    }
    return false;
}

bool kind_matches_fields(const struct kind *kind, const struct object *object,
                         const struct field_selector *selector)
{
    if (selector == NULL || selector->count == 0)
        return true;
    if (kind->custom)
        return custom_kind_matches_fields(kind, object, selector);
    return object_matches_fields(object, selector, kind->fields, kind->field_count);
}

const struct message_type *kind_message(const struct kind *kind)
{
    if (kind->of != NULL)
        return custom_kind_message(kind->of, false);
    return transcoder_find(bytes_str(kind->api_version), bytes_str(kind->kind));
}

const struct message_type *kind_list_message(const struct kind *kind)
{
    if (kind->of != NULL)
        return custom_kind_message(kind->of, true);
    return transcoder_find(bytes_str(kind->api_version), bytes_str(kind->list_kind));
}
