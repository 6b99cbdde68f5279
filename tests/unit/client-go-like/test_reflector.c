#include "unit/client-go-like/reflector_stage.h"

#include "base/rand.h"
#include "codec/transcoder.h"

/* ---- step 2, LIST, and step 3, WATCH ---- */

TEST(reflector, lists_from_any_state_then_watches_from_the_lists_version)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", CM("a", "4") "," CM("b", "7"))),
        HOLD(EVENT("MODIFIED", CM("a", "11")) EVENT("DELETED", CM("b", "12"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(synced(&s) && added(&s, "a", "4") && added(&s, "b", "7"));
    CHECK(told(&s, TW_CHANGE_UPDATED, "a", "11") && told(&s, TW_CHANGE_DELETED, "b", "12"));
    CHECK(fake_asked(s.server, 0,
                     "GET /api/v1/namespaces/n/configmaps?limit=500&resourceVersion=0 "));
    CHECK(fake_asked(s.server, 1,
                     "?allowWatchBookmarks=true&resourceVersion=10&"
                     "timeoutSeconds=300&watch=true "));
    CHECK_INT(s.server->thread_count, 1); /* list and watch share a connection */
    CHECK_INT(status_of(&s).state, TW_REFLECTOR_LIVE);
    stage_down(&s);
}

TEST(reflector, items_of_a_list_get_the_kind_they_came_without)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "{" META("a", "4") "}")),
        HOLD(""),
    };
    struct stage s;
    tw_object *object;

    STAGE(&s, steps, &patient, true);
    CHECK(synced(&s));
    object = tw_store_get(s.store, "n", "a");
    CHECK_TEXT(bytes_str(tw_object_kind(object)), "ConfigMap");
    CHECK_TEXT(bytes_str(tw_object_api_version(object)), "v1");
    tw_object_unref(object);
    stage_down(&s);
}

TEST(reflector, a_watch_ended_by_the_server_goes_on_from_the_last_version_at_once)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        STREAM(EVENT("ADDED", CM("a", "11")) BOOKMARK("15")),
        CUT(EVENT("ADDED", CM("b", "16"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "16") && fake_wait_requests(s.server, 4));
    CHECK(fake_asked(s.server, 2, "&resourceVersion=15&") &&
          fake_asked(s.server, 3, "&resourceVersion=16&"));
    CHECK_INT(atomic_load(&pause_count), 0);
    CHECK_INT(status_of(&s).lists, 1);
    stage_down(&s);
}

TEST(reflector, an_expired_watch_lists_again_at_the_last_version_with_tombstones)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", CM("a", "4") "," CM("b", "7"))),
        STREAM(EVENT("MODIFIED", CM("a", "12")) EVENT("ERROR", STATUS("410", "Expired", ""))),
        ANSWER(LIST("20", "", CM("a", "12") "," CM("c", "19"))),
        HOLD(""),
    };
    struct stage s;
    tw_change gone;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "4") && added(&s, "b", "7") && told(&s, TW_CHANGE_UPDATED, "a", "12"));
    CHECK(added(&s, "c", "19")); /* and no second word about `a`: it is as we knew it */
    CHECK(tw_channel_next(s.channel, 1000, &gone) == TW_OK);
    CHECK(gone.type == TW_CHANGE_DELETED && gone.tombstone);
    CHECK_TEXT(bytes_str(tw_object_name(gone.object)), "b");
    tw_change_release(&gone);
    CHECK(fake_wait_requests(s.server, 4) &&
          fake_asked(s.server, 2, "/configmaps?resourceVersion=12 "));
    CHECK_INT(status_of(&s).relists, 1);
    CHECK_INT(pauses[0], 800);
    stage_down(&s);
}

