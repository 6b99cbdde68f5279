#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

TEST(watch, the_first_event_is_newer_than_the_revision_it_starts_at)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    put(&server, "b");
    put(&server, "c");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 2});
    CHECK_SEEN(&watch, "ADDED c@3 ");
    put(&server, "a=1");
    CHECK_SEEN(&watch, "MODIFIED a=1@4 ");
    CHECK_TEXT(watch.stream.content_type, "application/json");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, without_a_revision_it_sends_the_state_in_key_order_and_then_goes_on)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "b");
    put(&server, "kube/c");
    put(&server, "a");
    put(&server, "gone");
    del(&server, "gone");
    fake_watch_start(&server, &watch, (struct watch_spec){.initial = true, .bookmarks = true});
    CHECK_SEEN(&watch, "ADDED a@3 ADDED b@1 ADDED c@2 ");
    del(&server, "b");
    CHECK_SEEN(&watch, "DELETED b@6 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, the_first_state_ends_with_one_annotated_bookmark_at_its_revision)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "b");
    put(&server, "a");
    fake_apply(&server, "core/nodes/n", "n");
    fake_watch_start(&server, &watch,
                     (struct watch_spec){.initial = true, .initial_end = true, .bookmarks = true});
    CHECK_SEEN(&watch, "ADDED a@2 ADDED b@1 BOOKMARK @3!end ");
    put(&server, "c");
    CHECK_SEEN(&watch, "ADDED c@4 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, the_first_state_is_that_of_its_start_whatever_happens_while_it_is_sent)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    put(&server, "b");
    fake_watch_begin(&server, &watch, (struct watch_spec){.initial = true, .initial_end = true});
    watch.stream.stalled = true;
    put(&server, "b=1");
    del(&server, "a");
    put(&server, "c");
    watch.stream.stalled = false;
    fake_settle(server.loop);
    CHECK_SEEN(&watch, "ADDED a@1 ADDED b@2 BOOKMARK @2!end "
                       "MODIFIED b=1@3 DELETED a@4 ADDED c@5 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, a_large_first_state_goes_out_one_write_after_the_other)
{
    struct fake_server server;
    struct fake_watch watch;
    char name[16];
    size_t lines = 0;

    fake_server_start(&server);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        put(&server, name);
    }
    fake_watch_start(&server, &watch, (struct watch_spec){.initial = true, .initial_end = true});
    for (size_t i = 0; i < watch.stream.text.len; i++)
        lines += watch.stream.text.data[i] == '\n';
    CHECK_INT(lines, 1001);
    CHECK_INT(watch.stream.writes, 16); /* 63 objects each */
    CHECK(watch.stream.most_frames <= HTTP_STREAM_WRITE_MAX);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, of_an_empty_resource_has_its_marker_at_once)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_apply(&server, "core/nodes/n", "n");
    fake_watch_start(&server, &watch, (struct watch_spec){.initial = true, .initial_end = true});
    CHECK_SEEN(&watch, "BOOKMARK @1!end ");
    put(&server, "a");
    CHECK_SEEN(&watch, "ADDED a@2 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, from_a_revision_of_the_future_sees_nothing_older_and_no_bookmark_below_it)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 4, .bookmarks = true});
    put(&server, "b");
    fake_advance(server.loop, 3500);
    put(&server, "c");
    put(&server, "d");
    CHECK_SEEN(&watch, "");
    put(&server, "e");
    CHECK_SEEN(&watch, "ADDED e@5 BOOKMARK @5 "); /* one was due, and can be told now */
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, a_delete_carries_the_last_state_and_its_own_revision)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a=1");
    put(&server, "a=2");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 2});
    fake_apply(&server, "core/nodes/n", "n");
    del(&server, "a");
    put(&server, "a=3");
    CHECK_SEEN(&watch, "DELETED a=2@4 ADDED a=3@5 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, a_namespace_or_a_name_or_both_narrow_it_down)
{
    struct fake_server server;
    struct fake_watch watches[6];
    static const char *const expected[] = {
        "ADDED a@1 ADDED b@2 ADDED a@3 DELETED a@4 ADDED a@5 ",
        "ADDED a@1 ADDED b@2 DELETED a@4 ",
        "ADDED a@1 ADDED a@3 DELETED a@4 ADDED a@5 ",
        "ADDED a@3 ",
        "ADDED a@3 ",
        "",
    };

    fake_server_start(&server);
    fake_watch_start(&server, &watches[0], (struct watch_spec){0});
    fake_watch_start(&server, &watches[1], (struct watch_spec){.namespace = BYTES("default")});
    fake_watch_start(&server, &watches[2], (struct watch_spec){.name = BYTES("a")});
    fake_watch_start(&server, &watches[3],
                     (struct watch_spec){.namespace = BYTES("kube"), .name = BYTES("a")});
    fake_watch_start(
        &server, &watches[4],
        (struct watch_spec){.namespace = BYTES("kube"), .fields = fields("metadata.name=a")});
    fake_watch_start(
        &server, &watches[5],
        (struct watch_spec){.name = BYTES("a"), .fields = fields("metadata.namespace=none")});
    put(&server, "a");
    put(&server, "b");
    put(&server, "kube/a");
    del(&server, "a");
    put(&server, "kube-system/a");
    for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
        CHECK_SEEN(&watches[i], expected[i]);
        fake_watch_release(&watches[i]);
    }
    /* the same from the window, and as a first state */
    fake_watch_start(&server, &watches[0],
                     (struct watch_spec){.namespace = BYTES("kube"), .name = BYTES("a")});
    CHECK_SEEN(&watches[0], expected[3]);
    fake_watch_start(&server, &watches[1],
                     (struct watch_spec){.name = BYTES("a"), .initial = true});
    CHECK_SEEN(&watches[1], "ADDED a@5 ADDED a@3 ");
    fake_watch_start(&server, &watches[2],
                     (struct watch_spec){.namespace = BYTES("kube"), .initial = true});
    CHECK_SEEN(&watches[2], "ADDED a@3 ");
    for (size_t i = 0; i < 3; i++)
        fake_watch_release(&watches[i]);
    fake_server_release(&server);
}

