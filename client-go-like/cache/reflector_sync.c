#include "client-go-like/cache/object_map.h"
#include "client-go-like/cache/reflector.h"

/* The streaming list (KEP-3157): the whole state as ADDED events into a map of our own, until a
 * bookmark says that this was all. Only then the store sees it, in one step. */

static bool is_end_marker(const tw_event *event)
{
    const char *mark =
        tw_object_get_string(event->object, "metadata.annotations.k8s\\.io/initial-events-end");

    return event->type == TW_EVENT_BOOKMARK && mark != NULL && strcmp(mark, "true") == 0;
}

static bool keep(struct object_map *map, const tw_event *event)
{
    tw_object *old = NULL;
    bool ok = true;

    if (event->type == TW_EVENT_DELETED)
        old = object_map_remove(map, event->object->key);
    else if (event->type != TW_EVENT_BOOKMARK)
        ok = object_map_put(map, event->object, &old);
    tw_object_unref(old);
    return ok;
}

static tw_status hand_over(tw_reflector *r, const struct object_map *map, const char *rv,
                           tw_error **reterr)
{
    tw_list *list = object_map_list(map);
    bool ok = list != NULL && tw_store_replace(r->store, list) == TW_OK && reflector_set_rv(r, rv);

    tw_list_free(list);
    if (!ok)
        return tw_fail_no_memory(reterr);
    r->rv_unavailable = false;
    r->rv_moves = true;
    reflector_set_synced(r);
    return TW_OK;
}

/* Reads up to the marker. */
static tw_status read_state(tw_reflector *r, struct object_map *map, tw_error **reterr)
{
    for (;;) {
        tw_event event;
        tw_status st = reflector_next(r, &event, reterr);
        bool whole;

        if (st != TW_OK)
            return st;
        whole = is_end_marker(&event);
        if (!keep(map, &event))
            st = tw_fail_no_memory(reterr);
        else if (whole)
            st = hand_over(r, map, tw_object_resource_version(event.object), reterr);
        tw_event_release(&event);
        if (st != TW_OK || whole)
            return st;
    }
}

/* Did the server just go on without ever marking the end? Some ignore sendInitialEvents: client-go
 * waits for the marker for ever there, we list instead. */
static bool never_marks(const tw_reflector *r)
{
    return r->env.now_ms() - r->opened_ms >= r->env.unsynced_ms;
}

/* What to do after a failure: TW_OK to try again, TW_END to list, else the end. */
static tw_status after_failure(tw_reflector *r, bool opened, tw_status failed, tw_error **reterr)
{
    bool was_unavailable = r->rv_unavailable || r->rv == NULL;

    if (failed == TW_ERR_NO_MEMORY)
        return failed;
    switch (reflector_judge(*reterr)) {
    case VERDICT_STOP:
        return failed;
    case VERDICT_LATER:
        reflector_note(r, *reterr);
        return reflector_back_off(r);
    case VERDICT_EXPIRED:
        r->rv_unavailable = true;
        return was_unavailable ? reflector_back_off(r) : TW_OK;
    case VERDICT_OTHER:
        break;
    }
    /* A stream that ends before the marker is asked for again; but after nothing at all, or after
     * an error, the next thing to try is a list. */
    if (opened && (failed == TW_END || failed == TW_ERR_BROKEN) && r->seen != 0 && !never_marks(r))
        return reflector_back_off(r);
    return TW_END;
}

tw_status reflector_sync(tw_reflector *r, tw_error **reterr)
{
    for (;;) {
        struct object_map map = {0};
        tw_status st = reflector_open(r, true, reterr);
        bool opened = st == TW_OK;

        if (opened) {
            if (!r->status.synced)
                reflector_set_state(r, TW_REFLECTOR_SYNCING);
            st = read_state(r, &map, reterr);
        }
        object_map_release(&map);
        if (st == TW_OK)
            return TW_OK;
        reflector_close(r);
        st = after_failure(r, opened, st, reterr);
        if (st != TW_OK && st != TW_END)
            return st;
        tw_error_clear(reterr);
        if (st == TW_END)
            return TW_END;
    }
}
