#include "unit/test.h"

#include "unit/apiserver/watch/fake_log.h"

/* ---- one client of a mux ---- */

struct client {
    struct fake_watch watch;
    struct mux *mux; /* NULL: gone */
};

static void on_gone(void *user)
{
    ((struct client *)user)->mux = NULL;
}

static void begin(struct fake_server *server, struct client *client, struct mux_options options)
{
    memset(client, 0, sizeof(*client));
    client->watch.req.loop = server->loop;
    client->watch.req.arena = &client->watch.arena;
    options.cache = server->cache;
    options.on_gone = on_gone;
    options.user = client;
    client->mux = mux_new(&options);
}

static void begin_lines(struct fake_server *server, struct client *client)
{
    begin(server, client, (struct mux_options){.framing = FRAMING_LINES});
}

static void add(struct client *client, const char *id, struct watch_spec spec)
{
    if (spec.kind == NULL)
        spec.kind = &fake_maps;
    CHECK(mux_add(client->mux, bytes_str(id), &spec) == STATUS_OK);
}

static void open_stream(struct client *client)
{
    mux_start(client->mux, &client->watch.req, NULL, 0);
}

static void release_client(struct client *client)
{
    if (client->mux != NULL)
        fake_client_leaves(&client->watch);
    CHECK(client->mux == NULL);
    buf_release(&client->watch.stream.text);
    arena_release(&client->watch.arena);
}

/* What was told since the last look, in short: "m:ADDED a@5 n:MODIFIED b@6 BOOKMARK 6 ". */
static struct bytes told(struct client *client)
{
    static char texts[4][1 << 20];
    static int next;
    char *text = texts[next++ % 4];
    size_t len = 0;
    struct bytes rest = buf_bytes(&client->watch.stream.text);

    text[0] = '\0';
    while (rest.len > 0) {
        struct bytes line = bytes_cut(&rest, '\n'), id = {0}, type, object;

        CHECK(bytes_starts_with(line, BYTES("{\"")) && bytes_ends_with(line, BYTES("}")));
        line = bytes_of(line.ptr + 2, line.len - 3);
        if (bytes_starts_with(line, BYTES("id"))) {
            line = bytes_from(line, strlen("id\":\""));
            id = bytes_cut(&line, '"');
            line = bytes_from(line, strlen(",\""));
        }
        type = bytes_from(line, strlen("type\":\""));
        line = type;
        type = bytes_cut(&line, '"');
        object = bytes_from(line, line.len > 0 ? strlen(",\"object\":") : 0);
        if (bytes_eq_str(type, "BOOKMARK") && id.len == 0) {
            object = bytes_from(object, object.len - 24);
            while (object.ptr[0] < '0' || object.ptr[0] > '9')
                object = bytes_from(object, 1);
            object.len = bytes_find(object, '"');
        } else if (bytes_eq_str(type, "ERROR")) {
            object = bytes_from(object, object.len - 4);
            object.len = 3;
        }
        len += (size_t)snprintf(text + len, sizeof(texts[0]) - len, "%.*s%s%.*s%s%.*s ",
                                BYTES_FMT(id), id.len > 0 ? ":" : "", BYTES_FMT(type),
                                object.len > 0 ? " " : "", BYTES_FMT(object));
    }
    client->watch.stream.text.len = 0;
    return bytes_of(text, len);
}
#define CHECK_TOLD(client, expected) CHECK_TEXT(told(client), expected)

/* ---- order ---- */

