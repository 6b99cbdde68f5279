#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

static struct watch_event *event_of(const char *prev, const char *now)
{
    struct object *before = prev != NULL ? fake_object("core/configmaps/default/a", prev, 1) : NULL;
    struct object *after = now != NULL ? fake_object("core/configmaps/default/a", now, 2) : NULL;
    struct event event = {.rev = 2,
                          .type = now != NULL ? EVENT_PUT : EVENT_DELETE,
                          .key = BYTES("core/configmaps/default/a"),
                          .value = after != NULL ? &after->base : NULL,
                          .prev = before != NULL ? &before->base : NULL};
    struct watch_event *made = watch_event_new(&event);

    object_unref(before);
    object_unref(after);
    return made;
}

static void check_line(struct watch_event *event, enum watch_type type, struct view view,
                       const char *expected, bool expect_made)
{
    struct watch_format format = watch_format_of(&fake_maps, view, FRAMING_LINES);
    bool made = false;
    struct frame *frame = watch_event_encode(event, type, &format, &made);

    CHECK_TEXT(frame_payload(frame), expected);
    CHECK_INT(made, expect_made);
    frame_unref(frame);
}

TEST(encode_once, the_same_change_has_one_encoding_for_each_type_and_view)
{
    struct watch_event *event = event_of("a=1", "a=2");
    const struct view object = {0}, table = {.shape = VIEW_TABLE};

    for (int round = 0; round < 2; round++) {
        bool first = round == 0;

        check_line(event, WATCH_MODIFIED, object, "{\"type\":\"MODIFIED\",\"object\":a=2@2}\n",
                   first);
        check_line(event, WATCH_ADDED, object, "{\"type\":\"ADDED\",\"object\":a=2@2}\n", first);
        check_line(event, WATCH_DELETED, object, "{\"type\":\"DELETED\",\"object\":a=1@2}\n",
                   first);
        check_line(event, WATCH_ADDED, table, "{\"type\":\"ADDED\",\"object\":row:a=2@2}\n", first);
    }
    watch_event_unref(event);
}

TEST(encode_once, protobuf_frames_have_a_length_that_messages_do_not_need)
{
    struct watch_event *event = event_of("a=1", "a=2");
    struct watch_format format =
        watch_format_of(&fake_maps, (struct view){.protobuf = true}, FRAMING_PROTOBUF);
    bool made = false;
    struct frame *frame = watch_event_encode(event, WATCH_MODIFIED, &format, &made);

    CHECK(made);
    CHECK(bytes_eq(frame_payload(frame), BYTES("\0\0\0\x13\x0a\x08MODIFIED\x12\x07\x0a\x05"
                                               "a=2@2")));
    CHECK(bytes_eq(frame_message(frame), BYTES("\x0a\x08MODIFIED\x12\x07\x0a\x05"
                                               "a=2@2")));
    CHECK_INT((unsigned char)frame_head(frame).ptr[0], 0x82); /* final, binary */
    frame_unref(frame);
    frame = watch_event_encode(event, WATCH_MODIFIED, &format, &made);
    CHECK(!made);
    frame_unref(frame);
    watch_event_unref(event);
}

TEST(encode_once, a_failure_in_protobuf_is_a_status_in_its_envelope)
{
    struct error err = {0};
    struct frame *frame;

    error_set(&err, STATUS_EXPIRED, "too old");
    frame = watch_encode_error(&err, FRAMING_PROTOBUF);
    CHECK(frame != NULL && bytes_starts_with(frame_message(frame), BYTES("\x0a\x05"
                                                                         "ERROR\x12")));
    CHECK(memmem(frame->data, frame->len, "k8s\0\x0a\x0c\x0a\x02v1\x12\x06Status", 18) != NULL);
    CHECK(memmem(frame->data, frame->len,
                 "\x1a\x07too old\x22\x07"
                 "Expired",
                 18) != NULL);
    frame_unref(frame);
    error_release(&err);
}

TEST(encode_once, messages_of_another_schema_are_another_format)
{
    struct kind custom = fake_maps, changed = fake_maps;
    const struct view json = {0}, protobuf = {.protobuf = true};

    custom.crd_rev = 3;
    changed.crd_rev = 4;
    CHECK(watch_format_of(&custom, protobuf, FRAMING_PROTOBUF).id !=
          watch_format_of(&changed, protobuf, FRAMING_PROTOBUF).id);
    CHECK(watch_format_of(&custom, json, FRAMING_LINES).id ==
          watch_format_of(&changed, json, FRAMING_LINES).id);
}

