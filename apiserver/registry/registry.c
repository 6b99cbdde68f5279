#include "apiserver/registry/registry.h"

#include <stdlib.h>

#include "apiserver/registry/cells.h"
#include "apiserver/registry/kube_version.h"
#include "apiserver/registry/registry_parts.h"
#include "codec/jsonpath.h"

enum { KEY_MAX = 512 }; /* more than any group, version and plural that pass validation */

/* "a/b/c" in `storage`; ptr NULL if it is too long to be of any kind. */
static struct bytes join_key(char storage[KEY_MAX], struct bytes a, struct bytes b, struct bytes c)
{
    const struct bytes parts[] = {a, BYTES("/"), b, BYTES("/"), c};
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len > KEY_MAX - len)
            return bytes_of(NULL, 0);
        if (parts[i].len > 0)
            memcpy(storage + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return bytes_of(storage, len);
}

static bool add_builtin(struct registry *registry, const struct kind *kind)
{
    struct arena *arena = &registry->arena;
    struct bytes resource =
        arena_printf(arena, "%s/%s/%s", kind->group, kind->version, kind->plural);
    struct bytes name = arena_printf(arena, "%s/%s/%s", kind->group, kind->version, kind->kind);

    return !arena->failed && map_put(&registry->by_resource, resource, (void *)(uintptr_t)kind) &&
           map_put(&registry->by_kind, name, (void *)(uintptr_t)kind) &&
           map_put(&registry->builtin, bytes_str(kind->group_resource), (void *)(uintptr_t)kind);
}

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    if (registry == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (add_builtin(registry, kinds[i]))
            continue;
        registry_free(registry);
        return NULL;
    }
    return registry;
}

static void crd_free(struct crd *crd)
{
    if (crd == NULL)
        return;
    custom_kinds_release(&crd->kinds);
    object_unref(crd->object);
    free(crd);
}

void registry_free(struct registry *registry)
{
    if (registry == NULL)
        return;
    documents_forget(registry, NULL);
    for (struct map_slot *it = map_next(&registry->crds, NULL); it != NULL;
         it = map_next(&registry->crds, it))
        crd_free(it->value);
    map_release(&registry->crds);
    map_release(&registry->by_resource);
    map_release(&registry->by_kind);
    map_release(&registry->builtin);
    map_release(&registry->documents);
    arena_release(&registry->arena);
    free(registry->all);
    free(registry->served);
    free(registry);
}

/* ---- finding ---- */

const struct kind *registry_find(const struct registry *registry, struct bytes group,
                                 struct bytes version, struct bytes plural)
{
    char storage[KEY_MAX];
    struct bytes key = join_key(storage, group, version, plural);

    return key.ptr != NULL ? map_get(&registry->by_resource, key) : NULL;
}

const struct kind *registry_find_kind(const struct registry *registry, struct bytes group,
                                      struct bytes version, struct bytes kind)
{
    char storage[KEY_MAX];
    struct bytes key = join_key(storage, group, version, kind);

    return key.ptr != NULL ? map_get(&registry->by_kind, key) : NULL;
}

/* The preferred version of a CRD's. */
static const struct kind *preferred(const struct crd *crd)
{
    const struct kind *best = NULL;

    for (struct list *it = crd->kinds.next; it != &crd->kinds; it = it->next) {
        const struct kind *kind = &list_entry(it, struct custom_kind, link)->kind;

        if (best == NULL ||
            kube_version_compare(bytes_str(kind->version), bytes_str(best->version)) < 0)
            best = kind;
    }
    return best;
}

const struct kind *registry_find_any(const struct registry *registry, struct bytes group,
                                     struct bytes plural)
{
    char storage[KEY_MAX];
    struct bytes key = plural;
    const struct kind *kind;
    const struct crd *crd;

    if (group.len > 0) {
        if (plural.len + 1 + group.len > KEY_MAX)
            return NULL;
        memcpy(storage, plural.ptr, plural.len);
        storage[plural.len] = '.';
        memcpy(storage + plural.len + 1, group.ptr, group.len);
        key = bytes_of(storage, plural.len + 1 + group.len);
    }
    kind = map_get(&registry->builtin, key);
    if (kind != NULL)
        return kind;
    crd = map_get(&registry->crds, key);
    return crd != NULL ? preferred(crd) : NULL;
}

/* ---- order ---- */

static int compare_custom(const void *a, const void *b)
{
    const struct kind *x = *(const struct kind *const *)a, *y = *(const struct kind *const *)b;
    int order = strcmp(x->group, y->group);

    if (order == 0)
        order = kube_version_compare(bytes_str(x->version), bytes_str(y->version));
    return order != 0 ? order : strcmp(x->plural, y->plural);
}