TEST(mux, events_of_several_resources_come_in_one_order)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    add(&client, "n", (struct watch_spec){.kind = &fake_nodes});
    open_stream(&client);
    fake_settle(server.loop);
    CHECK_TOLD(&client, "m:SUBSCRIBED n:SUBSCRIBED ");
    client.watch.stream.stalled = true;
    client.watch.stream.ready = false;
    fake_apply(&server, "core/nodes/x", "x");
    fake_apply(&server, "core/configmaps/default/a", "a");
    fake_apply(&server, "core/nodes/x", NULL);
    fake_apply(&server, "core/configmaps/default/a", "a");
    client.watch.stream.stalled = false;
    fake_settle(server.loop);
    CHECK_TOLD(&client, "n:ADDED x@1 m:ADDED a@2 n:DELETED x@3 m:MODIFIED a@4 ");
    CHECK_INT(client.watch.stream.writes, 2);
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, first_states_come_whole_and_then_the_cut_that_all_of_them_are)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    put(&server, "b");
    fake_apply(&server, "core/nodes/x", "x");
    put(&server, "a");
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.initial = true});
    add(&client, "n", (struct watch_spec){.kind = &fake_nodes, .initial = true});
    open_stream(&client);
    fake_apply(&server, "core/nodes/x", "x"); /* before the first byte is out */
    fake_settle(server.loop);
    CHECK_TOLD(&client, "m:SUBSCRIBED n:SUBSCRIBED m:ADDED a@3 m:ADDED b@1 m:BOOKMARK @3!end "
                        "n:ADDED x@2 n:BOOKMARK @3!end n:MODIFIED x@4 BOOKMARK 4 ");
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, a_member_that_is_added_later_with_an_older_revision_catches_up_first)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    put(&server, "a");
    put(&server, "b");
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 1});
    open_stream(&client);
    fake_settle(server.loop);
    fake_apply(&server, "core/configmaps/default/c", "c");
    add(&client, "late", (struct watch_spec){.since = 0});
    fake_settle(server.loop);
    CHECK_TOLD(&client, "m:SUBSCRIBED m:ADDED b@2 late:SUBSCRIBED late:ADDED a@1 late:ADDED b@2 "
                        "m:ADDED c@3 late:ADDED c@3 ");
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, a_cut_comes_at_its_interval_and_never_below_where_a_member_began)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    put(&server, "a");
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 1});
    open_stream(&client);
    fake_advance(server.loop, 1000);
    CHECK_TOLD(&client, "m:SUBSCRIBED BOOKMARK 1 ");
    add(&client, "future", (struct watch_spec){.since = 3});
    put(&server, "b");
    fake_advance(server.loop, 1000);
    CHECK_TOLD(&client, "future:SUBSCRIBED m:ADDED b@2 ");
    put(&server, "c");
    put(&server, "d");
    fake_advance(server.loop, 1000);
    CHECK_TOLD(&client, "m:ADDED c@3 m:ADDED d@4 future:ADDED d@4 BOOKMARK 4 ");
    release_client(&client);
    fake_server_release(&server);
}

/* The first write of a crowd, and a bookmark is due. */
static struct bytes first_write_of_a_crowd(struct fake_server *server, struct client *client)
{
    char name[16];

    open_stream(client);
    fake_settle(server->loop);
    told(client);
    for (int n = 1; n <= 80; n++) {
        snprintf(name, sizeof(name), "o%d", n);
        fake_apply(server, "core/configmaps/default/o", name);
    }
    server->loop->now_ms += 1000;
    fake_turn(server->loop);
    return told(client);
}

TEST(mux, a_cut_may_stand_in_the_middle_of_a_crowd_but_not_between_two_that_are_told_the_same)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    CHECK(bytes_ends_with(first_write_of_a_crowd(&server, &client),
                          BYTES("m:MODIFIED o63@63 BOOKMARK 63 ")));
    fake_settle(server.loop);
    CHECK(bytes_starts_with(told(&client), BYTES("m:MODIFIED o64@64 ")));
    release_client(&client);
    fake_server_release(&server);

    fake_server_start(&server);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    add(&client, "again", (struct watch_spec){.since = 0});
    CHECK(bytes_ends_with(first_write_of_a_crowd(&server, &client),
                          BYTES("again:MODIFIED o31@31 m:MODIFIED o32@32 ")));
    fake_turn(server.loop);
    CHECK(bytes_ends_with(told(&client), BYTES("again:MODIFIED o63@63 BOOKMARK 63 ")));
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, there_is_no_cut_while_one_catches_up_with_what_others_were_told)
{
    struct fake_server server;
    struct client client;
    char name[16];

    fake_server_start(&server);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    open_stream(&client);
    for (int n = 1; n <= 80; n++) {
        snprintf(name, sizeof(name), "o%d", n);
        fake_apply(&server, "core/configmaps/default/o", name);
    }
    fake_settle(server.loop);
    told(&client);
    add(&client, "late", (struct watch_spec){.since = 1});
    server.loop->now_ms += 1000;
    fake_turn(server.loop); /* 62 of 79, and a bookmark is due */
    CHECK(bytes_ends_with(told(&client), BYTES("late:MODIFIED o63@63 ")));
    fake_settle(server.loop);
    CHECK(bytes_ends_with(told(&client), BYTES("late:MODIFIED o80@80 BOOKMARK 80 ")));
    release_client(&client);
    fake_server_release(&server);
}

