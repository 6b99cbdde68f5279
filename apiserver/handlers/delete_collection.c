/*
 * delete_collection - every object that a selection means, each deleted by the rules of one DELETE
 * and with a revision of its own. Not atomic: what is made meanwhile stays, what went meanwhile is
 * fine.
 *
 *   items   [ gone ][ gone ][ in flight ][ in flight ][ not begun ][ not begun ]
 *                             <--- at most IN_FLIGHT_MAX --->  ^next
 */
#include "apiserver/handlers/delete.h"
#include "apiserver/handlers/selection.h"

#include <stdlib.h>

enum { IN_FLIGHT_MAX = 256 };

struct collection;

struct slot {
    struct write_job job; /* first */
    struct collection *of;
    size_t item;
};

struct collection {
    struct api_request *api;
    struct selection selection;
    struct delete_options options;
    struct view view;
    struct object **items; /* what was found; once through, what is shown: NULL is not shown */
    size_t count, capacity, next, in_flight;
    uint64_t rev;                       /* of the state that was looked at */
    struct bytes start_after, last_key; /* of the page */
    bool more, no_memory, pumping;
    struct error failure; /* the first one; nothing more is begun then */
    struct slot *slots;
    struct slot *free_slots[IN_FLIGHT_MAX];
    size_t free_count;
};

static void release(struct api_request *api)
{
    struct collection *collection = api->state;

    for (size_t i = 0; i < collection->count; i++)
        object_unref(collection->items[i]);
    free(collection->items);
    free(collection->slots);
    error_release(&collection->failure);
    selection_release(&collection->selection);
}

/* ---- what to delete ---- */

static bool collect(void *user, struct bytes key, struct object *object)
{
    struct collection *collection = user;
    uint64_t limit = collection->selection.options.limit;

    if (!selection_matches(&collection->selection, collection->api->kind, object))
        return true;
    if (limit != 0 && collection->count == limit) {
        collection->more = true;
        return false;
    }
    if (collection->count == collection->capacity) {
        size_t capacity = collection->capacity != 0 ? collection->capacity * 2 : 64;
        struct object **items = realloc(collection->items, capacity * sizeof(struct object *));

        if (items == NULL) {
            collection->no_memory = true;
            return false;
        }
        collection->items = items;
        collection->capacity = capacity;
    }
    collection->items[collection->count++] = object_ref(object);
    if (collection->count == limit)
        collection->last_key = arena_dup(&collection->api->arena, key);
    return true;
}

static bool make_slots(struct collection *collection)
{
    size_t count = collection->count < IN_FLIGHT_MAX ? collection->count : IN_FLIGHT_MAX;

    if (count == 0)
        return true;
    collection->slots = calloc(count, sizeof(*collection->slots));
    for (size_t i = 0; collection->slots != NULL && i < count; i++) {
        collection->slots[i].of = collection;
        collection->free_slots[collection->free_count++] = &collection->slots[i];
    }
    return collection->slots != NULL;
}

/* ---- the answer ---- */

static void answer(struct collection *collection)
{
    struct api_request *api = collection->api;
    struct list_meta meta = {.rev = collection->rev, .remaining = -1};
    struct buf body = {0};
    bool first = true;

    if (api->http == NULL) {
        api_free(api);
        return;
    }
    if (collection->failure.status != STATUS_OK) {
        struct error err = collection->failure;

        collection->failure = (struct error){0};
        respond_error(api, &err);
        return;
    }
    if (collection->more) {
        struct continue_token token = {
            -1, bytes_from(collection->last_key, collection->selection.prefix.len), -1};

        meta.continue_token = continue_encode(&api->arena, &token);
    }
    view_begin_list(&body, api->kind, collection->view, &meta);
    for (size_t i = 0; i < collection->count; i++)
        if (collection->items[i] != NULL) {
            view_add_item(&body, api->kind, collection->view, collection->items[i], first);
            first = false;
        }
    view_end_list(&body, api->kind, collection->view);
    respond_json(api, 200, &body);
}

/* ---- the writes ---- */

static enum status plan(struct write_job *job, struct error *reterr)
{
    return delete_plan(job, &((struct slot *)job)->of->options, reterr);
}

static void pump(struct collection *collection);

static void on_deleted(struct write_job *job, enum status st, struct error *err)
{
    struct slot *slot = (struct slot *)job;
    struct collection *collection = slot->of;
    struct object **item = &collection->items[slot->item];

    object_unref(*item);
    *item = NULL;
    if (st == STATUS_OK)
        *item = object_ref(job->next != NULL ? job->next : job->old);
    else if (st != STATUS_NOT_FOUND && collection->failure.status == STATUS_OK)
        collection->failure = *err;
    else
        error_release(err);
    write_release(job);
    collection->in_flight--;
    collection->free_slots[collection->free_count++] = slot;
    pump(collection);
}

static void begin(struct collection *collection, struct slot *slot, size_t item)
{
    const struct object *object = collection->items[item];

    slot->item = item;
    slot->job = (struct write_job){.worker = collection->api->worker,
                                   .kind = collection->api->kind,
                                   .namespace = object->namespace,
                                   .name = object->name,
                                   .dry_run = collection->options.dry_run,
                                   .api = collection->api,
                                   .plan = plan,
                                   .on_done = on_deleted};
    collection->in_flight++;
    write_start(&slot->job);
}

/* Begins what may begin; answers when all is through. A job may be done before write_start()
 * returns: the one that is pumping goes on then. */
static void pump(struct collection *collection)
{
    if (collection->pumping)
        return;
    collection->pumping = true;
    while (collection->next < collection->count && collection->free_count != 0 &&
           collection->failure.status == STATUS_OK && collection->api->http != NULL)
        begin(collection, collection->free_slots[--collection->free_count], collection->next++);
    collection->pumping = false;
    if (collection->in_flight == 0)
        answer(collection);
}

/* `limit` and `continue` mean pages, as of a list; what a page left out is looked at anew. */
static enum status read_page(struct collection *collection, struct error *reterr)
{
    const struct list_options *o = &collection->selection.options;
    struct arena *arena = &collection->api->arena;
    struct continue_token token;
    enum status st;

    if (o->continue_token.len == 0)
        return STATUS_OK;
    st = continue_decode(arena, o->continue_token, &token, reterr);
    if (st == STATUS_OK)
        collection->start_after =
            arena_printf(arena, "%.*s%.*s", BYTES_FMT(collection->selection.prefix),
                         BYTES_FMT(token.start_after));
    return st;
}

void handle_delete_collection(struct api_request *api)
{
    struct collection *collection;
    struct error err = {0};

    collection = arena_new(&api->arena, struct collection);
    if (collection == NULL)
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
    if (collection == NULL ||
        selection_parse(api, false, &collection->selection, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    collection->api = api;
    api->state = collection;
    api->release = release;
    if (read_page(collection, &err) != STATUS_OK ||
        delete_read_options(api, &collection->options, &err) != STATUS_OK ||
        api_view(api, &collection->view, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    collection->rev = watch_cache_rev(api->worker->cache);
    watch_cache_each(api->worker->cache, collection->selection.prefix, collection->start_after,
                     collect, collection);
    if (collection->no_memory || !make_slots(collection)) {
        error_set(&err, STATUS_NO_MEMORY, "out of memory");
        respond_error(api, &err);
        return;
    }
    pump(collection);
}