const struct kind *const *registry_all(struct registry *registry, size_t *ret_count)
{
    size_t builtin_count, count;
    const struct kind *const *builtin = kinds_builtin(&builtin_count);
    const struct kind **all;

    *ret_count = registry->all_count;
    if (registry->all != NULL)
        return registry->all;
    all = calloc(registry->by_resource.count + 1, sizeof(*all));
    if (all == NULL)
        return NULL;
    memcpy(all, builtin, builtin_count * sizeof(*all));
    count = builtin_count;
    for (struct map_slot *it = map_next(&registry->by_resource, NULL); it != NULL;
         it = map_next(&registry->by_resource, it)) {
        const struct kind *kind = it->value;

        if (kind->custom)
            all[count++] = kind;
    }
    qsort(all + builtin_count, count - builtin_count, sizeof(*all), compare_custom);
    registry->all = all;
    registry->all_count = *ret_count = count;
    return all;
}

void registry_each(const struct registry *registry,
                   void (*each)(void *user, const struct kind *kind), void *user)
{
    size_t count; /* the order is a cache: making it is no change anyone sees */
    const struct kind *const *all = registry_all((struct registry *)(uintptr_t)registry, &count);

    for (size_t i = 0; all != NULL && i < count; i++)
        each(user, all[i]);
}

/* ---- CRDs come and go ---- */

/* A name that is taken stays with who has it: crd_prepare() refuses such a CRD, but two of them may
 * have been written at the same moment. */
static bool index_kind(struct registry *registry, struct custom_kind *custom)
{
    if (map_get(&registry->by_resource, custom->resource_key) != NULL ||
        map_get(&registry->by_kind, custom->kind_key) != NULL)
        return true;
    if (!map_put(&registry->by_resource, custom->resource_key, &custom->kind))
        return false;
    if (map_put(&registry->by_kind, custom->kind_key, &custom->kind))
        return true;
    map_remove(&registry->by_resource, custom->resource_key);
    return false;
}

static void unindex_kind(struct registry *registry, const struct custom_kind *custom)
{
    if (map_get(&registry->by_resource, custom->resource_key) != &custom->kind)
        return;
    map_remove(&registry->by_resource, custom->resource_key);
    map_remove(&registry->by_kind, custom->kind_key);
}

/* Everything that was made from the kinds is stale. */
static void changed(struct registry *registry, struct bytes crd_name)
{
    struct bytes group = bytes_from(crd_name, bytes_find(crd_name, '.') + 1);
    char storage[KEY_MAX];

    free(registry->all);
    free(registry->served);
    registry->all = NULL;
    registry->served = NULL;
    registry->all_count = 0;
    if (group.len < sizeof(storage)) {
        memcpy(storage, group.ptr, group.len);
        storage[group.len] = '\0';
        documents_forget(registry, storage);
    } else {
        documents_forget(registry, NULL);
    }
}

void registry_remove_crd(struct registry *registry, struct bytes name)
{
    struct crd *crd = map_remove(&registry->crds, name);

    if (crd == NULL)
        return;
    for (struct list *it = crd->kinds.next; it != &crd->kinds; it = it->next)
        unindex_kind(registry, list_entry(it, struct custom_kind, link));
    changed(registry, crd->object->name);
    crd_free(crd);
}

bool registry_put_crd(struct registry *registry, const struct object *object)
{
    struct crd *crd = calloc(1, sizeof(*crd));

    if (crd == NULL)
        return false;
    list_init(&crd->kinds);
    crd->object = object_ref((struct object *)(uintptr_t)object);
    if (!custom_kinds_make(object, &crd->kinds)) {
        crd_free(crd);
        return false;
    }
    registry_remove_crd(registry, object->name);
    if (!map_put(&registry->crds, object->name, crd)) {
        crd_free(crd);
        return false;
    }
    changed(registry, object->name);
    for (struct list *it = crd->kinds.next; it != &crd->kinds; it = it->next) {
        if (!index_kind(registry, list_entry(it, struct custom_kind, link)))
            return false;
    }
    return true;
}

bool registry_custom_info(const struct kind *kind, struct custom_info *ret_info)
{
    if (kind->of == NULL)
        return false;
    *ret_info = kind->of->info;
    return true;
}

bool registry_write_proto(const struct kind *kind, struct buf *out)
{
    if (kind->of == NULL || kind->of->messages == NULL)
        return false;
    custom_messages_write_proto(out, kind->of->messages);
    return true;
}

/* ---- scale ---- */

bool registry_scale_paths(const struct kind *kind, struct scale_paths *ret_paths)
{
    static const struct scale_paths builtin = {".spec.replicas", ".status.replicas",
                                               ".spec.selector"};

    if (!kind->has_scale)
        return false;
    *ret_paths = kind->of != NULL ? kind->of->scale : builtin;
    return true;
}

void registry_scale_selector(const struct kind *kind, const struct json *object, struct buf *out)
{
    const struct json *selector = json_at(object, "spec", "selector", NULL);
    struct jsonpath path;

    if (!kind->has_scale)
        return;
    if (kind->of != NULL) {
        if (kind->of->scale.label_selector[0] != '\0' &&
            jsonpath_parse(bytes_str(kind->of->scale.label_selector), &path, NULL) == STATUS_OK)
            buf_append_bytes(out, json_text(jsonpath_first(&path, object)));
    } else if (kind->group[0] != '\0') {
        cell_append_selector(out, selector);
    } else if (json_is(selector, JSON_OBJECT) && selector->count > 0) {
        cell_append_labels(out, selector); /* a ReplicationController's is a plain map */
    }
}