TEST(encode_once, equal_kinds_share_and_different_ones_do_not)
{
    struct column columns[1] = {fake_columns[0]};
    struct kind same = fake_maps, renamed = fake_maps, other_version = fake_maps;
    const struct view object = {0}, table = {.shape = VIEW_TABLE};

    same.columns = columns; /* as another loop's copy of a custom kind */
    CHECK(watch_format_of(&fake_maps, table, FRAMING_LINES).id ==
          watch_format_of(&same, table, FRAMING_LINES).id);
    columns[0].path = ".spec.x";
    CHECK(watch_format_of(&fake_maps, table, FRAMING_LINES).id !=
          watch_format_of(&same, table, FRAMING_LINES).id);
    CHECK(watch_format_of(&fake_maps, object, FRAMING_LINES).id ==
          watch_format_of(&same, object, FRAMING_LINES).id);
    other_version.api_version = "v2";
    CHECK(watch_format_of(&fake_maps, object, FRAMING_LINES).id !=
          watch_format_of(&other_version, object, FRAMING_LINES).id);
    renamed.columns = NULL;
    renamed.column_count = 0;
    CHECK(watch_format_of(&fake_maps, table, FRAMING_LINES).id !=
          watch_format_of(&renamed, table, FRAMING_LINES).id);
}

static struct frame *encode_sse(struct watch_event *event, enum watch_type type, bool *ret_made)
{
    struct watch_format format = watch_format_of(&fake_maps, (struct view){0}, FRAMING_SSE);

    return watch_event_encode(event, type, &format, ret_made);
}

TEST(encode_once, a_server_sent_event_is_a_format_of_its_own_and_made_once)
{
    struct watch_event *event = event_of("a=1", "a=2");
    bool made = false;
    struct frame *first = encode_sse(event, WATCH_MODIFIED, &made), *second;

    CHECK(made);
    CHECK_TEXT(frame_payload(first), "id: 2\nevent: MODIFIED\ndata: a=2@2\n\n");
    second = encode_sse(event, WATCH_MODIFIED, &made);
    CHECK(!made && first == second);
    check_line(event, WATCH_MODIFIED, (struct view){0},
               "{\"type\":\"MODIFIED\",\"object\":a=2@2}\n", true);
    frame_unref(first);
    frame_unref(second);
    watch_event_unref(event);
}

static void check_shows(const char *prev, const char *now, enum watch_type type, bool expected)
{
    struct watch_event *event = event_of(prev, now);
    struct projection *projection = NULL;
    struct watch_format format;
    int encodes = fake_encodes;

    CHECK_INT(projection_parse(BYTES("x"), BYTES(""), &projection, NULL), STATUS_OK);
    format = watch_format_of(&fake_maps, (struct view){.projection = projection}, FRAMING_LINES);
    for (int round = 0; round < 3; round++)
        CHECK_INT(watch_event_shows(event, type, &format), expected);
    if (!expected)
        CHECK_INT(fake_encodes - encodes, 2); /* before and now, once */
    format.view.projection = NULL;
    CHECK(watch_event_shows(event, type, &format));
    projection_unref(projection);
    watch_event_unref(event);
}

TEST(encode_once, a_change_that_a_projection_does_not_show_is_seen_by_one_look)
{
    check_shows("a=1", "a=2", WATCH_MODIFIED, false);
    check_shows("a=1", "b=1", WATCH_MODIFIED, true);
    check_shows("a=1", "a=2", WATCH_ADDED, true);
    check_shows("a=1", "a=2", WATCH_DELETED, true);
}

TEST(encode_once, equal_projections_share_a_format_and_different_ones_do_not)
{
    struct projection *a = NULL, *b = NULL;
    struct view view = {0}, same = {0}, table = {.shape = VIEW_TABLE};
    uint64_t id, plain = watch_format_of(&fake_maps, view, FRAMING_LINES).id;

    CHECK_INT(projection_parse(BYTES("x"), BYTES(""), &a, NULL), STATUS_OK);
    CHECK_INT(projection_parse(BYTES("x"), BYTES(""), &b, NULL), STATUS_OK);
    view.projection = a;
    same.projection = b;
    id = watch_format_of(&fake_maps, view, FRAMING_LINES).id;
    CHECK(id != plain && id == watch_format_of(&fake_maps, same, FRAMING_LINES).id);
    CHECK(id != watch_format_of(&fake_maps, view, FRAMING_SSE).id);
    projection_unref(b);
    CHECK_INT(projection_parse(BYTES(""), BYTES("x"), &b, NULL), STATUS_OK);
    same.projection = b;
    CHECK(id != watch_format_of(&fake_maps, same, FRAMING_LINES).id);
    table.projection = a;
    CHECK(watch_format_of(&fake_maps, table, FRAMING_LINES).view.projection == NULL);
    projection_unref(a);
    projection_unref(b);
}

TEST(encode_once, more_formats_than_an_event_keeps_are_encoded_for_each_watch)
{
    struct watch_event *event = event_of(NULL, "a");
    struct kind kind = fake_maps;
    char version[16];
    bool made = false;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 12; i++) {
            struct watch_format format;

            snprintf(version, sizeof(version), "v%d", i);
            kind.api_version = version;
            format = watch_format_of(&kind, (struct view){0}, FRAMING_LINES);
            frame_unref(watch_event_encode(event, WATCH_ADDED, &format, &made));
            CHECK_INT(made, round == 0 || i >= 8);
        }
    }
    watch_event_unref(event);
}

