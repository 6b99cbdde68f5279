#include "client-go-like/leaderelection/elector.h"

#include <stdio.h>
#include <stdlib.h>

tw_status lease_read(const tw_object *lease, struct lease_record *ret_record)
{
    const char *holder = tw_object_get_string(lease, "spec.holderIdentity");
    const char *acquired = tw_object_get_string(lease, "spec.acquireTime");
    struct lease_record record = {.holder = strdup(holder != NULL ? holder : "")};
    int64_t duration_s = 0;

    if (record.holder == NULL)
        return TW_ERR_NO_MEMORY;
    if (tw_object_get_int(lease, "spec.leaseDurationSeconds", &duration_s) && duration_s > 0)
        record.duration_ms = (uint64_t)duration_s * 1000;
    tw_object_get_int(lease, "spec.leaseTransitions", &record.transitions);
    if (acquired != NULL && strlen(acquired) < sizeof(record.acquired))
        memcpy(record.acquired, acquired, strlen(acquired) + 1);
    *ret_record = record;
    return TW_OK;
}

bool lease_same_spec(const tw_object *a, const tw_object *b)
{
    const struct json *spec_a = object_at(a, "spec"), *spec_b = object_at(b, "spec");

    return spec_a != NULL && spec_b != NULL ? json_equal(spec_a, spec_b) : spec_a == spec_b;
}

/* A new Lease without a spec. */
static struct json *new_lease(struct arena *arena, const tw_elector *e)
{
    struct json *lease = json_new_object(arena), *metadata;

    json_set_text(arena, lease, "apiVersion", BYTES("coordination.k8s.io/v1"));
    json_set_text(arena, lease, "kind", BYTES("Lease"));
    metadata = json_ensure_object(arena, lease, "metadata");
    json_set_text(arena, metadata, "name", bytes_str(e->name));
    json_set_text(arena, metadata, "namespace", bytes_str(e->ns));
    return lease;
}

tw_status lease_write(const tw_elector *e, const tw_object *old, const struct lease_record *record,
                      tw_object **ret_lease, tw_error **reterr)
{
    char now[RFC3339_MICRO_LEN + 1];
    struct arena arena = {0};
    struct json *lease = old != NULL ? json_copy(&arena, old->tree) : new_lease(&arena, e), *spec;
    struct buf text = {0};
    tw_status st;

    rfc3339_micro_format(e->env.wall_us(), now);
    spec = json_ensure_object(&arena, lease, "spec");
    json_set_text(&arena, spec, "holderIdentity", bytes_str(record->holder));
    json_set(spec, BYTES("leaseDurationSeconds"),
             json_new_int(&arena, (int64_t)((record->duration_ms + 999) / 1000)));
    json_set_text(&arena, spec, "acquireTime",
                  bytes_str(record->acquired[0] != '\0' ? record->acquired : now));
    json_set_text(&arena, spec, "renewTime", bytes_str(now));
    json_set(spec, BYTES("leaseTransitions"), json_new_int(&arena, record->transitions));
    if (!arena.failed)
        json_write(&text, lease, false);
    st = arena.failed || text.failed ? tw_fail_no_memory(reterr)
                                     : tw_object_from_json(text.data, text.len, ret_lease, reterr);
    buf_release(&text);
    arena_release(&arena);
    return st;
}
