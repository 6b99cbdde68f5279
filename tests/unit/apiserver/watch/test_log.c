#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

/* The watch cache over the real store: what leaves the window is read back from its log. */

struct live {
    struct fake_server server;
    struct storage *storage;
    pthread_mutex_t lock; /* of answered */
    pthread_cond_t answering;
    size_t answered;
};

struct delivery {
    struct loop_task task;
    struct watch_cache *cache;
    struct watch_batch *batch;
};

static void deliver(struct loop_task *task)
{
    struct delivery *delivery = container_of(task, struct delivery, task);

    watch_cache_apply(delivery->cache, delivery->batch);
    watch_batch_unref(delivery->batch);
    free(delivery);
}

static void on_batch(void *user, const struct batch *batch)
{
    struct live *live = user;
    struct delivery *delivery = malloc(sizeof(*delivery));

    *delivery = (struct delivery){{deliver, NULL}, live->server.cache, watch_batch_new(batch)};
    loop_post(live->server.loop, &delivery->task);
    pthread_mutex_lock(&live->lock);
    for (struct write *write = batch->writes; write != NULL; write = write->next)
        live->answered++;
    pthread_cond_broadcast(&live->answering);
    pthread_mutex_unlock(&live->lock);
}

static struct value *load(void *user, struct bytes key, struct bytes stored, uint64_t rev)
{
    struct object *object = NULL;

    (void)user;
    (void)key;
    return object_load(stored, rev, fake_fields, 1, &object, NULL) == STATUS_OK ? &object->base
                                                                                : NULL;
}

static void on_fatal(void *user, const char *why)
{
    (void)user;
    fprintf(stderr, "%s\n", why);
    abort();
}

static void live_start(struct live *live, size_t window_events)
{
    struct storage_options options = {.backend = "memory",
                                      .history_age_s = 3600,
                                      .load = load,
                                      .on_batch = on_batch,
                                      .on_fatal = on_fatal,
                                      .user = live};

    memset(live, 0, sizeof(*live));
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->answering, NULL);
    CHECK(storage_open(&options, &live->storage, NULL) == STATUS_OK);
    fake_server_init(&live->server,
                     (struct watch_cache_options){.storage = live->storage,
                                                  .history = history_new(live->storage, 2),
                                                  .window_events = window_events,
                                                  .bookmark_ms = 1000});
    watch_cache_loaded(live->server.cache, storage_committed(live->storage));
    CHECK(storage_start(live->storage, NULL) == STATUS_OK);
}

static void live_release(struct live *live)
{
    history_free(live->server.cache->options.history);
    storage_close(live->storage);
    fake_settle(live->server.loop);
    fake_server_release(&live->server);
}

static void live_settle(struct live *live)
{
    struct resource *resource = watch_cache_resource(live->server.cache, BYTES("core/configmaps/"));

    for (;;) {
        bool out;

        fake_settle(live->server.loop);
        out = watch_cache_rev(live->server.cache) < storage_committed(live->storage);
        list_for_each(&resource->watchers, link)
            out |= list_entry(link, struct watcher, in_resource)->read != NULL;
        if (!out)
            return;
        CHECK(fake_wait_for_post(live->server.loop));
    }
}

/* One write, waited for. `what` is "name=label"; NULL deletes what stands at `name`. */
static uint64_t submit(struct live *live, const char *name, const char *what)
{
    char key[64];
    struct object *object = NULL, *now;
    struct write write = {.type = what != NULL ? WRITE_PUT : WRITE_DELETE};

    snprintf(key, sizeof(key), "core/configmaps/d/%s", name);
    live_settle(live);
    now = watch_cache_get(live->server.cache, bytes_str(key));
    if (what != NULL)
        object = fake_object(key, what, 0);
    write.key = bytes_str(key);
    write.expected = now != NULL ? now->base.rev : 0;
    write.value = object != NULL ? &object->base : NULL;
    pthread_mutex_lock(&live->lock);
    live->answered = 0;
    storage_submit(live->storage, &write);
    while (live->answered == 0)
        pthread_cond_wait(&live->answering, &live->lock);
    pthread_mutex_unlock(&live->lock);
    CHECK_INT(write.status, STATUS_OK);
    live_settle(live);
    return write.rev;
}

