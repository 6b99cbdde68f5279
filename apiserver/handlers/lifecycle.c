#include "apiserver/handlers/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>

#include "apiserver/handlers/aggregation.h"
#include "apiserver/handlers/bootstrap.h"
#include "apiserver/handlers/emptying.h"

/* What has an end of its own. */
enum target { TARGET_NAMESPACE, TARGET_CRD, TARGET_COUNT };

static const struct {
    const char *group, *plural;
    const struct emptying_ops *ops;
} targets[] = {
    [TARGET_NAMESPACE] = {"", "namespaces", &namespace_emptying},
    [TARGET_CRD] = {"apiextensions.k8s.io", "customresourcedefinitions", &crd_emptying},
};

struct lifecycle {
    struct worker *worker;
    const struct kind *kinds[TARGET_COUNT];
    struct map running; /* struct emptying by the key of what is being emptied */
    struct bootstrap bootstrap;
    struct aggregation aggregation;
};

static void look_at(struct lifecycle *lifecycle, enum target target, struct bytes key,
                    const struct object *object)
{
    if (object->deletion_timestamp.len != 0)
        emptying_start(lifecycle->worker, &lifecycle->running, targets[target].ops,
                       lifecycle->kinds[target], object, key);
}

/* ---- events ---- */

static void tell(struct lifecycle *lifecycle, struct bytes key)
{
    struct emptying *emptying = map_get(&lifecycle->running, key);

    if (emptying != NULL)
        emptying_on_gone(emptying);
}

/* Something is gone: its namespace, or its CRD, may have waited for that. */
static void on_gone(struct lifecycle *lifecycle, const struct event *event)
{
    const struct object *object = object_of(event->prev);
    struct bytes rest = event->key, group, plural;
    char key[1024];
    int len;

    if (lifecycle->running.count == 0 || object == NULL)
        return;
    if (map_get(&lifecycle->running, event->key) != NULL)
        emptying_on_over(map_get(&lifecycle->running, event->key));
    if (object->namespace.len != 0) {
        len = snprintf(key, sizeof(key), "%s%.*s", lifecycle->kinds[TARGET_NAMESPACE]->prefix,
                       BYTES_FMT(object->namespace));
        tell(lifecycle, bytes_of(key, (size_t)len));
    }
    if (!bytes_eq_str(bytes_cut(&rest, '/'), "custom"))
        return;
    group = bytes_cut(&rest, '/');
    plural = bytes_cut(&rest, '/');
    len = snprintf(key, sizeof(key), "%s%.*s.%.*s", lifecycle->kinds[TARGET_CRD]->prefix,
                   BYTES_FMT(plural), BYTES_FMT(group));
    tell(lifecycle, bytes_of(key, (size_t)len));
}

void lifecycle_on_event(struct lifecycle *lifecycle, const struct event *event)
{
    if (bytes_starts_with(event->key, BYTES("rbac.authorization.k8s.io/clusterroles/")))
        aggregation_on_change(&lifecycle->aggregation);
    if (event->type == EVENT_DELETE) {
        on_gone(lifecycle, event);
        return;
    }
    for (enum target i = 0; i < TARGET_COUNT; i++)
        if (bytes_starts_with(event->key, bytes_str(lifecycle->kinds[i]->prefix)))
            look_at(lifecycle, i, event->key, object_of(event->value));
}

/* ---- the start ---- */

struct resume {
    struct lifecycle *lifecycle;
    enum target target;
};

static bool resume_one(void *user, struct bytes key, struct object *object)
{
    struct resume *resume = user;

    look_at(resume->lifecycle, resume->target, key, object);
    return true;
}

struct lifecycle *lifecycle_new(struct worker *worker, void (*on_ready)(void *user), void *user)
{
    struct lifecycle *lifecycle = calloc(1, sizeof(*lifecycle));

    if (lifecycle == NULL)
        return NULL;
    lifecycle->worker = worker;
    for (enum target i = 0; i < TARGET_COUNT; i++) {
        struct resume resume = {lifecycle, i};

        lifecycle->kinds[i] = registry_find(worker->registry, bytes_str(targets[i].group),
                                            BYTES("v1"), bytes_str(targets[i].plural));
        watch_cache_each(worker->cache, bytes_str(lifecycle->kinds[i]->prefix), bytes_of(NULL, 0),
                         resume_one, &resume);
    }
    aggregation_init(&lifecycle->aggregation, worker);
    bootstrap_start(&lifecycle->bootstrap, worker, on_ready, user);
    return lifecycle;
}

void lifecycle_free(struct lifecycle *lifecycle)
{
    if (lifecycle == NULL)
        return;
    emptying_free_all(&lifecycle->running);
    bootstrap_release(&lifecycle->bootstrap);
    aggregation_release(&lifecycle->aggregation);
    free(lifecycle);
}
