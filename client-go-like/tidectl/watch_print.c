#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/tidectl/live.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/watching.h"

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

/* {"type":..,"object":..}: on one line as JSON, else in the form that was asked for. */
static void print_wrapped(struct watching *w, struct arena *arena, struct json *tree,
                          const char *event)
{
    struct json *wrapped;

    if (!w->g->output.keep_managed)
        print_strip(tree);
    if (w->g->output.form == OUTPUT_JSON) {
        buf_appendf(&w->out, "{\"type\":\"%s\",\"object\":", event);
        print_compact(&w->out, tree);
        buf_append_str(&w->out, "}\n");
        return;
    }
    wrapped = json_new_object(arena);
    json_set_text(arena, wrapped, "type", bytes_str(event));
    json_set(wrapped, BYTES("object"), tree);
    if (!arena->failed)
        output_object(&w->g->output, NULL, wrapped, &w->out);
}

static void print_object(struct watching *w, const struct json *item, const char *event)
{
    struct arena arena = {0};
    struct json *tree = json_copy(&arena, item);

    if (arena.failed)
        w->out.failed = true;
    else if (w->g->t->flags.output_watch_events && w->g->output.form != OUTPUT_NAME)
        print_wrapped(w, &arena, tree, event);
    else if (!output_object(&w->g->output, &w->target.info->resource, tree, &w->out))
        w->failed = true; /* the template does not fit, and has said so */
    arena_release(&arena);
}

/* Does this line end the watch? Objects that are gone meet no condition but that. */
static void judge(struct watching *w, const struct json *item, const char *event)
{
    const struct json *object = get_is_table(w->g) ? json_get(item, BYTES("object")) : item;
    bool deleted = strcmp(event, "DELETED") == 0;

    w->lines++;
    if (!w->has_until)
        return;
    if (w->until.type == CONDITION_COUNT)
        w->met |= w->lines >= w->until.count;
    else if (w->until.type == CONDITION_DELETED)
        w->met |= deleted;
    else
        w->met |= !deleted && condition_holds(&w->until, object);
}

static void print_item(struct watching *w, tw_object *of, const struct json *item, struct bytes key,
                       const char *event)
{
    if (w->met)
        return; /* what was waited for is the last that is printed */
    if (w->live != NULL && strcmp(event, "DELETED") == 0)
        live_remove(w->live, key);
    else if (w->live != NULL)
        live_set(w->live, key, of, item, w->listed_once ? event : "");
    else if (get_is_table(w->g))
        table_row(&w->table, item, event);
    else
        print_object(w, item, event);
    judge(w, item, event);
}

void watch_flush(struct watching *w)
{
    if (w->live != NULL)
        live_draw(w->live, &w->out, clock_monotonic_ms());
    else
        table_flush(&w->table, &w->out);
    output_flush(&w->g->output, &w->out);
    w->closed |= !tidectl_write(&w->out);
}

void watch_take_rv(struct watching *w, const char *rv)
{
    char *copy = rv != NULL && *rv != '\0' ? strdup(rv) : NULL;

    if (copy == NULL)
        return;
    free(w->rv);
    w->rv = copy;
}

void watch_print_listed(struct watching *w, const struct answer *answer, const struct json *item)
{
    const struct json *metadata = metadata_of(w, item);
    struct bytes rv = json_get_text(metadata, "resourceVersion");
    struct buf key = {0};
    enum printed_state state;

    make_key(metadata, &key);
    state = printed_note(&w->printed, buf_bytes(&key), rv);
    if (state != PRINTED_SAME && (w->listed_once || !w->g->t->flags.watch_only))
        print_item(w, answer->table, item, buf_bytes(&key),
                   state == PRINTED_NEW ? "ADDED" : "MODIFIED");
    buf_release(&key);
}

static void on_missing(void *user, const char *key)
{
    struct watching *w = user;

    if (w->live != NULL)
        live_remove(w->live, bytes_str(key));
    else
        fprintf(stderr, "tidectl: deleted meanwhile: %s\n", key + (key[0] == '/'));
    if (w->has_until && w->until.type == CONDITION_DELETED)
        w->met = true;
}

void watch_print_missing(struct watching *w)
{
    printed_end_list(&w->printed, on_missing, w);
}

/* One item of an event: a row of a Table, or the object. */
static void changed(struct watching *w, const tw_event *event, const struct json *item)
{
    const struct json *metadata = metadata_of(w, item);
    struct bytes rv = json_get_text(metadata, "resourceVersion");
    struct buf key = {0};

    watch_take_rv(w, rv.ptr);
    if (event->type == TW_EVENT_BOOKMARK)
        return;
    make_key(metadata, &key);
    if (event->type == TW_EVENT_DELETED) {
        printed_forget(&w->printed, buf_bytes(&key));
        print_item(w, event->object, item, buf_bytes(&key), "DELETED");
    } else if (printed_note(&w->printed, buf_bytes(&key), rv) != PRINTED_SAME) {
        print_item(w, event->object, item, buf_bytes(&key), tw_event_type_name(event->type));
    }
    buf_release(&key);
}

static void count(struct watch_stats *s, const tw_event *event)
{
    s->heard_ms = clock_monotonic_ms();
    s->bytes += event->object->text_len;
    s->added += event->type == TW_EVENT_ADDED;
    s->modified += event->type == TW_EVENT_MODIFIED;
    s->deleted += event->type == TW_EVENT_DELETED;
    s->bookmarks += event->type == TW_EVENT_BOOKMARK;
}

void watch_print_event(struct watching *w, const tw_event *event)
{
    count(&w->stats, event);
    if (!get_is_table(w->g)) {
        changed(w, event, event->object->tree);
    } else if (table_begin(&w->table, event->object)) {
        watch_take_rv(w, tw_object_get_string(event->object, "metadata.resourceVersion"));
        json_each(json_get(event->object->tree, BYTES("rows")), row) {
            changed(w, event, row);
        }
    }
    watch_flush(w);
}