TEST(watch, of_a_cluster_wide_resource_finds_by_name)
{
    struct fake_server server;
    struct fake_watch all, one;

    fake_server_start(&server);
    fake_watch_start(&server, &all, (struct watch_spec){.kind = &fake_nodes});
    fake_watch_start(&server, &one, (struct watch_spec){.kind = &fake_nodes, .name = BYTES("n2")});
    fake_apply(&server, "core/nodes/n1", "n1");
    fake_apply(&server, "core/nodes/n2", "n2");
    put(&server, "n2");
    CHECK_SEEN(&all, "ADDED n1@1 ADDED n2@2 ");
    CHECK_SEEN(&one, "ADDED n2@2 ");
    fake_watch_release(&all);
    fake_watch_release(&one);
    fake_server_release(&server);
}

TEST(watch, events_that_come_together_go_out_in_one_write)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){0});
    for (int i = 0; i < 10; i++)
        fake_apply(&server, "core/configmaps/default/a", "a");
    fake_settle(server.loop);
    CHECK_INT(watch.stream.writes, 1);
    CHECK_INT(watch.stream.most_frames, 10);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, changes_that_come_while_many_wait_for_their_turn_go_out_with_the_first)
{
    enum { N = 1000 };
    struct fake_server server;
    struct fake_watch *watches = calloc(N, sizeof(*watches));
    size_t writes = 0;

    fake_server_start(&server);
    for (int i = 0; i < N; i++)
        fake_watch_begin(&server, &watches[i], (struct watch_spec){0});
    fake_settle(server.loop);
    for (int i = 0; i < 5; i++) {
        fake_apply(&server, "core/configmaps/default/a", "a");
        fake_turn(server.loop); /* not all of them are written to in one turn */
    }
    fake_settle(server.loop);
    for (int i = 0; i < N; i++) {
        writes += watches[i].stream.writes;
        CHECK(bytes_ends_with(buf_bytes(&watches[i].stream.text), BYTES("a@5}\n")));
        fake_watch_release(&watches[i]);
    }
    CHECK(writes < 3 * N);
    free(watches);
    fake_server_release(&server);
}

TEST(watch, a_stalled_reader_misses_nothing_and_others_do_not_wait_for_it)
{
    struct fake_server server;
    struct fake_watch slow, fast;

    fake_server_start(&server);
    fake_watch_start(&server, &slow, (struct watch_spec){.bookmarks = true});
    fake_watch_start(&server, &fast, (struct watch_spec){0});
    slow.stream.stalled = true;
    put(&server, "a");
    put(&server, "kube/b");
    fake_advance(server.loop, 2500); /* no bookmark queues up meanwhile */
    del(&server, "a");
    CHECK_SEEN(&fast, "ADDED a@1 ADDED b@2 DELETED a@3 ");
    CHECK_SEEN(&slow, "ADDED a@1 ");
    slow.stream.stalled = false;
    fake_settle(server.loop);
    CHECK_SEEN(&slow, "ADDED b@2 DELETED a@3 BOOKMARK @3 ");
    fake_watch_release(&slow);
    fake_watch_release(&fast);
    fake_server_release(&server);
}

