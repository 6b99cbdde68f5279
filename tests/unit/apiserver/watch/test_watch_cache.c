#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

struct walk {
    char text[256];
    size_t most, count;
};

static bool note(void *user, struct bytes key, struct object *object)
{
    struct walk *walk = user;
    size_t len = strlen(walk->text);

    snprintf(walk->text + len, sizeof(walk->text) - len, "%.*s@%d ",
             BYTES_FMT(bytes_from(key, resource_prefix_len(key))), (int)object->base.rev);
    return ++walk->count != walk->most;
}

static struct walk walk(struct fake_server *server, const char *prefix, const char *after,
                        size_t most)
{
    struct walk walk = {.most = most};

    watch_cache_each(server->cache, bytes_str(prefix), bytes_str(after), note, &walk);
    return walk;
}

static void fill(struct fake_server *server)
{
    put(server, "b");
    put(server, "a");
    put(server, "kube/c");
    put(server, "kube-system/d");
    fake_apply(server, "core/nodes/n", "n");
}

TEST(watch_cache, walks_a_resource_or_a_namespace_in_key_order_from_any_key)
{
    struct fake_server server;

    fake_server_start(&server);
    fill(&server);
    CHECK_TEXT(bytes_str(walk(&server, "core/configmaps/", "", 0).text),
               "default/a@2 default/b@1 kube-system/d@4 kube/c@3 ");
    CHECK_TEXT(bytes_str(walk(&server, "core/configmaps/kube/", "", 0).text), "kube/c@3 ");
    CHECK_TEXT(bytes_str(walk(&server, "core/configmaps/", "core/configmaps/default/b", 0).text),
               "kube-system/d@4 kube/c@3 ");
    CHECK_TEXT(bytes_str(walk(&server, "core/configmaps/", "core/configmaps/default/aa", 1).text),
               "default/b@1 ");
    CHECK_TEXT(bytes_str(walk(&server, "core/configmaps/kube/", "core/configmaps/kube/c", 0).text),
               "");
    CHECK_TEXT(bytes_str(walk(&server, "core/secrets/", "", 0).text), "");
    fake_server_release(&server);
}

TEST(watch_cache, gets_and_counts_what_is_there_now)
{
    struct fake_server server;
    struct watch_cache_stats stats;

    fake_server_start(&server);
    fill(&server);
    CHECK(watch_cache_get(server.cache, BYTES("core/configmaps/kube/c"))->base.rev == 3);
    CHECK(watch_cache_get(server.cache, BYTES("core/configmaps/kube/")) == NULL);
    CHECK(watch_cache_get(server.cache, BYTES("core/secrets/kube/c")) == NULL);
    CHECK_INT(watch_cache_count(server.cache, BYTES("core/configmaps/")), 4);
    CHECK_INT(watch_cache_count(server.cache, BYTES("core/configmaps/kube/")), 1);
    CHECK_INT(watch_cache_count(server.cache, BYTES("core/secrets/")), 0);
    del(&server, "kube/c");
    put(&server, "a=1");
    CHECK(watch_cache_get(server.cache, BYTES("core/configmaps/kube/c")) == NULL);
    CHECK_INT(watch_cache_get(server.cache, BYTES("core/configmaps/default/a"))->base.rev, 7);
    CHECK_INT(watch_cache_count(server.cache, BYTES("core/configmaps/")), 3);
    watch_cache_get_stats(server.cache, &stats);
    CHECK_INT(stats.objects, 4);
    CHECK_INT(stats.events_applied, 7);
    fake_server_release(&server);
}

TEST(watch_cache, the_kinds_of_a_crd_have_three_parts)
{
    CHECK_INT(resource_prefix_len(BYTES("core/pods/default/a")), 10);
    CHECK_INT(resource_prefix_len(BYTES("custom/example.com/things/default/a")), 26);
    CHECK_INT(resource_prefix_len(BYTES("custom/example.com/things/")), 26);
    CHECK_INT(resource_prefix_len(BYTES("odd")), 3);
}

