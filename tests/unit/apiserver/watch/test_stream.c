#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

/* What was sent since the last look, as it is. */
static struct bytes sent(struct fake_watch *watch)
{
    static char text[4096];
    size_t len = watch->stream.text.len;

    CHECK(len < sizeof(text));
    memcpy(text, watch->stream.text.len > 0 ? watch->stream.text.data : "", len);
    watch->stream.text.len = 0;
    return bytes_of(text, len);
}
#define CHECK_SENT(watch, expected) CHECK_TEXT(sent(watch), expected)

TEST(stream, server_sent_events_begin_with_how_soon_to_come_back)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 1, .framing = FRAMING_SSE});
    CHECK_SENT(&watch, "retry: 1000\n\n");
    put(&server, "a=2");
    CHECK_SENT(&watch, "id: 2\nevent: MODIFIED\ndata: a=2@2\n\n");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(stream, the_first_state_has_no_id_until_it_is_whole)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "b");
    put(&server, "a");
    fake_watch_start(&server, &watch, (struct watch_spec){.initial = true, .framing = FRAMING_SSE});
    CHECK_SENT(&watch, "retry: 1000\n\n"
                       "event: ADDED\ndata: a@2\n\n"
                       "event: ADDED\ndata: b@1\n\n"
                       ": \nid: 2\n\n");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(stream, its_end_is_the_annotated_bookmark_for_those_who_want_one)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(
        &server, &watch,
        (struct watch_spec){
            .initial = true, .initial_end = true, .bookmarks = true, .framing = FRAMING_SSE});
    CHECK_SENT(&watch, "retry: 1000\n\n"
                       "event: ADDED\ndata: a@1\n\n"
                       "id: 1\nevent: BOOKMARK\ndata: @1!end\n\n");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(stream, a_first_state_of_any_size_leaves_room_for_what_stands_around_it)
{
    for (int count = HTTP_STREAM_WRITE_MAX - 4; count <= HTTP_STREAM_WRITE_MAX + 1; count++) {
        struct fake_server server;
        struct fake_watch watch;
        char name[32], end[96];

        fake_server_start(&server);
        for (int n = 0; n < count; n++) {
            snprintf(name, sizeof(name), "o%02d", n);
            put(&server, name);
        }
        fake_watch_start(&server, &watch,
                         (struct watch_spec){.initial = true, .framing = FRAMING_SSE});
        snprintf(end, sizeof(end), "data: %s@%d\n\n: \nid: %d\n\n", name, count, count);
        CHECK(bytes_ends_with(buf_bytes(&watch.stream.text), bytes_str(end)));
        fake_watch_release(&watch);
        fake_server_release(&server);
    }
}

TEST(stream, one_that_takes_each_write_at_once_is_told_all_the_same)
{
    enum { COUNT = 3 * HTTP_STREAM_WRITE_MAX };
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    server.loop->prompt = true;
    for (int n = 0; n < COUNT; n++)
        put(&server, "a");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 1, .framing = FRAMING_SSE});
    CHECK(bytes_ends_with(buf_bytes(&watch.stream.text), BYTES("data: a@192\n\n")));
    CHECK(watch.stream.writes >= 3);
    watch.stream.text.len = 0;
    put(&server, "a");
    put(&server, "b");
    CHECK_SENT(&watch, "id: 193\nevent: MODIFIED\ndata: a@193\n\n"
                       "id: 194\nevent: ADDED\ndata: b@194\n\n");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(stream, an_idle_one_has_a_heartbeat_that_says_where_it_is)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 1, .framing = FRAMING_SSE});
    fake_advance(server.loop, 999);
    CHECK_SENT(&watch, "retry: 1000\n\n");
    fake_apply(&server, "core/nodes/n", "n"); /* another resource moves it on, too */
    fake_advance(server.loop, 1);
    CHECK_SENT(&watch, ": \nid: 2\n\n");
    fake_advance(server.loop, 1000);
    CHECK_SENT(&watch, ": \nid: 2\n\n");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(stream, from_the_future_there_is_nothing_to_resume_from_yet)
{
    struct fake_server server;
    struct fake_watch watch;

    fake_server_start(&server);
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 9, .framing = FRAMING_SSE});
    fake_advance(server.loop, 1000);
    CHECK_SENT(&watch, "retry: 1000\n\n: \n\n");
    fake_watch_release(&watch);
    fake_server_release(&server);
}

TEST(stream, an_expired_one_forgets_its_id)
{
    struct error err = {0};
    struct frame *frame;

    error_set(&err, STATUS_EXPIRED, "gone");
    frame = watch_encode_error(&err, FRAMING_SSE);
    CHECK(bytes_starts_with(frame_payload(frame), BYTES("id\nevent: ERROR\ndata: {")));
    frame_unref(frame);
    error_set(&err, STATUS_INTERNAL, "broken");
    frame = watch_encode_error(&err, FRAMING_SSE);
    CHECK(bytes_starts_with(frame_payload(frame), BYTES("event: ERROR\ndata: {")));
    CHECK(bytes_ends_with(frame_payload(frame), BYTES("}\n\n")));
    frame_unref(frame);
    error_release(&err);
}

TEST(stream, a_change_that_its_projection_does_not_show_is_not_sent)
{
    struct fake_server server;
    struct fake_watch watch, other;
    struct projection *projection = NULL;

    CHECK_INT(projection_parse(BYTES("x"), BYTES(""), &projection, NULL), STATUS_OK);
    fake_server_start(&server);
    put(&server, "a=1");
    fake_watch_start(
        &server, &watch,
        (struct watch_spec){.since = 1, .bookmarks = true, .view = {.projection = projection}});
    fake_watch_start(&server, &other, (struct watch_spec){.since = 1});
    projection_unref(projection); /* the watch has its own reference */
    put(&server, "a=2");
    CHECK_SEEN(&watch, "");
    CHECK_SEEN(&other, "MODIFIED a=2@2 ");
    del(&server, "a");
    CHECK_SEEN(&watch, "DELETED a@3 ");
    put(&server, "a=3");
    put(&server, "a=4");
    fake_advance(server.loop, 1000);
    CHECK_SEEN(&watch, "ADDED a@4 BOOKMARK @5 ");
    fake_watch_release(&watch);
    fake_watch_release(&other);
    fake_server_release(&server);
}

TEST(stream, what_ends_for_new_messages_tells_nothing_by_the_old_ones)
{
    static const struct bytes of_maps = BYTES_INIT("core/configmaps/");
    struct fake_server server;
    struct fake_watch protobuf, json;

    fake_server_start(&server);
    put(&server, "a");
    fake_watch_start(
        &server, &protobuf,
        (struct watch_spec){.since = 1, .view = {.protobuf = true}, .framing = FRAMING_PROTOBUF});
    fake_watch_start(&server, &json, (struct watch_spec){.since = 1});
    watch_cache_end_protobuf(server.cache, of_maps);
    put(&server, "a=2");
    CHECK_SENT(&protobuf, "");
    CHECK(protobuf.stream.ended);
    CHECK_SENT(&json, "{\"type\":\"MODIFIED\",\"object\":a=2@2}\n");
    CHECK(!json.stream.ended);
    fake_watch_release(&protobuf);
    fake_watch_release(&json);
    fake_server_release(&server);
}