TEST(watch, a_table_has_its_columns_in_the_first_event_only)
{
    struct fake_server server;
    struct fake_watch first, second, initial, marked;
    struct view table = {.shape = VIEW_TABLE};

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &first, (struct watch_spec){.view = table});
    put(&server, "b");
    fake_watch_start(&server, &second, (struct watch_spec){.since = 2, .view = table});
    put(&server, "c");
    fake_watch_start(&server, &initial, (struct watch_spec){.initial = true, .view = table});
    CHECK_SEEN(&first, "ADDED row:a@1+columns ADDED row:b@2 ADDED row:c@3 ");
    CHECK_SEEN(&second, "ADDED row:c@3+columns ");
    CHECK_SEEN(&initial, "ADDED row:a@1+columns ADDED row:b@2 ADDED row:c@3 ");
    fake_watch_start(&server, &marked,
                     (struct watch_spec){
                         .name = BYTES("x"), .initial = true, .initial_end = true, .view = table});
    put(&server, "x");
    CHECK_SEEN(&marked, "BOOKMARK @3!end+columns ADDED row:x@4 ");
    fake_watch_release(&first);
    fake_watch_release(&second);
    fake_watch_release(&initial);
    fake_watch_release(&marked);
    fake_server_release(&server);
}

TEST(watch, ends_cleanly_at_its_timeout)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.timeout_ms = 700});
    fake_advance(server.loop, 699);
    CHECK(!watch.stream.ended);
    fake_apply(&server, "core/configmaps/default/a", "a"); /* in the same turn: still told */
    server.loop->now_ms++;
    fake_settle(server.loop);
    CHECK_SEEN(&watch, "ADDED a@1 ");
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, a_refused_one_is_an_error_event_and_a_clean_end)
{
    struct fake_server server;
    struct fake_watch watch = {0};
    struct error err = {0};
    struct bytes text;

    fake_server_start(&server);
    watch.req.loop = server.loop;
    watch.req.arena = &watch.arena;
    error_set(&err, STATUS_TIMEOUT, "Too large resource version: 9, current: 1");
    watcher_refuse(&watch.req, &err, FRAMING_LINES, NULL, 0);
    fake_settle(server.loop);
    text = seen(&watch);
    CHECK(bytes_starts_with(text, BYTES("ERROR {\"kind\":\"Status\"")));
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);

    watch = (struct fake_watch){.req = {.loop = server.loop, .arena = &watch.arena}};
    watcher_refuse(&watch.req, &err, FRAMING_LINES, NULL, 0);
    watch.stream.gone_in_write = 1;
    fake_settle(server.loop);
    CHECK(!watch.stream.ended);
    fake_watch_release(&watch);
    error_release(&err);
    fake_server_release(&server);
}

TEST(watch, all_of_a_resource_end_when_its_kind_goes_after_what_they_could_still_be_told)
{
    struct fake_server server;
    struct fake_watch map, stalled, node;

    fake_server_start(&server);
    fake_watch_start(&server, &map, (struct watch_spec){0});
    fake_watch_start(&server, &stalled, (struct watch_spec){0});
    fake_watch_start(&server, &node, (struct watch_spec){.kind = &fake_nodes});
    stalled.stream.stalled = true;
    put(&server, "a");
    fake_apply(&server, "core/configmaps/default/b", "b");
    watch_cache_end_resource(server.cache, BYTES("core/configmaps/"));
    CHECK_SEEN(&map, "ADDED a@1 ADDED b@2 ");
    CHECK_SEEN(&stalled, "ADDED a@1 ");
    CHECK(map.stream.ended && stalled.stream.ended && !node.stream.ended);
    watch_cache_end_watchers(server.cache);
    CHECK(node.stream.ended);
    fake_settle(server.loop);
    fake_watch_release(&map);
    fake_watch_release(&stalled);
    fake_watch_release(&node);
    fake_server_release(&server);
}

static void end_maps(void *user, const struct event *event)
{
    if (bytes_starts_with(event->key, BYTES("core/nodes/")))
        watch_cache_end_resource(user, BYTES("core/configmaps/"));
}

