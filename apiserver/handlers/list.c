/*
 * list - a page of a snapshot.
 *
 *   options -> which revision -> the state in memory, if it is that of the revision,
 *                                else from the log on disk, on a history thread
 *          -> written at once, in pieces if it is long, or on a history thread where each of many
 *             items must be parsed
 *
 * What each combination of resourceVersion, resourceVersionMatch, limit and continue means:
 * k8s.io/apiserver/pkg/storage/cacher/delegator and pkg/storage/etcd3/store.go GetList.
 */
#include "apiserver/handlers/etag.h"
#include "apiserver/handlers/list_stream.h"
#include "apiserver/handlers/selection.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/planted.h"

struct list_request {
    struct api_request *api;
    struct selection selection;
    struct view view;
    uint64_t exact;           /* the snapshot that is asked for; 0: the newest */
    uint64_t limit;           /* 0: none */
    struct bytes start_after; /* a whole key */
    int64_t left;             /* items behind `start_after` in the snapshot; < 0: not known */
    /* what was found */
    struct object **items;
    size_t count, capacity;
    bool more, failed;
    struct bytes last_key; /* in `keys` */
    struct arena keys;
    /* of the read from disk */
    struct history_job job;
    enum status read_status;
    struct error read_error;
    /* the answer */
    struct list_meta meta;
    struct buf body;
    struct body_form form;
    struct finished_body finished;
};

/* Beyond these a list that is parsed or packed is written off the loop, which others wait for: so
 * much takes a millisecond or two. */
enum { ITEMS_ON_LOOP_MAX = 500, BYTES_ON_LOOP_MAX = 512 << 10 };

static void release(struct api_request *api)
{
    struct list_request *list = api->state;

    for (size_t i = 0; i < list->count; i++)
        object_unref(list->items[i]);
    free(list->items);
    arena_release(&list->keys);
    error_release(&list->read_error);
    buf_release(&list->body);
    blob_unref(list->finished.body);
    selection_release(&list->selection);
}

static bool append_item(struct list_request *list, struct object *object)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? list->capacity * 2 : 64;
        struct object **items = realloc(list->items, capacity * sizeof(struct object *));

        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = object_ref(object);
    return true;
}

/* One key of the snapshot, in order; false: the page is full. */
static bool on_object(void *user, struct bytes key, struct object *object)
{
    struct list_request *list = user;

    if (!selection_matches(&list->selection, list->api->kind, object))
        return true;
    if (list->limit != 0 && list->count == list->limit) {
        list->more = true;
        return false;
    }
    if (!append_item(list, object)) {
        list->failed = true;
        return false;
    }
    if (list->limit != 0 && list->count == list->limit)
        list->last_key = arena_dup(&list->keys, key);
    return true;
}

static bool on_value(void *user, struct bytes key, struct value *value)
{
    return on_object(user, key, object_of(value));
}

static void write_items(struct list_request *list)
{
    const struct kind *kind = list->api->kind;
    struct buf *body = &list->body;
    size_t room = 256;

    for (size_t i = 0; i < list->count && list->view.shape == VIEW_OBJECT; i++)
        room += list->items[i]->base.len + 64;
    buf_reserve(body, room);
    view_begin_list(body, kind, list->view, &list->meta);
    for (size_t i = 0; i < list->count; i++)
        view_add_item(body, kind, list->view, list->items[i], i == 0);
    view_end_list(body, kind, list->view);
}

static bool has_failed(const struct list_request *list)
{
    return list->failed || list->keys.failed || list->api->arena.failed;
}

static void send(struct list_request *list)
{
    struct api_request *api = list->api;
    struct finished_body finished = list->finished;

    list->finished.body = NULL;
    if (api->http == NULL) {
        blob_unref(finished.body);
        api_free(api);
    } else if (finished.body != NULL && finished.body->len >= LIST_LONG &&
               bytes_eq_str(api->http->method, "GET")) {
        list_stream_send(api, finished);
    } else {
        respond_body(api, 200, finished);
    }
}

static void write_whole(struct list_request *list)
{
    write_items(list);
    list->finished = body_finish(list->form, &list->body);
}

