#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/rand.h"
#include "client-go-like/cache/backoff.h"
#include "client-go-like/tidectl/get.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/printed.h"
#include "client-go-like/tidectl/table.h"

/*
 * get -w: list, print, watch, print, and when the watch ends go on from the last resourceVersion.
 * kubectl ends there. Rows already printed are not printed again: not after a reconnect, which
 * resumes, and not after a new list, which is compared with what was printed.
 */
enum { IDLE_FIRST_MS = 30 * 1000, IDLE_MAX_MS = 3 * 60 * 1000, POLL_MS = 60 * 1000 };

struct watching {
    struct get *g;
    struct target target; /* the collection, also for one name */
    char *field_selector;
    struct table table;
    struct buf out;
    struct printed printed;
    bool listed_once;
    char *rv;
    unsigned idle_ms;
    struct backoff backoff;
    size_t docs; /* YAML documents printed */
    bool closed; /* nobody reads stdout any more */
};

/* ---- printing one change ---- */

/* "namespace/name" */
static void make_key(const struct json *metadata, struct buf *key)
{
    key->len = 0;
    buf_append_bytes(key, json_get_text(metadata, "namespace"));
    buf_append_char(key, '/');
    buf_append_bytes(key, json_get_text(metadata, "name"));
}

static const struct json *metadata_of(const struct watching *w, const struct json *item)
{
    return get_is_table(w->g) ? table_row_metadata(item) : json_get(item, BYTES("metadata"));
}

/* {"type":..,"object":..}: on one line as JSON, as a document of its own as YAML. */
static void print_event(struct watching *w, struct arena *arena, struct json *tree,
                        const char *event)
{
    struct json *wrapped;

    print_strip(tree);
    if (w->g->output == OUTPUT_JSON) {
        buf_appendf(&w->out, "{\"type\":\"%s\",\"object\":", event);
        print_compact(&w->out, tree);
        buf_append_str(&w->out, "}\n");
        return;
    }
    wrapped = json_new_object(arena);
    json_set_text(arena, wrapped, "type", bytes_str(event));
    json_set(wrapped, BYTES("object"), tree);
    if (!arena->failed)
        print_yaml(&w->out, wrapped);
}

static void print_object(struct watching *w, const struct json *item, const char *event)
{
    struct arena arena = {0};
    struct json *tree = json_copy(&arena, item);

    if (w->g->output == OUTPUT_YAML && w->docs++ != 0)
        buf_append_str(&w->out, "---\n");
    if (arena.failed)
        w->out.failed = true;
    else if (w->g->t->flags.output_watch_events && w->g->output != OUTPUT_NAME)
        print_event(w, &arena, tree, event);
    else
        get_print(w->g, &w->target, tree, &w->out);
    arena_release(&arena);
}

static void print_item(struct watching *w, const struct json *item, const char *event)
{
    if (get_is_table(w->g))
        table_row(&w->table, item, event);
    else
        print_object(w, item, event);
}

static void flush(struct watching *w)
{
    table_flush(&w->table, &w->out);
    w->closed |= !tidectl_write(&w->out);
}

static void take_rv(struct watching *w, const char *rv)
{
    char *copy = rv != NULL && *rv != '\0' ? strdup(rv) : NULL;

    if (copy == NULL)
        return;
    free(w->rv);
    w->rv = copy;
}

/* ---- the list ---- */

/* An item of a list: printed unless it has been. */
static void listed(struct watching *w, const struct json *item)
{
    const struct json *metadata = metadata_of(w, item);
    struct bytes rv = json_get_text(metadata, "resourceVersion");
    struct buf key = {0};
    enum printed_state state;

    make_key(metadata, &key);
    state = printed_note(&w->printed, buf_bytes(&key), rv);
    if (state != PRINTED_SAME && (w->listed_once || !w->g->t->flags.watch_only))
        print_item(w, item, state == PRINTED_NEW ? "ADDED" : "MODIFIED");
    buf_release(&key);
}

/* What was printed and is not in the new list was deleted while we were away. */
static void on_missing(const char *key)
{
    fprintf(stderr, "tidectl: deleted meanwhile: %s\n", key + (key[0] == '/'));
}

static tw_status list(struct watching *w, tw_error **reterr)
{
    char *token = NULL;
    tw_status st;

    printed_begin_list(&w->printed);
    do {
        struct answer answer;

        st = get_answer(w->g, &w->target, w->field_selector, token, &answer, reterr);
        free(token);
        if (st != TW_OK)
            return st;
        if (answer.table != NULL)
            table_begin(&w->table, answer.table);
        for (size_t i = 0; i < answer.count; i++)
            listed(w, answer.items[i]);
        take_rv(w, answer.rv);
        token = answer.more != NULL ? strdup(answer.more) : NULL;
        answer_release(&answer);
    } while (token != NULL);
    flush(w);
    printed_end_list(&w->printed, on_missing);
    w->listed_once = true;
    return TW_OK;
}

/* ---- the watch ---- */

/* The items of an event: the rows of a Table, or the object. */
static void changed(struct watching *w, const tw_event *event, const struct json *item)
{
    const struct json *metadata = metadata_of(w, item);
    struct bytes rv = json_get_text(metadata, "resourceVersion");
    struct buf key = {0};

    take_rv(w, rv.ptr);
    if (event->type == TW_EVENT_BOOKMARK)
        return;
    make_key(metadata, &key);
    if (event->type == TW_EVENT_DELETED) {
        printed_forget(&w->printed, buf_bytes(&key));
        print_item(w, item, "DELETED");
    } else if (printed_note(&w->printed, buf_bytes(&key), rv) != PRINTED_SAME) {
        print_item(w, item, tw_event_type_name(event->type));
    }
    buf_release(&key);
}