TEST(watch_cache, what_was_loaded_is_not_applied_again)
{
    struct fake_server server;
    struct object *loaded = fake_object("core/configmaps/default/a", "a=1", 7);
    struct event events[2] = {
        {.rev = 6, .type = EVENT_DELETE, .key = BYTES("core/configmaps/default/a")},
        {.rev = 9, .key = BYTES("core/configmaps/default/b"), .value = &loaded->base},
    };
    struct watch_batch *batch =
        watch_batch_new(&(struct batch){.events = events, .event_count = 2, .rev = 9});

    fake_server_init(&server, (struct watch_cache_options){0});
    CHECK(watch_cache_load(server.cache, BYTES("core/configmaps/default/a"), loaded));
    watch_cache_loaded(server.cache, 8);
    CHECK_INT(watch_cache_changed_rev(server.cache, BYTES("core/configmaps/")), 8);
    watch_cache_apply(server.cache, batch);
    CHECK_INT(watch_cache_count(server.cache, BYTES("core/configmaps/")), 2);
    CHECK_INT(watch_cache_rev(server.cache), 9);
    CHECK_INT(watch_cache_changed_rev(server.cache, BYTES("core/configmaps/")), 9);
    CHECK_INT(watch_cache_changed_rev(server.cache, BYTES("core/nodes/")), 8);
    watch_batch_unref(batch);
    object_unref(loaded);
    fake_server_release(&server);
}

static void note_event(void *user, const struct event *event)
{
    struct walk *walk = user;
    size_t len = strlen(walk->text);

    snprintf(walk->text + len, sizeof(walk->text) - len, "%s %.*s@%d%s ",
             event->type == EVENT_PUT ? "put" : "delete", BYTES_FMT(event->key), (int)event->rev,
             event->prev != NULL ? " again" : "");
}

TEST(watch_cache, listeners_hear_of_each_event_when_the_state_has_it)
{
    struct fake_server server;
    struct walk heard = {0};

    fake_server_start(&server);
    watch_cache_listen(server.cache, note_event, &heard);
    fake_apply(&server, "core/nodes/n", "n");
    fake_apply(&server, "core/nodes/n", "n=1");
    fake_apply(&server, "core/nodes/n", NULL);
    CHECK_TEXT(bytes_str(heard.text),
               "put core/nodes/n@1 put core/nodes/n@2 again delete core/nodes/n@3 again ");
    fake_server_release(&server);
}

TEST(watch_cache, a_resource_that_is_gone_is_forgotten_and_may_come_again)
{
    struct fake_server server;

    fake_server_start(&server);
    put(&server, "a");
    watch_cache_end_resource(server.cache, BYTES("core/configmaps/")); /* not empty: it stays */
    CHECK_INT(watch_cache_count(server.cache, BYTES("core/configmaps/")), 1);
    del(&server, "a");
    fake_apply(&server, "core/nodes/n", "n");
    watch_cache_end_resource(server.cache, BYTES("core/configmaps/"));
    CHECK(map_get(&server.cache->resources, BYTES("core/configmaps/")) == NULL);
    CHECK_INT(watch_cache_changed_rev(server.cache, BYTES("core/configmaps/")), 3);
    put(&server, "a");
    CHECK_INT(watch_cache_resource(server.cache, BYTES("core/configmaps/"))->window.dropped_rev, 3);
    CHECK_INT(watch_cache_changed_rev(server.cache, BYTES("core/configmaps/")), 4);
    CHECK_INT(watch_cache_changed_rev(server.cache, BYTES("core/nodes/")), 3);
    fake_server_release(&server);
}

TEST(watch_cache, a_batch_without_events_moves_the_revision_on)
{
    struct fake_server server;
    struct watch_batch *batch = watch_batch_new(&(struct batch){.rev = 12});

    fake_server_start(&server);
    watch_cache_apply(server.cache, batch);
    CHECK_INT(watch_cache_rev(server.cache), 12);
    watch_batch_unref(batch);
    fake_server_release(&server);
}
