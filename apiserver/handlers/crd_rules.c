/*
 * CustomResourceDefinitions: registry/crd.c knows what they must be; here is what their life adds
 * (k8s.io/apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go).
 */
#include "apiserver/handlers/kind_rules.h"

#include "base/clock.h"

#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

/* So that a CRD outlives its objects, each of which is deleted with an event of its own. */
static void add_finalizer(struct arena *arena, struct json *crd)
{
    struct json *meta = meta_of(arena, crd);
    struct json *finalizers = json_get(meta, BYTES("finalizers"));

    if (meta_has_finalizer(crd, CRD_FINALIZER))
        return;
    if (!json_is(finalizers, JSON_ARRAY))
        finalizers = json_set(meta, BYTES("finalizers"), json_new_array(arena));
    json_append(finalizers, json_new_string(arena, BYTES(CRD_FINALIZER)));
}

enum status crd_finish(struct draft *draft, struct error *reterr)
{
    enum status st = crd_prepare(draft->registry, draft->arena, draft->tree, draft->old, reterr);

    if (st == STATUS_OK && !meta_is_deleting(draft->tree))
        add_finalizer(draft->arena, draft->tree);
    return st;
}

void crd_mark_deleting(struct arena *arena, struct json *crd)
{
    struct json *status = json_ensure_object(arena, crd, "status");
    struct json *conditions = json_get(status, BYTES("conditions"));
    struct json *condition = json_new_object(arena);
    char now[RFC3339_LEN + 1];

    rfc3339_format(clock_wall_s(), now);
    if (!json_is(conditions, JSON_ARRAY))
        conditions = json_set(status, BYTES("conditions"), json_new_array(arena));
    json_set_text(arena, condition, "type", BYTES("Terminating"));
    json_set_text(arena, condition, "status", BYTES("True"));
    json_set_text(arena, condition, "lastTransitionTime", arena_dup(arena, bytes_str(now)));
    json_set_text(arena, condition, "reason", BYTES("InstanceDeletionInProgress"));
    json_set_text(arena, condition, "message", BYTES("CustomResource deletion is in progress"));
    json_append(conditions, condition);
}

void crd_remove_finalizer(struct arena *arena, struct json *crd)
{
    struct json *meta = meta_of(arena, crd), *kept = json_new_array(arena);

    json_each(json_get(meta, BYTES("finalizers")), it) {
        if (!bytes_eq_str(json_text(it), CRD_FINALIZER))
            json_append(kept, json_copy(arena, it));
    }
    if (kept != NULL && kept->count != 0)
        json_set(meta, BYTES("finalizers"), kept);
    else
        json_remove(meta, BYTES("finalizers"));
}