static void on_event(struct watching *w, const tw_event *event)
{
    if (!get_is_table(w->g)) {
        changed(w, event, event->object->tree);
    } else if (table_begin(&w->table, event->object)) {
        take_rv(w, tw_object_get_string(event->object, "metadata.resourceVersion"));
        json_each(json_get(event->object->tree, BYTES("rows")), row) {
            changed(w, event, row);
        }
    }
    flush(w);
}

/* Prints until the watch ends, and says how. */
static tw_status follow(struct watching *w, tw_watch *watch, bool *ret_any, tw_error **reterr)
{
    while (!w->closed) {
        tw_event event;
        tw_status st = tw_watch_next(watch, POLL_MS, &event, reterr);

        if (st == TW_ERR_TIMEOUT && *reterr == NULL)
            continue;
        if (st != TW_OK)
            return st;
        *ret_any = true;
        if (event.type == TW_EVENT_ERROR)
            st = client_fail_status(event.object->tree, 0, reterr);
        else
            on_event(w, &event);
        tw_event_release(&event);
        if (st != TW_OK)
            return st;
    }
    return TW_ERR_STOPPED;
}

static tw_status watch_once(struct watching *w, bool *ret_any, tw_error **reterr)
{
    const tw_watch_options options = {
        .label_selector = w->g->t->flags.selector,
        .field_selector = w->field_selector,
        .resource_version = w->rv,
        .bookmarks = true,
        .idle_ms = w->idle_ms,
        .accept = get_is_table(w->g) ? table_accept : NULL,
    };
    tw_watch *watch = NULL;
    tw_status st = tw_watch_open(w->g->t->client, &w->target.info->resource,
                                 get_namespace(w->g, &w->target), &options, &watch, reterr);

    if (st == TW_OK)
        st = follow(w, watch, ret_any, reterr);
    tw_watch_close(watch);
    return st;
}

static void back_off(struct watching *w)
{
    unsigned ms = backoff_next(&w->backoff, clock_monotonic_ms(), rand_below);
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

/* Lists again, for as long as it takes. */
static tw_status relist(struct watching *w, tw_error **reterr)
{
    tw_status st = list(w, reterr);

    while (st != TW_OK && tw_error_status(*reterr) != TW_ERR_SERVER && !w->closed) {
        fprintf(stderr, "tidectl: %s; trying again\n", tw_error_message(*reterr));
        tw_error_free(*reterr);
        *reterr = NULL;
        back_off(w);
        st = list(w, reterr);
    }
    return st;
}

/* After a watch has ended: says why on stderr. TW_OK to go on. */
static tw_status go_on(struct watching *w, tw_status ended, bool any, tw_error **reterr)
{
    int code = tw_error_code(*reterr);

    if (w->closed || (ended == TW_ERR_SERVER && code != 410 && code != 429 && code < 500))
        return ended;
    if (ended == TW_ERR_TIMEOUT && w->idle_ms < IDLE_MAX_MS)
        w->idle_ms = w->idle_ms * 2 < IDLE_MAX_MS ? w->idle_ms * 2 : IDLE_MAX_MS;
    fprintf(stderr, "tidectl: %s; %s resourceVersion %s\n",
            *reterr != NULL ? tw_error_message(*reterr) : "the server ended the watch",
            code == 410 ? "listing again after" : "going on from", w->rv != NULL ? w->rv : "0");
    tw_error_free(*reterr);
    *reterr = NULL;
    if (!any && ended != TW_ERR_TIMEOUT)
        back_off(w);
    return code == 410 ? relist(w, reterr) : TW_OK;
}

static int watch_on(struct watching *w)
{
    tw_error *error = NULL;
    tw_status st;

    do {
        bool any = false;

        st = watch_once(w, &any, &error);
        st = go_on(w, st, any, &error);
    } while (st == TW_OK);
    if (w->closed) {
        tw_error_free(error);
        return 0;
    }
    return tidectl_fail(error);
}

/* One name is watched through its collection; that it exists is asked for as kubectl asks. */
static bool begin(struct watching *w)
{
    const struct flags *f = &w->g->t->flags;
    const struct target *target = &w->g->targets[0];
    struct buf selector = {0};
    tw_error *error = NULL;
    struct answer answer;

    w->target = (struct target){target->info, NULL};
    if (f->field_selector != NULL)
        buf_append_str(&selector, f->field_selector);
    if (target->name != NULL) {
        if (get_answer(w->g, target, NULL, NULL, &answer, &error) != TW_OK)
            return tidectl_fail(error) == 0;
        answer_release(&answer);
        buf_appendf(&selector, "%smetadata.name=%s", selector.len != 0 ? "," : "", target->name);
    }
    buf_append_char(&selector, '\0');
    w->field_selector = selector.data; /* NULL without memory: then tell so */
    return !selector.failed || tidectl_say("out of memory") == 0;
}

static void release(struct watching *w)
{
    printed_release(&w->printed);
    table_release(&w->table);
    buf_release(&w->out);
    free(w->field_selector);
    free(w->rv);
}

int get_watch(struct get *g)
{
    const struct flags *f = &g->t->flags;
    struct watching w = {
        .g = g,
        .idle_ms = IDLE_FIRST_MS,
        .table = {.no_headers = f->no_headers,
                  .wide = g->output == OUTPUT_WIDE,
                  .show_labels = f->show_labels,
                  .with_events = f->output_watch_events},
    };
    tw_error *error = NULL;
    int rc = 1;

    if (g->count != 1)
        return tidectl_say("you may only specify a single resource type");
    w.table.with_namespace = f->all_namespaces && g->targets[0].info->resource.namespaced;
    if (begin(&w))
        rc = list(&w, &error) == TW_OK ? watch_on(&w) : tidectl_fail(error);
    release(&w);
    return rc;
}