TEST(reflector, a_list_that_expires_on_its_second_page_is_fetched_in_one_piece)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", ",\"continue\":\"t1\"", CM("a", "4"))),
        ANSWER_CODE(410, STATUS("410", "Expired", "")),
        ANSWER(LIST("12", "", CM("a", "4") "," CM("b", "11"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(synced(&s) && added(&s, "a", "4") && added(&s, "b", "11"));
    CHECK(fake_wait_requests(s.server, 4));
    CHECK(fake_asked(s.server, 1, "/configmaps?continue=t1&limit=500 "));
    CHECK(fake_asked(s.server, 2, "/configmaps?resourceVersion=0 "));
    CHECK_INT(tw_store_count(s.store), 2);
    stage_down(&s);
}

TEST(reflector, pages_are_put_together)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", ",\"continue\":\"t1\"", CM("a", "4"))),
        ANSWER(LIST("10", ",\"continue\":\"t2\"", CM("b", "5"))),
        ANSWER(LIST("10", "", CM("c", "6"))),
        STREAM(EVENT("ERROR", STATUS("410", "Expired", ""))),
        ANSWER(LIST("20", "", CM("a", "4"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "4") && added(&s, "b", "5") && added(&s, "c", "6"));
    CHECK(fake_wait_requests(s.server, 5));
    /* The server pages lists at version 0, so it may page this one too. */
    CHECK(fake_asked(s.server, 4, "/configmaps?limit=500&resourceVersion=10 "));
    stage_down(&s);
}

TEST(reflector, a_version_from_the_future_is_forgotten_and_the_newest_listed)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("90", "", CM("a", "4"))), STREAM(EVENT("ERROR", STATUS("410", "Expired", ""))),
        ANSWER_CODE(504, TOO_LARGE),          ANSWER(LIST("20", "", CM("a", "4"))),
        HOLD(EVENT("ADDED", CM("b", "21"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "4") && added(&s, "b", "21"));
    CHECK(fake_asked(s.server, 2, "?resourceVersion=90 "));
    CHECK(fake_asked(s.server, 3, "/configmaps?limit=500 "));
    CHECK(fake_asked(s.server, 4, "&resourceVersion=20&"));
    stage_down(&s);
}

TEST(reflector, a_watch_that_ends_at_once_with_nothing_is_an_error)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")), STREAM(""), ANSWER(LIST("10", "", "")), STREAM(""),
        ANSWER(LIST("10", "", "")), HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(fake_wait_requests(s.server, 6));
    CHECK(atomic_load(&pause_count) == 2 && pauses[0] == 800 && pauses[1] == 1600);
    CHECK(fake_asked(s.server, 2, "?resourceVersion=10 "));
    stage_down(&s);
}

TEST(reflector, a_watch_that_ends_at_once_with_nothing_new_is_an_error_too)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        STREAM(BOOKMARK("10")),
        ANSWER(LIST("10", "", "")),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(fake_wait_requests(s.server, 4));
    CHECK_INT(atomic_load(&pause_count), 1);
    stage_down(&s);
}

TEST(reflector, garbage_in_a_watch_ends_it_and_the_state_is_listed_again)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        HOLD(EVENT("ADDED", CM("a", "11")) "}}}garbage"),
        ANSWER(LIST("12", "", CM("a", "11"))),
        HOLD("{\"type\":\"EXPLODED\",\"object\":{}}\n"),
        ANSWER(LIST("13", "", CM("a", "11") "," CM("b", "13"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "13") && fake_wait_requests(s.server, 6));
    CHECK_INT(atomic_load(&pause_count), 2);
    stage_down(&s);
}

TEST(reflector, half_an_event_at_the_end_is_dropped_and_asked_for_again)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        STREAM(EVENT("ADDED", CM("a", "11")) "{\"type\":\"ADDED\",\"object\":{\"ki"),
        HOLD(EVENT("ADDED", CM("b", "12"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "12"));
    CHECK(fake_asked(s.server, 2, "&resourceVersion=11&"));
    stage_down(&s);
}

TEST(reflector, objects_of_another_kind_are_dropped_and_counted)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        HOLD(EVENT("ADDED",
                   "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\"," META("a", "11") "}")
                 EVENT("ADDED", "{\"kind\":\"Secret\",\"apiVersion\":\"v1\"," META("a", "12") "}")
                     EVENT("ADDED", CM("a", "13"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "13"));
    CHECK_INT(status_of(&s).dropped, 2);
    stage_down(&s);
}