/* ---- server-sent events ---- */

TEST(mux, server_sent_events_have_ids_that_say_who_has_been_told)
{
    struct fake_server server;
    struct client client;
    struct error err = {0};

    fake_server_start(&server);
    put(&server, "a");
    begin(&server, &client, (struct mux_options){.framing = FRAMING_SSE, .fixed = true});
    add(&client, "m", (struct watch_spec){.initial = true});
    add(&client, "again", (struct watch_spec){.since = 1});
    open_stream(&client);
    fake_settle(server.loop);
    put(&server, "b");
    CHECK_TEXT(buf_bytes(&client.watch.stream.text),
               "retry: 1000\n\n"
               "event: SUBSCRIBED\ndata: {\"id\":\"m\",\"type\":\"SUBSCRIBED\"}\n\n"
               "event: SUBSCRIBED\ndata: {\"id\":\"again\",\"type\":\"SUBSCRIBED\"}\n\n"
               "event: ADDED\ndata: {\"id\":\"m\",\"type\":\"ADDED\",\"object\":a@1}\n\n"
               "event: BOOKMARK\ndata: {\"id\":\"m\",\"type\":\"BOOKMARK\",\"object\":@1!end}\n\n"
               "id: 1\nevent: BOOKMARK\ndata: {\"type\":\"BOOKMARK\",\"object\":{\"kind\":"
               "\"WatchBookmark\",\"apiVersion\":\"tidewatch.dev/v1\",\"metadata\":{"
               "\"resourceVersion\":\"1\"}}}\n\n"
               "id: 2.m\nevent: ADDED\ndata: {\"id\":\"m\",\"type\":\"ADDED\",\"object\":b@2}\n\n"
               "id: 2.again\nevent: ADDED\n"
               "data: {\"id\":\"again\",\"type\":\"ADDED\",\"object\":b@2}\n\n");
    client.watch.stream.text.len = 0;
    error_set(&err, STATUS_EXPIRED, "gone");
    mux_fail(member_of(list_entry(client.mux->members.next, struct member, link)->watcher), &err);
    put(&server, "c"); /* who came back with its id would miss what "m" was not told */
    CHECK(bytes_starts_with(buf_bytes(&client.watch.stream.text), BYTES("id\nevent: ERROR\n")));
    CHECK(bytes_ends_with(buf_bytes(&client.watch.stream.text),
                          BYTES("\n\nevent: ADDED\ndata: {\"id\":\"again\",\"type\":\"ADDED\","
                                "\"object\":c@3}\n\n")));
    error_release(&err);
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, who_comes_back_between_two_members_is_told_with_ids_again)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    put(&server, "a");
    put(&server, "b"); /* "x" and "y" have been told of it, "z" has not */
    begin(&server, &client, (struct mux_options){.framing = FRAMING_SSE, .fixed = true});
    add(&client, "x", (struct watch_spec){.since = 2});
    add(&client, "y", (struct watch_spec){.since = 2});
    add(&client, "z", (struct watch_spec){.since = 1});
    open_stream(&client);
    fake_settle(server.loop);
    CHECK(bytes_ends_with(buf_bytes(&client.watch.stream.text),
                          BYTES("\n\nid: 2.z\nevent: ADDED\ndata: {\"id\":\"z\",\"type\":"
                                "\"ADDED\",\"object\":b@2}\n\n")));
    release_client(&client);
    fake_server_release(&server);
}

/* ---- members come and go ---- */

