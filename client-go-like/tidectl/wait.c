#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/condition.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/targets.h"

enum { TIMEOUT_MS = 30 * 1000, WEEK_MS = 7 * 24 * 3600 * 1000, RETRY_MS = 500 };

struct waiting {
    struct tidectl *t;
    struct condition condition;
    struct arena arena;
    struct output output;
    uint64_t deadline_ms;
    bool once; /* --timeout=0 */
};

enum verdict { MET, NOT_YET, FAILED };

/* Is it met by this state of the object? NULL: there is none. */
static enum verdict judge(const struct waiting *w, const tw_object *object)
{
    bool met = w->condition.type == CONDITION_DELETED ? object == NULL
               : w->condition.type == CONDITION_CREATED
                   ? object != NULL
                   : object != NULL && condition_holds(&w->condition, object->tree);

    return met ? MET : NOT_YET;
}

static unsigned left_ms(const struct waiting *w)
{
    uint64_t now = clock_monotonic_ms();

    return now < w->deadline_ms ? (unsigned)(w->deadline_ms - now) : 0;
}

static void keep(tw_object **object, tw_object *now)
{
    tw_object_unref(*object);
    *object = now;
}

/* Reads one watch until the condition holds, it ends, or the time is up. */
static enum verdict follow(struct waiting *w, tw_watch *watch, tw_object **object,
                           tw_error **reterr)
{
    for (;;) {
        tw_event event;
        unsigned left = left_ms(w);
        tw_status st = left != 0 ? tw_watch_next(watch, left, &event, reterr) : TW_ERR_TIMEOUT;
        enum tw_event_type type;

        if (st != TW_OK)
            return NOT_YET;
        type = event.type;
        if (type == TW_EVENT_DELETED)
            keep(object, NULL);
        else if (type == TW_EVENT_ADDED || type == TW_EVENT_MODIFIED)
            keep(object, tw_object_ref(event.object));
        tw_event_release(&event);
        if (type == TW_EVENT_ERROR)
            return NOT_YET; /* listed again */
        if (type != TW_EVENT_BOOKMARK && judge(w, *object) == MET)
            return MET;
    }
}

/* Lists, judges, and watches from there on. */
static enum verdict try_once(struct waiting *w, const struct target *target, const char *selector,
                             tw_object **object, tw_error **reterr)
{
    const tw_resource *resource = &target->info->resource;
    tw_watch_options options = {.field_selector = selector, .bookmarks = true};
    tw_watch *watch = NULL;
    tw_list *list = NULL;
    enum verdict verdict = NOT_YET;
    tw_status st = call_list(w->t, resource, target->ns, NULL, selector, &list, reterr);

    if (st == TW_OK) {
        keep(object, tw_list_count(list) != 0 ? tw_object_ref(tw_list_at(list, 0)) : NULL);
        options.resource_version = tw_list_resource_version(list);
        verdict = judge(w, *object);
    }
    if (st == TW_OK && verdict == NOT_YET && !w->once && left_ms(w) != 0)
        st = tw_watch_open(w->t->client, resource, target->ns, &options, &watch, reterr);
    if (watch != NULL)
        verdict = follow(w, watch, object, reterr);
    tw_watch_close(watch);
    tw_list_free(list);
    return st == TW_ERR_SERVER && tw_error_code(*reterr) < 500 && tw_error_code(*reterr) != 410 &&
                   tw_error_code(*reterr) != 429
               ? FAILED
               : verdict;
}

static enum verdict wait_until(struct waiting *w, const struct target *target, tw_object **object,
                               tw_error **reterr)
{
    struct buf selector = {0};
    enum verdict verdict;

    buf_appendf(&selector, "metadata.name=%s", target->name);
    buf_append_char(&selector, '\0');
    do {
        tw_error_clear(reterr);
        verdict = try_once(w, target, selector.failed ? NULL : selector.data, object, reterr);
        if (verdict == NOT_YET && *reterr != NULL && left_ms(w) > RETRY_MS)
            tidectl_sleep_ms(RETRY_MS);
    } while (verdict == NOT_YET && !w->once && left_ms(w) != 0);
    buf_release(&selector);
    return verdict;
}

static int wait_one(struct waiting *w, const struct target *target)
{
    tw_object *object = NULL;
    tw_error *error = NULL;
    enum verdict verdict;
    int rc = 0;

    /* What is not there cannot meet a condition, and is gone already. */
    if (w->condition.type != CONDITION_CREATED) {
        tw_status st =
            call_get(w->t, &target->info->resource, target->ns, target->name, &object, &error);

        if (st != TW_OK && w->condition.type == CONDITION_DELETED && tw_error_code(error) == 404) {
            tw_error_free(error);
            return 0;
        }
        if (st != TW_OK)
            return tidectl_fail(error);
    }
    verdict = wait_until(w, target, &object, &error);
    if (verdict == FAILED) {
        rc = tidectl_fail(error);
        error = NULL;
    } else if (verdict == NOT_YET) {
        rc = tidectl_say("timed out waiting for the condition on %s/%s",
                         target->info->resource.resource, target->name);
    } else {
        struct json *metadata, *bare = json_new_object(&w->arena);

        metadata = json_ensure_object(&w->arena, bare, "metadata");
        json_set_text(&w->arena, metadata, "name", bytes_str(target->name));
        rc = output_done(w->t, &w->output, &target->info->resource,
                         object != NULL ? object->tree : bare, "condition met")
                 ? 0
                 : EXIT_FAILED;
    }
    tw_error_free(error);
    tw_object_unref(object);
    return rc;
}

static bool read_options(struct waiting *w)
{
    const struct flags *f = &w->t->flags;
    unsigned timeout_ms = TIMEOUT_MS;

    if (f->wait_for == NULL)
        return tidectl_say("required flag(s) \"for\" not set") == 0;
    if (f->timeout != NULL && f->timeout[0] == '-')
        timeout_ms = WEEK_MS;
    else if (f->timeout != NULL && !tidectl_duration(f->timeout, &timeout_ms))
        return false;
    w->once = timeout_ms == 0;
    w->deadline_ms = clock_monotonic_ms() + timeout_ms;
    return output_begin(&w->output, f, OUTPUTS_OBJECTS) &&
           condition_parse(&w->condition, &w->arena, f->wait_for,
                           1u << CONDITION_STATUS | 1u << CONDITION_JSONPATH |
                               1u << CONDITION_CREATED | 1u << CONDITION_DELETED);
}

int tidectl_wait(struct tidectl *t)
{
    struct waiting w = {.t = t};
    struct targets targets = {.count = 0};
    int rc = EXIT_FAILED;

    if (read_options(&w) && targets_find_objects(t, &targets))
        rc = targets.count != 0 || w.condition.type == CONDITION_DELETED
                 ? 0
                 : tidectl_say("no matching resources found");
    for (size_t i = 0; i < targets.count; i++)
        rc |= wait_one(&w, &targets.items[i]);
    targets_release(&targets);
    output_release(&w.output);
    arena_release(&w.arena);
    return rc;
}