TEST(reflector, too_many_requests_on_a_watch_waits_and_watches_again)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        ANSWER_CODE(429, STATUS("429", "TooManyRequests", "")),
        HOLD(EVENT("ADDED", CM("a", "11"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "11"));
    CHECK_INT(atomic_load(&pause_count), 1);
    CHECK_INT(status_of(&s).lists, 1);
    stage_down(&s);
}

TEST(reflector, too_many_requests_within_a_watch_waits_and_watches_again_too)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        STREAM(EVENT("ADDED", CM("a", "11")) EVENT("ERROR", STATUS("429", "TooManyRequests", ""))),
        HOLD(EVENT("ADDED", CM("b", "12"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "12"));
    CHECK(fake_asked(s.server, 2, "&resourceVersion=11&"));
    CHECK_INT(atomic_load(&pause_count), 1);
    CHECK_INT(status_of(&s).lists, 1);
    stage_down(&s);
}

/* ---- step 1, the streaming list ---- */

TEST(reflector, a_streamed_list_that_ends_at_once_with_nothing_is_listed)
{
    static const struct fake_step steps[] = {
        STREAM(""),
        ANSWER(LIST("10", "", CM("a", "4"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, false);
    CHECK(synced(&s) && added(&s, "a", "4"));
    CHECK_INT(atomic_load(&pause_count), 0);
    stage_down(&s);
}

TEST(reflector, a_streamed_state_appears_whole_and_the_stream_goes_on)
{
    static const struct fake_step steps[] = {
        CUT(EVENT("ADDED", CM("a", "4")) EVENT("ADDED", CM("b", "3")) EVENT("DELETED", CM("b", "9"))
                END_MARK("10") EVENT("ADDED", CM("c", "11"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, false);
    CHECK(added(&s, "a", "4") && added(&s, "c", "11") && fake_wait_requests(s.server, 2));
    CHECK(fake_asked(s.server, 0,
                     "/configmaps?allowWatchBookmarks=true&resourceVersionMatch="
                     "NotOlderThan&sendInitialEvents=true&timeoutSeconds=300&watch=true "));
    CHECK(fake_asked(s.server, 1, "?allowWatchBookmarks=true&resourceVersion=11&timeoutSeconds"));
    CHECK_INT(status_of(&s).lists, 0);
    stage_down(&s);
}

TEST(reflector, a_server_that_cannot_stream_a_list_is_listed)
{
    static const struct fake_step steps[] = {
        ANSWER_CODE(422, STATUS("422", "Invalid", "")),
        ANSWER(LIST("10", "", CM("a", "4"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, false);
    CHECK(synced(&s) && added(&s, "a", "4") && fake_wait_requests(s.server, 3));
    CHECK_INT(atomic_load(&pause_count), 0);
    stage_down(&s);
}

TEST(reflector, a_streamed_list_at_an_expired_version_starts_without_one)
{
    static const struct fake_step steps[] = {
        STREAM(END_MARK("10") EVENT("ERROR", STATUS("410", "Expired", ""))),
        STREAM(EVENT("ERROR", STATUS("410", "Expired", ""))),
        ANSWER_CODE(504, TOO_LARGE),
        HOLD(EVENT("ADDED", CM("a", "4")) END_MARK("20")),
    };
    struct stage s;

    STAGE(&s, steps, &patient, false);
    CHECK(added(&s, "a", "4"));
    CHECK(fake_asked(s.server, 1, "&resourceVersion=10&resourceVersionMatch=NotOlderThan&"));
    CHECK(fake_asked(s.server, 2, "?allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&"));
    CHECK(fake_asked(s.server, 3, "?allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&"));
    stage_down(&s);
}

TEST(reflector, a_stream_that_breaks_before_the_marker_shows_nothing_and_is_asked_for_again)
{
    static const struct fake_step steps[] = {
        CUT(EVENT("ADDED", CM("ghost", "4"))),
        HOLD(EVENT("ADDED", CM("a", "5")) END_MARK("10")),
    };
    struct stage s;

    STAGE(&s, steps, &patient, false);
    CHECK(added(&s, "a", "5"));
    CHECK(fake_asked(s.server, 1, "sendInitialEvents=true"));
    stage_down(&s);
}

TEST(reflector, a_server_that_never_sends_the_marker_is_listed)
{
    static const struct fake_step steps[] = {
        HOLD(EVENT("ADDED", CM("a", "4"))),
        ANSWER(LIST("10", "", CM("a", "4"))),
        HOLD(""),
    };
    struct reflector_env env = patient;
    struct stage s;

    env.idle_ms = 50;
    env.idle_max_ms = 5000;
    STAGE(&s, steps, &env, false);
    CHECK(synced(&s) && added(&s, "a", "4") && fake_asked(s.server, 1, "/configmaps?limit=500"));
    stage_down(&s);
}

/* ---- time, and things that are not there ---- */

TEST(reflector, a_server_that_does_not_answer_is_given_up)
{
    /* More answers than needed: on a busy machine one may come too late for so short a bound. */
    static const struct fake_step steps[] = {
        SILENT,
        SILENT,
        HOLD(END_MARK("10")),
        HOLD(END_MARK("10")),
        HOLD(END_MARK("10")),
        HOLD(END_MARK("10")),
    };
    struct reflector_env env = patient;
    struct stage s;

    env.first_byte_ms = 150;
    STAGE(&s, steps, &env, false);
    CHECK(synced(&s));
    CHECK(fake_asked(s.server, 1, "/configmaps?limit=500")); /* the stream failed, then the list */
    stage_down(&s);
}

static struct stage *refused;
static const struct fake_step back[] = {
    HOLD(END_MARK("10") EVENT("ADDED", CM("a", "11"))),
};

static void come_back(void)
{
    if (atomic_load(&pause_count) == 3)
        refused->server = fake_start(back, 1, refused->server->port);
}

TEST(reflector, a_refused_connection_is_tried_again_with_backoff)
{
    struct fake_server *gone = fake_start(NULL, 0, 0), port_only = {.port = gone->port};
    struct stage s = {.server = &port_only};
    char url[64];

    snprintf(url, sizeof(url), "%s", gone->url);
    fake_stop(gone);
    refused = &s;
    on_pause = come_back;
    stage_at(&s, url, &patient, false);
    CHECK(added(&s, "a", "11"));
    CHECK(pauses[0] == 800 && pauses[1] == 1600 && pauses[2] == 3200);
    stage_down(&s);
}

TEST(reflector, internal_errors_are_watched_through_for_as_long_as_allowed)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        STREAM(EVENT("ADDED", CM("a", "11")) EVENT("ERROR", STATUS("500", "InternalError", ""))),
        HOLD(EVENT("ADDED", CM("b", "12"))),
    };
    struct reflector_env env = patient;
    struct stage s;

    env.internal_error_ms = 60 * 1000;
    STAGE(&s, steps, &env, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "12"));
    CHECK(fake_asked(s.server, 2, "&resourceVersion=11&") && fake_asked(s.server, 2, "watch=true"));
    CHECK_INT(status_of(&s).lists, 1);
    stage_down(&s);
}

TEST(reflector, internal_errors_list_again_where_nothing_else_is_said)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        STREAM(EVENT("ADDED", CM("a", "11")) EVENT("ERROR", STATUS("500", "InternalError", ""))),
        ANSWER(LIST("12", "", CM("a", "11") "," CM("b", "12"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "12"));
    CHECK(fake_asked(s.server, 2, "/configmaps?resourceVersion=11 "));
    stage_down(&s);
}

TEST(reflector, a_table_is_no_list)
{
    static const struct fake_step steps[] = {
        ANSWER("{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{"
               "\"resourceVersion\":\"9\"},\"rows\":[]}"),
        ANSWER(LIST("10", "", CM("a", "4"))),
        HOLD(""),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "4"));
    CHECK_INT(metric(TW_METRIC_DECODE_ERRORS), 1);
    stage_down(&s);
}

/* ---- protobuf ---- */

static void append_envelope(struct buf *out, const char *text)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    CHECK(json_parse(&arena, bytes_str(text), &tree, NULL, NULL) == STATUS_OK);
    CHECK(transcoder_write(out, tree, NULL, NULL) == STATUS_OK);
    arena_release(&arena);
}

static void append_frame(struct buf *out, const char *type, const char *text)
{
    struct buf object = {0};

    append_envelope(&object, text);
    protobuf_watch_frame_write(out, bytes_str(type), buf_bytes(&object));
    buf_release(&object);
}

TEST(reflector, lists_and_watches_in_protobuf_and_in_json_where_the_server_has_none)
{
    struct buf list = {0}, events = {0}, gone = {0};
    struct stage s;

    append_envelope(&list, LIST("10", "", "{" META("a", "4") "}"));
    append_frame(&events, "MODIFIED", CM("a", "11"));
    append_frame(&events, "ERROR", STATUS("429", "TooManyRequests", ""));
    append_envelope(&gone, STATUS("429", "TooManyRequests", ""));
    {
        const char *type = "application/vnd.kubernetes.protobuf";
        const struct fake_step steps[] = {
            {.body = list.data, .len = list.len, .end = FAKE_ANSWER, .type = type},
            {.body = events.data,
             .len = events.len,
             .end = FAKE_STREAM,
             .type = "application/vnd.kubernetes.protobuf;stream=watch"},
            {.body = gone.data, .len = gone.len, .end = FAKE_ANSWER, .type = type, .code = 429},
            HOLD(EVENT("MODIFIED", CM("a", "12"))),
        };

        framing = TW_FRAMING_PROTOBUF;
        STAGE(&s, steps, &patient, true);
        framing = TW_FRAMING_JSON;
        CHECK(added(&s, "a", "4") && told(&s, TW_CHANGE_UPDATED, "a", "11"));
        CHECK(told(&s, TW_CHANGE_UPDATED, "a", "12"));
        CHECK(strstr(s.server->requests[0], "Accept: application/vnd.kubernetes.protobuf,"
                                            "application/json\r\n") != NULL);
        CHECK_INT(status_of(&s).lists, 1); /* both 429 were understood */
        stage_down(&s);
    }
    buf_release(&list);
    buf_release(&events);
    buf_release(&gone);
}

TEST(reflector, stops_at_once_while_nobody_reads_its_channel)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", CM("a", "1") "," CM("b", "2") "," CM("c", "3"))),
    };
    struct stage s;
    tw_channel *narrow = NULL;
    tw_change change;

    on_pause = NULL;
    CHECK(tw_channel_new(1, &narrow, NULL) == TW_OK);
    s.server = fake_start(steps, 1, 0);
    s.channel = narrow;
    {
        tw_config *config = NULL;
        tw_reflector_options options = {.list_first = true};

        CHECK(tw_config_from_url(s.server->url, &config, NULL) == TW_OK);
        CHECK(tw_client_new(config, &s.client, NULL) == TW_OK);
        tw_config_free(config);
        CHECK(tw_store_new(&s.store, NULL) == TW_OK);
        tw_store_deliver_to(s.store, narrow);
        CHECK(reflector_new(s.client, &configmaps, &options, s.store, &patient, &s.reflector,
                            NULL) == TW_OK);
        CHECK(tw_reflector_start(s.reflector, NULL) == TW_OK);
    }
    CHECK(tw_channel_next(narrow, FAKE_WAIT_S * 1000, &change) == TW_OK);
    tw_change_release(&change);
    stage_down(&s); /* checks the time */
}

TEST(reflector, waits_twice_as_long_each_time_up_to_half_a_minute_and_starts_over_after_two)
{
    struct backoff b = {0};
    unsigned expected = 800;

    for (int i = 0; i < 10; i++) {
        CHECK_INT(backoff_next(&b, 1000, no_chance), expected);
        expected = expected * 2 < 30000 ? expected * 2 : 30000;
    }
    CHECK_INT(backoff_next(&b, 1000 + 120 * 1000, no_chance), 30000);
    CHECK_INT(backoff_next(&b, 1000 + 240 * 1000 + 1, no_chance), 800);
    for (int i = 0; i < 100; i++) {
        struct backoff fresh = {0};
        unsigned wait = backoff_next(&fresh, 1, rand_below);

        CHECK(wait >= 800 && wait <= 1600);
    }
}