TEST(mux, nothing_of_an_id_follows_its_end_and_the_id_can_begin_again)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    open_stream(&client);
    fake_settle(server.loop);
    fake_apply(&server, "core/configmaps/default/a", "a");
    mux_remove(client.mux, BYTES("m"));
    CHECK(!mux_has(client.mux, BYTES("m")));
    mux_remove(client.mux, BYTES("never-there"));
    add(&client, "m", (struct watch_spec){.initial = true, .labels = labels("l")});
    fake_settle(server.loop);
    put(&server, "b=1");
    CHECK_TOLD(&client, "m:SUBSCRIBED m:UNSUBSCRIBED never-there:UNSUBSCRIBED m:SUBSCRIBED "
                        "m:BOOKMARK @1!end BOOKMARK 1 m:ADDED b=1@2 ");
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, a_kind_that_goes_ends_its_members_after_what_happened_and_no_others)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    add(&client, "n", (struct watch_spec){.kind = &fake_nodes});
    open_stream(&client);
    fake_settle(server.loop);
    fake_apply(&server, "core/nodes/x", "x");
    fake_apply(&server, "core/configmaps/default/a", "a");
    fake_apply(&server, "core/configmaps/default/a", NULL);
    watch_cache_end_resource(server.cache, BYTES("core/configmaps/"));
    fake_apply(&server, "core/nodes/x", NULL);
    fake_settle(server.loop);
    CHECK_TOLD(&client, "m:SUBSCRIBED n:SUBSCRIBED n:ADDED x@1 m:ADDED a@2 m:DELETED a@3 "
                        "m:UNSUBSCRIBED n:DELETED x@4 ");
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, a_fixed_one_ends_with_its_last_member_and_any_at_its_time)
{
    struct fake_server server;
    struct client none, timed;
    struct error err = {0};

    fake_server_start(&server);
    begin(&server, &none, (struct mux_options){.framing = FRAMING_LINES, .fixed = true});
    begin(&server, &timed, (struct mux_options){.framing = FRAMING_LINES, .timeout_ms = 500});
    error_set(&err, STATUS_NOT_FOUND, "no such thing");
    mux_refuse(none.mux, BYTES("what"), &err);
    error_release(&err);
    open_stream(&none);
    add(&timed, "m", (struct watch_spec){.since = 0});
    open_stream(&timed);
    fake_settle(server.loop);
    CHECK_TOLD(&none, "what:ERROR 404 ");
    CHECK(none.watch.stream.ended && none.mux == NULL);
    put(&server, "a");
    fake_advance(server.loop, 500);
    CHECK_TOLD(&timed, "m:SUBSCRIBED m:ADDED a@1 BOOKMARK 1 ");
    CHECK(timed.watch.stream.ended && timed.mux == NULL);
    release_client(&none);
    release_client(&timed);
    fake_server_release(&server);
}

TEST(mux, who_asks_more_than_it_reads_is_cut)
{
    struct fake_server server;
    struct client client;

    fake_server_start(&server);
    begin_lines(&server, &client);
    open_stream(&client);
    fake_settle(server.loop);
    client.watch.stream.ready = false;
    client.watch.stream.stalled = true;
    for (int n = 0; n < 10000; n++)
        mux_remove(client.mux, BYTES("m"));
    fake_settle(server.loop);
    CHECK(client.watch.stream.aborted && client.mux == NULL);
    release_client(&client);
    fake_server_release(&server);
}

TEST(mux, a_client_that_leaves_in_any_write_takes_all_with_it)
{
    for (int nth = 1; nth <= 3; nth++) {
        struct fake_server server;
        struct client client;

        fake_server_start(&server);
        put(&server, "a");
        begin_lines(&server, &client);
        add(&client, "m", (struct watch_spec){.initial = true});
        add(&client, "n", (struct watch_spec){.kind = &fake_nodes});
        open_stream(&client);
        client.watch.stream.gone_in_write = nth;
        fake_settle(server.loop);
        fake_apply(&server, "core/nodes/x", "x");
        fake_settle(server.loop);
        fake_apply(&server, "core/configmaps/default/a", "a");
        watch_cache_end_resource(server.cache, BYTES("core/configmaps/"));
        fake_settle(server.loop);
        CHECK(client.mux == NULL);
        release_client(&client);
        fake_server_release(&server);
    }
}

/* ---- behind the windows ---- */

/* Revision n puts a node if n is a multiple of 4, else a ConfigMap. */
static void change_until(struct fake_server *server, uint64_t last)
{
    while (server->rev < last) {
        bool node = (server->rev + 1) % 4 == 0;

        change_key(server, node ? "core/nodes/x" : "core/configmaps/d/a", node ? "x" : "a");
    }
}