/* What it reads does not change, and stays until on_written(). */
static void write_elsewhere(struct history_job *job, struct storage *storage)
{
    (void)storage;
    write_whole(container_of(job, struct list_request, job));
}

static void on_written(struct history_job *job)
{
    send(container_of(job, struct list_request, job));
}

/* Is more to be done for each byte than to copy it? */
static bool is_costly(struct view view, struct body_form form)
{
    return view.protobuf || view.projection != NULL || view.shape == VIEW_TABLE || form.pretty ||
           form.gzip || form.form == FORM_YAML;
}

static size_t count_bytes(const struct list_request *list)
{
    size_t len = 0;

    for (size_t i = 0; i < list->count && len < LIST_LONG; i++)
        len += list->items[i]->base.len;
    return len;
}

static void submit(struct list_request *list, void (*run)(struct history_job *, struct storage *),
                   void (*on_done)(struct history_job *))
{
    struct worker *w = list->api->worker;
    const struct fair_flow *flow = list->api->turn.flow;

    list->job = (struct history_job){.run = run,
                                     .on_done = on_done,
                                     .loop = w->loop,
                                     .user = flow != NULL ? bytes_hash(flow->name) : 0};
    history_submit(w->history, &list->job);
}

/* Items of the snapshot behind this page; < 0: not known. Only whole lists are counted, as the real
 * server does: with a selector nobody knows without looking. */
static int64_t count_left(const struct list_request *list, bool from_memory)
{
    const struct list_options *o = &list->selection.options;

    if (o->labels != NULL || o->fields != NULL)
        return -1;
    if (list->left >= 0)
        return list->left - (int64_t)list->count;
    if (!from_memory || list->start_after.len != 0)
        return -1;
    return (int64_t)watch_cache_count(list->api->worker->cache, list->selection.prefix) -
           (int64_t)list->count;
}

static void answer(struct list_request *list, uint64_t rev, bool from_memory)
{
    struct list_items items;
    size_t len;

    if (list->api->http == NULL) {
        api_free(list->api);
        return;
    }
    list->meta = (struct list_meta){.rev = rev, .remaining = -1};
    if (list->more) {
        struct continue_token token = {(int64_t)rev,
                                       bytes_from(list->last_key, list->selection.prefix.len),
                                       count_left(list, from_memory)};

        list->meta.continue_token = continue_encode(&list->api->arena, &token);
        list->meta.remaining = token.left;
    }
    items = (struct list_items){list->view, list->meta, list->items, list->count};
    list->form = api_body_form(list->api);
    len = count_bytes(list);
    if (has_failed(list))
        respond_body(list->api, 200, (struct finished_body){0});
    else if (is_costly(list->view, list->form) &&
             (list->count > ITEMS_ON_LOOP_MAX || len > BYTES_ON_LOOP_MAX))
        submit(list, write_elsewhere, on_written);
    else if (len >= LIST_LONG && list_stream_suits(list->api, &items))
        list_stream_start(list->api, &items);
    else {
        write_whole(list);
        send(list);
    }
}

static void answer_from_memory(struct list_request *list, uint64_t rev)
{
    watch_cache_each(list->api->worker->cache, list->selection.prefix, list->start_after, on_object,
                     list);
    answer(list, rev, true);
}

/* ---- the past ---- */

static void read_snapshot(struct history_job *job, struct storage *storage)
{
    struct list_request *list = container_of(job, struct list_request, job);

    list->read_status = storage_read_at(storage, list->exact, list->selection.prefix,
                                        list->start_after, on_value, list, &list->read_error);
}

/* The token that goes on at the newest state, for a client that would rather have that than start
 * again (k8s.io/apiserver/pkg/storage/etcd3/errors.go). */
static void add_inconsistent_token(struct list_request *list, struct error *err)
{
    struct continue_token token = {-1, bytes_from(list->start_after, list->selection.prefix.len),
                                   -1};

    if (list->start_after.len != 0 && !PLANTED(no_rest))
        err->continue_token = bytes_dup(continue_encode(&list->api->arena, &token));
}