/* Loops share events: whoever comes first encodes, whoever comes last frees. */
static void *encode_all(void *user)
{
    struct watch_batch *batch = user;
    struct watch_format format = watch_format_of(&fake_maps, (struct view){0}, FRAMING_LINES);
    size_t made_count = 0;

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < batch->count; i++) {
            bool made = false;
            struct frame *frame = watch_event_encode(batch->events[i], WATCH_ADDED, &format, &made);

            made_count += made;
            frame_unref(frame);
        }
    }
    watch_batch_unref(batch);
    return (void *)made_count;
}

TEST(encode_once, four_threads_that_want_the_same_line_make_it_once)
{
    enum { THREADS = 4, EVENTS = 500 };
    struct event events[EVENTS];
    struct object *object = fake_object("core/configmaps/default/a", "a", 1);
    struct watch_batch *batch;
    pthread_t threads[THREADS];
    size_t made = 0;

    for (size_t i = 0; i < EVENTS; i++)
        events[i] = (struct event){
            .rev = i + 1, .key = BYTES("core/configmaps/default/a"), .value = &object->base};
    batch =
        watch_batch_new(&(struct batch){.events = events, .event_count = EVENTS, .rev = EVENTS});
    object_unref(object);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, encode_all, watch_batch_ref(batch)) == 0);
    watch_batch_unref(batch);
    for (int i = 0; i < THREADS; i++) {
        void *count;

        pthread_join(threads[i], &count);
        made += (size_t)count;
    }
    CHECK_INT(made, EVENTS);
}

/* The whole of it: two loops on two threads, each with its cache and its watches, fed by a third.
 */
enum { LOOPS = 2, BATCHES = 200, WATCHES = 20 };

struct loop_thread {
    struct fake_server server;
    struct fake_watch watches[WATCHES];
    pthread_t thread;
};

struct posted_batch {
    struct loop_task task;
    struct loop_thread *to;
    struct watch_batch *batch;
};

static void apply_posted(struct loop_task *task)
{
    struct posted_batch *posted = container_of(task, struct posted_batch, task);

    watch_cache_apply(posted->to->server.cache, posted->batch);
    watch_batch_unref(posted->batch);
    free(posted);
}

static void *run_loop(void *user)
{
    struct loop_thread *self = user;

    while (watch_cache_rev(self->server.cache) < BATCHES) {
        CHECK(fake_wait_for_post(self->server.loop));
        fake_settle(self->server.loop);
    }
    return NULL;
}

TEST(encode_once, two_loops_tell_their_watches_the_same_from_one_encoding)
{
    static struct loop_thread loops[LOOPS];
    struct fake_server writer;
    uint64_t encoded = 0;

    fake_server_start(&writer);
    for (int i = 0; i < LOOPS; i++) {
        fake_server_start(&loops[i].server);
        for (int k = 0; k < WATCHES; k++)
            fake_watch_start(&loops[i].server, &loops[i].watches[k], (struct watch_spec){0});
        CHECK(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]) == 0);
    }
    for (int n = 0; n < BATCHES; n++) {
        struct event event;
        struct watch_batch *batch;

        fake_change(&writer, "core/configmaps/default/a", n % 3 == 2 ? NULL : "a", &event);
        batch =
            watch_batch_new(&(struct batch){.events = &event, .event_count = 1, .rev = event.rev});
        fake_event_release(&event);
        for (int i = 0; i < LOOPS; i++) {
            struct posted_batch *posted = malloc(sizeof(*posted));

            *posted =
                (struct posted_batch){{apply_posted, NULL}, &loops[i], watch_batch_ref(batch)};
            loop_post(loops[i].server.loop, &posted->task);
        }
        watch_batch_unref(batch);
    }
    for (int i = 0; i < LOOPS; i++)
        pthread_join(loops[i].thread, NULL);
    for (int i = 0; i < LOOPS; i++) {
        struct watch_cache_stats stats;

        watch_cache_get_stats(loops[i].server.cache, &stats);
        encoded += stats.events_encoded[FRAMING_LINES];
        CHECK_INT(stats.events_sent, BATCHES * WATCHES);
        for (int k = 0; k < WATCHES; k++) {
            CHECK(bytes_eq(buf_bytes(&loops[i].watches[k].stream.text),
                           buf_bytes(&loops[0].watches[0].stream.text)));
            if (i + k > 0)
                fake_watch_release(&loops[i].watches[k]);
        }
    }
    CHECK_INT(encoded, BATCHES);
    fake_watch_release(&loops[0].watches[0]);
    for (int i = 0; i < LOOPS; i++)
        watch_cache_free(loops[i].server.cache), free(loops[i].server.loop);
    fake_server_release(&writer);
}