static void expect_both(char *text, int from, int upto)
{
    for (int rev = from; rev <= upto; rev++)
        text += sprintf(text, "%s@%d ", rev % 4 == 0 ? "n:MODIFIED x" : "m:MODIFIED a", rev);
}

TEST(mux, what_has_left_the_windows_comes_from_the_log_in_the_same_order)
{
    struct fake_server server;
    struct client client;
    struct watch_cache_stats stats;
    char expected[8192] = "m:SUBSCRIBED n:SUBSCRIBED ";

    start(&server, 8);
    change_until(&server, 300);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 100});
    add(&client, "n", (struct watch_spec){.kind = &fake_nodes, .since = 100});
    open_stream(&client);
    settle(&server);
    expect_both(expected + strlen(expected), 101, 300);
    CHECK_TOLD(&client, expected);
    watch_cache_get_stats(server.cache, &stats);
    CHECK(stats.behind_reads >= 3 && stats.behind_reads <= 6);
    client.watch.stream.stalled = true;
    client.watch.stream.ready = false;
    for (uint64_t rev = 301; rev <= 400; rev += 3) {
        change_until(&server, rev);
        fake_settle(server.loop);
    }
    client.watch.stream.stalled = false;
    settle(&server);
    expected[0] = '\0';
    expect_both(expected, 301, 400);
    CHECK_TOLD(&client, expected);
    release_client(&client);
    release(&server);
}

TEST(mux, the_log_does_not_run_ahead_of_what_the_loop_has_applied)
{
    struct fake_server server;
    struct client client;
    struct watch_batch *node, *map;

    start(&server, 4);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0});
    add(&client, "n", (struct watch_spec){.kind = &fake_nodes});
    open_stream(&client);
    settle(&server);
    client.watch.stream.stalled = true;
    client.watch.stream.ready = false;
    for (int n = 0; n < 10; n++)
        change(&server, "d/a", false);
    node = log_key(&server, "core/nodes/x", "x");
    map = log_key(&server, "core/configmaps/d/b", "b");
    client.watch.stream.stalled = false;
    settle(&server);
    CHECK(bytes_ends_with(told(&client), BYTES("m:MODIFIED a@10 ")));
    apply_batch(&server, node);
    apply_batch(&server, map);
    settle(&server);
    CHECK_TOLD(&client, "n:ADDED x@11 m:ADDED b@12 ");
    release_client(&client);
    release(&server);
}

TEST(mux, history_that_is_gone_ends_the_member_that_needs_it_and_no_other)
{
    struct fake_server server;
    struct client client;

    start(&server, 4);
    change_until(&server, 40);
    compact(20);
    begin_lines(&server, &client);
    add(&client, "gone", (struct watch_spec){.since = 19});
    add(&client, "m", (struct watch_spec){.since = 38});
    add(&client, "also-gone", (struct watch_spec){.kind = &fake_nodes, .since = 3});
    open_stream(&client);
    settle(&server);
    CHECK_TOLD(&client, "gone:SUBSCRIBED m:SUBSCRIBED also-gone:SUBSCRIBED gone:ERROR 410 "
                        "also-gone:ERROR 410 m:MODIFIED a@39 ");
    CHECK(mux_count(client.mux) == 1);
    change_until(&server, 42);
    settle(&server);
    CHECK_TOLD(&client, "m:MODIFIED a@41 m:MODIFIED a@42 ");
    release_client(&client);
    release(&server);
}