/* create, update, update, delete, re-create, stop and come to match: revisions base .. base + 7 */
static uint64_t make_changes(struct live *live)
{
    uint64_t base = submit(live, "a", "a=1");

    submit(live, "a", "a=2");
    submit(live, "a", "a=3");
    submit(live, "a", NULL);
    submit(live, "a", "a=4");
    submit(live, "a", "a=1");
    submit(live, "b", "b=1");
    submit(live, "a", NULL);
    for (int i = 0; i < 8; i++) /* and the window has moved on */
        submit(live, "z", "z=9");
    return base;
}

static const struct {
    const char *type, *what;
} changes[8] = {{"ADDED", "a=1"}, {"MODIFIED", "a=2"}, {"MODIFIED", "a=3"}, {"DELETED", "a=3"},
                {"ADDED", "a=4"}, {"MODIFIED", "a=1"}, {"ADDED", "b=1"},    {"DELETED", "a=1"}};

/* What a watch since base - 1 + `skip` is sent of the eight changes. */
static struct bytes expect(uint64_t base, uint64_t skip, char text[512])
{
    size_t len = 0;

    for (uint64_t i = skip; i < 8; i++)
        len += (size_t)snprintf(text + len, 512 - len, "%s %s@%d ", changes[i].type,
                                changes[i].what, (int)(base + i));
    return bytes_of(text, len);
}

TEST(log, what_has_left_the_window_is_read_from_the_store)
{
    struct live live;
    struct fake_watch watch, selected;
    uint64_t base;
    char text[512];
    struct bytes got;

    live_start(&live, 4);
    base = make_changes(&live);
    fake_watch_begin(&live.server, &watch, (struct watch_spec){.since = base - 1});
    fake_watch_begin(&live.server, &selected,
                     (struct watch_spec){.since = base - 1, .labels = labels("l=1")});
    live_settle(&live);
    submit(&live, "c", "c=1");
    got = seen(&watch);
    CHECK(bytes_starts_with(got, expect(base, 0, text)));
    CHECK(bytes_ends_with(got, BYTES(" ADDED c=1@17 ")) || base != 1);
    CHECK_SEEN(&selected, "ADDED a=1@1 DELETED a=1@2 ADDED a=1@6 ADDED b=1@7 DELETED a=1@8 "
                          "ADDED c=1@17 ");
    fake_watch_release(&watch);
    fake_watch_release(&selected);
    live_release(&live);
}

TEST(log, at_every_point_of_a_compaction_a_watch_has_all_or_410)
{
    for (uint64_t at = 0; at < 8; at++) {
        struct live live;
        uint64_t base, floor;

        live_start(&live, 4);
        base = make_changes(&live);
        storage_compact(live.storage, base + at);
        for (int ms = 0; storage_floor(live.storage) < base + at; ms++) {
            CHECK(ms < 20000); /* the writer compacts when it is free */
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        floor = storage_floor(live.storage);
        for (uint64_t skip = at > 0 ? at - 1 : 0; skip <= at + 3 && skip < 8; skip++) {
            struct fake_watch watch;
            char text[512];

            fake_watch_begin(&live.server, &watch, (struct watch_spec){.since = base - 1 + skip});
            live_settle(&live);
            if (base - 1 + skip < floor) {
                CHECK(bytes_starts_with(seen(&watch), BYTES("ERROR ")));
                CHECK(watch.stream.ended);
            } else {
                CHECK(bytes_starts_with(seen(&watch), expect(base, skip, text)));
                CHECK(!watch.stream.ended);
            }
            fake_watch_release(&watch);
        }
        live_release(&live);
    }
}