TEST(watch, an_end_in_the_middle_of_a_batch_skips_no_event_before_it)
{
    struct fake_server server;
    struct fake_watch watch;
    struct event events[3];
    struct watch_batch *batch;

    fake_server_start(&server);
    watch_cache_listen(server.cache, end_maps, server.cache);
    fake_watch_start(&server, &watch, (struct watch_spec){.bookmarks = true});
    fake_change(&server, "core/configmaps/default/a", "a", &events[0]);
    fake_change(&server, "core/nodes/n", "n", &events[1]);
    fake_change(&server, "core/configmaps/default/b", "b", &events[2]);
    batch = watch_batch_new(&(struct batch){.events = events, .event_count = 3, .rev = 3});
    for (int i = 0; i < 3; i++)
        fake_event_release(&events[i]);
    watch_cache_apply(server.cache, batch);
    watch_batch_unref(batch);
    CHECK_SEEN(&watch, "ADDED a@1 BOOKMARK @2 ");
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(watch, a_client_that_leaves_at_any_moment_takes_its_watch_with_it)
{
    struct fake_server server;
    struct fake_watch watches[5];
    struct watch_cache_stats stats;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_begin(&server, &watches[0], (struct watch_spec){.initial = true});
    fake_client_leaves(&watches[0]); /* before anything was sent */
    fake_watch_begin(&server, &watches[1], (struct watch_spec){.since = 1});
    watches[1].stream.ready = true;
    watches[1].stream.handler->on_ready(watches[1].stream.user);
    fake_client_leaves(&watches[1]); /* while it is on the ready list */
    fake_watch_begin(&server, &watches[2], (struct watch_spec){.initial = true});
    watches[2].stream.gone_in_write = 1;
    fake_watch_start(&server, &watches[3], (struct watch_spec){.since = 1});
    watches[3].stream.gone_in_write = 1;
    put(&server, "b");
    fake_watch_start(&server, &watches[4], (struct watch_spec){.since = 2, .bookmarks = true});
    watches[4].stream.gone_in_write = 1;
    fake_apply(&server, "core/configmaps/default/c", "c");
    watch_cache_end_watchers(server.cache); /* inside the last write */
    CHECK(!watches[4].stream.ended);
    watch_cache_get_stats(server.cache, &stats);
    CHECK_INT(stats.watchers, 0);
    fake_settle(server.loop);
    for (size_t i = 0; i < ARRAY_LEN(watches); i++)
        fake_watch_release(&watches[i]);
    fake_server_release(&server);
}

TEST(watch, thousands_on_one_resource_share_one_encoding_and_only_those_concerned_wake)
{
    enum { N = 10000 };
    struct fake_server server;
    struct fake_watch *watches = calloc(N, sizeof(*watches));
    struct watch_cache_stats stats;
    int before;

    fake_server_start(&server);
    for (int i = 0; i < N; i++)
        fake_watch_begin(
            &server, &watches[i],
            (struct watch_spec){.namespace = i % 2 ? BYTES("kube") : BYTES("default")});
    fake_settle(server.loop);
    before = fake_encodes;
    put(&server, "a");
    CHECK_INT(fake_encodes - before, 1);
    watch_cache_get_stats(server.cache, &stats);
    CHECK_INT(stats.events_sent, N / 2);
    CHECK_INT(stats.events_encoded[FRAMING_LINES], 1);
    CHECK_INT(stats.watchers, N);
    for (int i = 0; i < N; i++) {
        CHECK_INT(watches[i].stream.writes, i % 2 == 0);
        fake_watch_release(&watches[i]);
    }
    free(watches);
    fake_server_release(&server);
}

TEST(watch, watches_that_start_at_one_state_share_one_snapshot)
{
    struct fake_server server;
    struct fake_watch one, two, three;
    struct resource *resource;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_begin(&server, &one, (struct watch_spec){.initial = true});
    fake_watch_begin(&server, &two, (struct watch_spec){.initial = true, .labels = labels("l=1")});
    resource = watch_cache_resource(server.cache, BYTES("core/configmaps/"));
    CHECK_INT(resource->snapshot->refs, 2);
    one.stream.stalled = two.stream.stalled = true;
    put(&server, "b=1");
    fake_watch_begin(&server, &three, (struct watch_spec){.initial = true});
    CHECK_INT(resource->snapshot->refs, 1);
    one.stream.stalled = two.stream.stalled = false;
    fake_settle(server.loop);
    CHECK(resource->snapshot == NULL);
    CHECK_SEEN(&one, "ADDED a@1 ADDED b=1@2 ");
    CHECK_SEEN(&two, "ADDED b=1@2 ");
    CHECK_SEEN(&three, "ADDED a@1 ADDED b=1@2 ");
    fake_watch_release(&one);
    fake_watch_release(&two);
    fake_watch_release(&three);
    fake_server_release(&server);
}

TEST(watch, a_watcher_is_small)
{
    CHECK(sizeof(struct watcher) <= 304);
}