TEST(mux, a_member_that_ends_during_a_read_is_not_told_of_what_it_brings)
{
    struct fake_server server;
    struct client client, leaves, last;

    start(&server, 4);
    change_until(&server, 20);
    hold(true);
    struct client *const clients[] = {&client, &leaves, &last};
    for (size_t i = 0; i < 3; i++) {
        begin_lines(&server, clients[i]);
        add(clients[i], "m", (struct watch_spec){.since = 16});
        add(clients[i], "n", (struct watch_spec){.kind = &fake_nodes, .since = 0});
        open_stream(clients[i]);
    }
    fake_settle(server.loop);
    mux_remove(client.mux, BYTES("n"));
    fake_client_leaves(&leaves.watch);
    hold(false);
    settle(&server);
    CHECK_TOLD(&client, "m:SUBSCRIBED n:SUBSCRIBED n:UNSUBSCRIBED m:MODIFIED a@17 m:MODIFIED a@18 "
                        "m:MODIFIED a@19 ");
    CHECK_TOLD(&leaves, "m:SUBSCRIBED n:SUBSCRIBED ");
    hold(true); /* and one whose read never comes back to its loop */
    add(&last, "late", (struct watch_spec){.since = 1});
    fake_settle(server.loop);
    watch_cache_end_watchers(server.cache);
    CHECK(last.watch.stream.ended && last.mux == NULL && client.watch.stream.ended);
    hold(false);
    for (size_t i = 0; i < 3; i++)
        release_client(clients[i]);
    release(&server);
}

TEST(mux, one_event_that_is_for_more_members_than_a_write_takes_is_told_to_all_of_them)
{
    struct fake_server server;
    struct client client;
    char id[16];

    start(&server, 4);
    change_until(&server, 30);
    begin_lines(&server, &client);
    for (int n = 0; n < MUX_MEMBERS_MAX; n++) {
        snprintf(id, sizeof(id), "m%d", n);
        add(&client, id, (struct watch_spec){.since = 20});
    }
    open_stream(&client);
    settle(&server);
    struct bytes rest = told(&client);
    for (int rev = 20; rev <= 30; rev++)
        for (int n = 0; n < MUX_MEMBERS_MAX && (rev == 20 || rev % 4 != 0); n++) {
            struct bytes word = bytes_cut(&rest, ' ');

            snprintf(id, sizeof(id), "m%d", n);
            CHECK_TEXT(bytes_cut(&word, ':'), id);
            if (rev > 20)
                CHECK(bytes_eq_str(word, "MODIFIED") && bytes_cut(&rest, ' ').len == 4);
        }
    CHECK_INT(rest.len, 0);
    release_client(&client);
    release(&server);
}

/* ---- whatever happens ---- */

/* What "m" (label l=1) or "n" must be told of a change, or nothing. */
static void expect(char *out, const char *id, const char *was, const char *is, uint64_t rev)
{
    if (was == NULL && is == NULL)
        return;
    sprintf(out + strlen(out), "%s:%s %s@%llu ", id,
            was == NULL  ? "ADDED"
            : is == NULL ? "DELETED"
                         : "MODIFIED",
            is != NULL ? is : was, (unsigned long long)rev);
}

TEST(mux, whatever_stalls_members_are_told_what_the_log_holds_in_its_order)
{
    static char expected[1 << 20];
    static struct client client;
    struct fake_server server;
    bool node = false, map = false, match = false;
    unsigned dice = 12345;

    start(&server, 8);
    begin_lines(&server, &client);
    add(&client, "m", (struct watch_spec){.since = 0, .labels = labels("l=1")});
    add(&client, "n", (struct watch_spec){.kind = &fake_nodes});
    open_stream(&client);
    strcpy(expected, "m:SUBSCRIBED n:SUBSCRIBED ");
    for (int round = 0; round < 5000; round++) {
        dice = dice * 1103515245 + 12345;
        unsigned roll = dice >> 16;

        if (roll % 3 == 0) {
            bool deletes = node && roll % 2 == 0;

            change_key(&server, "core/nodes/x", deletes ? NULL : "x");
            expect(expected, "n", node ? "x" : NULL, deletes ? NULL : "x", server.rev);
            node = !deletes;
        } else {
            bool deletes = map && roll % 5 == 0, now = !deletes && roll % 4 < 2;

            change_key(&server, "core/configmaps/d/a", deletes ? NULL : now ? "a=1" : "a=2");
            expect(expected, "m", match ? "a=1" : NULL, now ? "a=1" : NULL, server.rev);
            map = !deletes;
            match = now;
        }
        if (roll % 7 == 0)
            client.watch.stream.stalled = !client.watch.stream.stalled;
        if (roll % 2 == 0)
            fake_turn(server.loop);
    }
    client.watch.stream.stalled = false;
    settle(&server);
    CHECK_TEXT(told(&client), expected);
    release_client(&client);
    release(&server);
}
