#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

/* As convertToWatchEvent in k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go. */

TEST(selector, an_object_that_comes_to_match_is_added)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.labels = labels("l=1")});
    put(&server, "a=2");
    CHECK_SEEN(&watch, "");
    put(&server, "a=1");
    CHECK_SEEN(&watch, "ADDED a=1@2 ");
    put(&server, "b=1");
    CHECK_SEEN(&watch, "ADDED b=1@3 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, an_object_that_goes_on_matching_is_modified)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a=1");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 1, .labels = labels("l")});
    put(&server, "a=1");
    put(&server, "a=2");
    CHECK_SEEN(&watch, "MODIFIED a=1@2 MODIFIED a=2@3 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, an_object_that_stops_matching_is_deleted_as_it_was_with_the_new_revision)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a=1");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 1, .labels = labels("l=1")});
    put(&server, "a=2");
    CHECK_SEEN(&watch, "DELETED a=1@2 ");
    del(&server, "a"); /* is out of sight already */
    CHECK_SEEN(&watch, "");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, a_matching_object_that_is_deleted_carries_the_revision_of_the_delete)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a=1");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 1, .labels = labels("l=1")});
    fake_apply(&server, "core/nodes/n", "n");
    del(&server, "a");
    CHECK_SEEN(&watch, "DELETED a=1@3 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, what_never_matches_is_never_seen)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.labels = labels("l=1")});
    put(&server, "a");
    put(&server, "a=2");
    del(&server, "a");
    CHECK_SEEN(&watch, "");
    CHECK_INT(watch.stream.writes, 0);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, fields_come_and_go_as_labels_do)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch,
                     (struct watch_spec){.fields = fields("status.phase=Running")});
    put(&server, "a=Pending");
    put(&server, "a=Running");
    put(&server, "a=Running");
    put(&server, "a=Failed");
    CHECK_SEEN(&watch, "ADDED a=Running@2 MODIFIED a=Running@3 DELETED a=Running@4 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, a_lagging_watch_sees_the_same_transitions)
{
    static const char *const changes[] = {"a=2", "a=1", "a=1", "b=2", "a=3", "b=1", NULL};
    struct fake_server server;
    struct fake_watch prompt, lagging, late;

    fake_server_start(&server);
    fake_watch_start(&server, &prompt, (struct watch_spec){.labels = labels("l=1")});
    fake_watch_start(&server, &lagging, (struct watch_spec){.labels = labels("l=1")});
    lagging.stream.ready = false;
    lagging.stream.stalled = true;
    for (size_t i = 0; changes[i] != NULL; i++)
        put(&server, changes[i]);
    del(&server, "b");
    lagging.stream.stalled = false;
    fake_settle(server.loop);
    fake_watch_start(&server, &late, (struct watch_spec){.labels = labels("l=1")});
    CHECK_SEEN(&prompt, "ADDED a=1@2 MODIFIED a=1@3 DELETED a=1@5 ADDED b=1@6 DELETED b=1@7 ");
    CHECK_SEEN(&lagging, "ADDED a=1@2 MODIFIED a=1@3 DELETED a=1@5 ADDED b=1@6 DELETED b=1@7 ");
    CHECK_SEEN(&late, "ADDED a=1@2 MODIFIED a=1@3 DELETED a=1@5 ADDED b=1@6 DELETED b=1@7 ");
    fake_watch_release(&prompt);
    fake_watch_release(&lagging);
    fake_watch_release(&late);
    fake_server_release(&server);
}

TEST(selector, the_first_state_is_filtered_too)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a=1");
    put(&server, "b=2");
    put(&server, "c=1");
    fake_watch_start(
        &server, &watch,
        (struct watch_spec){.initial = true, .initial_end = true, .labels = labels("l=1")});
    CHECK_SEEN(&watch, "ADDED a=1@1 ADDED c=1@3 BOOKMARK @3!end ");
    put(&server, "b=1");
    CHECK_SEEN(&watch, "ADDED b=1@4 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(selector, many_events_that_do_not_match_are_passed_over_turn_by_turn)
{
    struct fake_server server;
    struct fake_watch watch;
    int turns = 0;

    fake_server_start(&server);
    put(&server, "first=1");
    for (int i = 0; i < 10000; i++)
        fake_apply(&server, "core/configmaps/default/a", "a=2");
    put(&server, "last=1");
    fake_watch_begin(&server, &watch, (struct watch_spec){.labels = labels("l=1"), .since = 1});
    while (fake_turn(server.loop))
        turns++;
    CHECK_SEEN(&watch, "ADDED last=1@10002 ");
    CHECK(turns >= 5); /* 2048 in one turn */
    fake_watch_release(&watch);
    fake_server_release(&server);
}