static void respond_expired(struct list_request *list)
{
    struct error err = {0};

    if (list->start_after.len == 0)
        error_set(&err, STATUS_EXPIRED, "The resourceVersion for the provided list is too old.");
    else
        error_set(
            &err, STATUS_EXPIRED,
            "The provided continue parameter is too old to display a consistent list result. "
            "You can start a new list without the continue parameter, or use the continue "
            "token in this response to retrieve the remainder of the results. Continuing with "
            "the provided token results in an inconsistent list - objects that were created, "
            "modified, or deleted between the time the first chunk was returned and now may "
            "show up in the list.");
    add_inconsistent_token(list, &err);
    respond_error(list->api, &err);
}

static void on_snapshot(struct history_job *job)
{
    struct list_request *list = container_of(job, struct list_request, job);

    if (list->read_status == STATUS_OK)
        answer(list, list->exact, false);
    else if (list->read_status == STATUS_EXPIRED && list->api->http != NULL)
        respond_expired(list);
    else
        respond_error(list->api, &list->read_error);
}

static bool memory_has(const struct list_request *list)
{
    const struct worker *w = list->api->worker;

    return PLANTED(torn_list) ||
           (list->exact >= w->loaded_rev &&
            list->exact >= watch_cache_changed_rev(w->cache, list->selection.prefix));
}

static void answer_at_exact(struct list_request *list)
{
    struct worker *w = list->api->worker;
    struct error err = {0};

    if (list->exact > watch_cache_rev(w->cache)) {
        error_rv_too_large(&err, list->exact, watch_cache_rev(w->cache));
        respond_error(list->api, &err);
    } else if (list->exact < storage_floor(w->storage)) {
        respond_expired(list);
    } else if (etag_answers(list->api, list->view, list->exact)) {
        return;
    } else if (memory_has(list)) {
        answer_from_memory(list, list->exact);
    } else {
        submit(list, read_snapshot, on_snapshot);
    }
}

static void answer_now(struct api_request *api)
{
    struct list_request *list = api->state;
    const struct watch_cache *cache = api->worker->cache;

    if (list->exact != 0)
        answer_at_exact(list);
    else if (!etag_answers(api, list->view, watch_cache_changed_rev(cache, list->selection.prefix)))
        answer_from_memory(list, watch_cache_rev(cache) + PLANTED(list_ahead));
}

/* ---- which revision ---- */

static enum status use_continue(struct list_request *list, struct error *reterr)
{
    struct list_options *o = &list->selection.options;
    struct continue_token token;
    enum status st;

    if (o->rv_set && o->rv != 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "specifying resource version is not allowed when using continue");
    st = continue_decode(&list->api->arena, o->continue_token, &token, reterr);
    if (st != STATUS_OK)
        return st;
    list->start_after =
        arena_printf(&list->api->arena, "%.*s%.*s", BYTES_FMT(list->selection.prefix),
                     BYTES_FMT(token.start_after));
    list->exact = token.rv > 0 ? (uint64_t)token.rv : 0;
    list->left = token.left;
    return STATUS_OK;
}

/* Fills exact, limit, start_after; `*ret_least` is what the cache must have applied first. */
static enum status choose_revision(struct list_request *list, uint64_t *ret_least,
                                   struct error *reterr)
{
    struct list_options *o = &list->selection.options;

    *ret_least = 0;
    list->limit = o->limit;
    list->left = -1;
    if (o->continue_token.len != 0)
        return use_continue(list, reterr);
    if (o->rv_set && o->rv == 0)
        list->limit = 0; /* "any state": the watch cache answers whole */
    else if (o->match == RV_MATCH_EXACT || (o->match == RV_MATCH_NONE && o->rv != 0 && o->limit))
        list->exact = o->rv;
    else
        *ret_least = PLANTED(least_ignored) ? 0 : o->rv;
    return STATUS_OK;
}

void handle_list(struct api_request *api)
{
    struct list_request *list = arena_new(&api->arena, struct list_request);
    struct error err = {0};
    uint64_t least;

    if (list == NULL) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return;
    }
    list->api = api;
    if (selection_parse(api, false, &list->selection, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    api->state = list;
    api->release = release;
    if (api_view(api, &list->view, &err) != STATUS_OK ||
        choose_revision(list, &least, &err) != STATUS_OK)
        respond_error(api, &err);
    else
        api_wait_for_rv(api, least, answer_now, NULL);
}
