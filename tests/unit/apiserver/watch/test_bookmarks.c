#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

TEST(bookmarks, come_at_their_interval_also_when_nothing_matches)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &watch,
                     (struct watch_spec){.since = 1, .bookmarks = true, .labels = labels("l")});
    fake_advance(server.loop, 999);
    CHECK_SEEN(&watch, "");
    fake_apply(&server, "core/nodes/n", "n"); /* another resource moves it on, too */
    fake_advance(server.loop, 1);
    CHECK_SEEN(&watch, "BOOKMARK @2 ");
    put(&server, "b");
    fake_advance(server.loop, 1000);
    CHECK_SEEN(&watch, "BOOKMARK @3 ");
    fake_advance(server.loop, 1000);
    CHECK_SEEN(&watch, "BOOKMARK @3 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, are_for_those_who_asked)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 0, .timeout_ms = 10000});
    fake_advance(server.loop, 10000);
    CHECK_SEEN(&watch, "ADDED a@1 ");
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, never_overtake_an_event_that_is_not_sent_yet)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.bookmarks = true});
    watch.stream.stalled = true;
    for (int i = 0; i < 100; i++)
        fake_apply(&server, "core/configmaps/default/a", "a");
    fake_settle(server.loop); /* 63 of them are written */
    fake_advance(server.loop, 5000);
    watch.stream.text.len = 0;
    watch.stream.stalled = false;
    fake_settle(server.loop);
    CHECK(bytes_ends_with(seen(&watch), BYTES("MODIFIED a@99 MODIFIED a@100 BOOKMARK @100 ")));
    CHECK_INT(watch.stream.writes, 2);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, a_due_one_stands_behind_the_events_of_the_same_turn)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.bookmarks = true});
    fake_apply(&server, "core/configmaps/default/a", "a");
    server.loop->now_ms += 1000;
    fake_settle(server.loop);
    CHECK_SEEN(&watch, "ADDED a@1 BOOKMARK @1 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, one_comes_two_seconds_before_the_deadline)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_init(&server, (struct watch_cache_options){.bookmark_ms = 60000});
    watch_cache_loaded(server.cache, 0);
    put(&server, "a");
    fake_watch_start(&server, &watch,
                     (struct watch_spec){.since = 1, .bookmarks = true, .timeout_ms = 10000});
    fake_advance(server.loop, 7999);
    CHECK_SEEN(&watch, "");
    fake_advance(server.loop, 1);
    CHECK_SEEN(&watch, "BOOKMARK @1 ");
    fake_advance(server.loop, 1999);
    CHECK_SEEN(&watch, "");
    CHECK(!watch.stream.ended);
    fake_advance(server.loop, 1); /* nothing moved since: nothing to say */
    CHECK_SEEN(&watch, "");
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, the_one_before_the_deadline_is_the_last_regular_one)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &watch,
                     (struct watch_spec){.since = 1, .bookmarks = true, .timeout_ms = 4500});
    fake_advance(server.loop, 4499);
    CHECK_SEEN(&watch, "BOOKMARK @1 BOOKMARK @1 BOOKMARK @1 "); /* at 1000, 2000 and 2500 */
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, a_short_watch_has_its_one_at_the_end)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_init(&server, (struct watch_cache_options){.bookmark_ms = 60000});
    watch_cache_loaded(server.cache, 0);
    put(&server, "a");
    fake_watch_start(&server, &watch,
                     (struct watch_spec){.since = 1, .bookmarks = true, .timeout_ms = 3000});
    fake_advance(server.loop, 2999);
    CHECK_SEEN(&watch, "");
    fake_advance(server.loop, 1);
    CHECK_SEEN(&watch, "BOOKMARK @1 ");
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, the_end_tells_how_far_it_came)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_init(&server, (struct watch_cache_options){.bookmark_ms = 60000});
    watch_cache_loaded(server.cache, 0);
    fake_watch_start(&server, &watch, (struct watch_spec){.bookmarks = true, .timeout_ms = 5000});
    put(&server, "a");
    fake_advance(server.loop, 3000);
    CHECK_SEEN(&watch, "ADDED a@1 BOOKMARK @1 ");
    fake_apply(&server, "core/nodes/n", "n");
    fake_advance(server.loop, 2000);
    CHECK_SEEN(&watch, "BOOKMARK @2 ");
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(bookmarks, an_empty_store_has_no_revision_to_tell)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.bookmarks = true});
    fake_advance(server.loop, 1500);
    CHECK_SEEN(&watch, "");
    put(&server, "a");
    CHECK_SEEN(&watch, "ADDED a@1 BOOKMARK @1 ");
    fake_watch_release(&watch);
    fake_server_release(&server);
}
