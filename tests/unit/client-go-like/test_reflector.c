#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "base/clock.h"
#include "base/rand.h"
#include "client-go-like/cache/reflector.h"
#include "codec/transcoder.h"

/* ---- what the server says ---- */

#define META(name, rv)                                                                             \
    "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"resourceVersion\":\"" rv "\"}"
#define CM(name, rv) "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"," META(name, rv) "}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv)                                                                               \
    EVENT("BOOKMARK", "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"               \
                      "\"resourceVersion\":\"" rv "\"}}")
#define END_MARK(rv)                                                                               \
    EVENT("BOOKMARK", "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"               \
                      "\"resourceVersion\":\"" rv "\",\"annotations\":{"                           \
                      "\"k8s.io/initial-events-end\":\"true\"}}}")
#define LIST(rv, more, items)                                                                      \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv    \
    "\"" more "},\"items\":[" items "]}"
#define STATUS(code, reason, more)                                                                 \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" reason      \
    " it is\",\"reason\":\"" reason "\"," more "\"code\":" code "}"
#define TOO_LARGE                                                                                  \
    STATUS(                                                                                        \
        "504", "Timeout",                                                                          \
        "\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":\"x\"}]},")

/* ---- the stage: a server, a reflector with short patience, and what it told us ---- */

static unsigned pauses[64];
static atomic_uint pause_count;
static void (*on_pause)(void);

static tw_status short_pause(struct http *http, unsigned pause_ms, tw_error **reterr)
{
    unsigned at = atomic_load(&pause_count);

    if (at < ARRAY_LEN(pauses))
        pauses[at] = pause_ms;
    atomic_store(&pause_count, at + 1);
    if (on_pause != NULL)
        on_pause();
    return http_pause(http, 2, reterr);
}

static uint64_t no_chance(uint64_t bound)
{
    (void)bound;
    return 0;
}

struct stage {
    struct fake_server *server;
    tw_client *client;
    tw_store *store;
    tw_channel *channel;
    tw_reflector *reflector;
};

static const struct reflector_env patient = {
    .now_ms = clock_monotonic_ms,
    .random_below = no_chance,
    .pause = short_pause,
    .connect_ms = 5000,
    .first_byte_ms = 5000,
    .idle_ms = 5000,
    .idle_max_ms = 5000,
    .short_watch_ms = 1000,
    .unsynced_ms = 5000,
};

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

/* What the callbacks were told, each as one word: "syncing live". */
static char told_states[256];
static uint64_t told_metrics[TW_METRIC_COUNT];
static unsigned told_idle_ms[8]; /* the patience each watch began with */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static tw_reflector_status told_last;

static void on_status(void *user, const tw_reflector_status *status)
{
    const char *name = tw_reflector_state_name(status->state);
    size_t len;

    (void)user;
    pthread_mutex_lock(&told_lock);
    len = strlen(told_states);
    if (len < strlen(name) || strcmp(told_states + len - strlen(name), name) != 0)
        snprintf(told_states + len, sizeof(told_states) - len, "%s%s", len != 0 ? " " : "", name);
    if (status->state != TW_REFLECTOR_STOPPED)
        told_last = *status;
    pthread_mutex_unlock(&told_lock);
}

static void on_metric(void *user, tw_metric metric, uint64_t value)
{
    struct stage *s = user;

    pthread_mutex_lock(&told_lock);
    if (metric == TW_METRIC_WATCHES && told_metrics[metric] < ARRAY_LEN(told_idle_ms))
        told_idle_ms[told_metrics[metric]] = s->reflector->idle_ms;
    told_metrics[metric] += value;
    pthread_mutex_unlock(&told_lock);
}

static uint64_t metric(tw_metric which)
{
    uint64_t value;

    pthread_mutex_lock(&told_lock);
    value = told_metrics[which];
    pthread_mutex_unlock(&told_lock);
    return value;
}

static tw_framing framing; /* of the next stage */

static void stage_at(struct stage *s, const char *url, const struct reflector_env *env,
                     bool list_first)
{
    tw_reflector_options options = {.ns = "n", .list_first = list_first, .framing = framing};
    tw_config *config = NULL;

    options.user = s;
    options.on_status = on_status;
    options.on_metric = on_metric;
    told_states[0] = '\0';
    memset(told_metrics, 0, sizeof(told_metrics));

    atomic_store(&pause_count, 0);
    CHECK(tw_config_from_url(url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &s->client, NULL) == TW_OK);
    tw_config_free(config);
    CHECK(tw_store_new(&s->store, NULL) == TW_OK);
    CHECK(tw_channel_new(64, &s->channel, NULL) == TW_OK);
    tw_store_deliver_to(s->store, s->channel);
    CHECK(reflector_new(s->client, &configmaps, &options, s->store, env, &s->reflector, NULL) ==
          TW_OK);
    CHECK(tw_reflector_start(s->reflector, NULL) == TW_OK);
}

static void stage_up(struct stage *s, const struct fake_step *steps, size_t count,
                     const struct reflector_env *env, bool list_first)
{
    on_pause = NULL;
    s->server = fake_start(steps, count, 0);
    stage_at(s, s->server->url, env, list_first);
}

#define STAGE(s, steps, env, list_first) stage_up(s, steps, ARRAY_LEN(steps), env, list_first)

static void stage_down(struct stage *s)
{
    uint64_t before = clock_monotonic_ms();

    tw_reflector_stop(s->reflector);
    CHECK(clock_monotonic_ms() - before < 1000);
    tw_reflector_free(s->reflector);
    tw_channel_close(s->channel);
    tw_channel_free(s->channel);
    tw_store_free(s->store);
    tw_client_unref(s->client);
    fake_stop(s->server);
}

/* The next change reads like this: "ADDED a". */
static bool told(struct stage *s, tw_change_type type, const char *name, const char *rv)
{
    tw_change change;
    bool as_said;

    if (tw_channel_next(s->channel, FAKE_WAIT_S * 1000, &change) != TW_OK)
        return false;
    as_said = change.type == type && strcmp(tw_object_name(change.object), name) == 0 &&
              strcmp(tw_object_resource_version(change.object), rv) == 0;
    if (!as_said)
        fprintf(stderr, "told %d %s %s\n", change.type, tw_object_name(change.object),
                tw_object_resource_version(change.object));
    tw_change_release(&change);
    return as_said;
}

static bool added(struct stage *s, const char *name, const char *rv)
{
    return told(s, TW_CHANGE_ADDED, name, rv);
}

static bool synced(struct stage *s)
{
    return tw_reflector_wait_synced(s->reflector, FAKE_WAIT_S * 1000) == TW_OK;
}

static tw_reflector_status status_of(struct stage *s)
{
    tw_reflector_status status;

    tw_reflector_get_status(s->reflector, &status);
    return status;
}

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

TEST(reflector, a_silent_watch_is_given_up_and_the_next_one_is_given_longer)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        HOLD(EVENT("ADDED", CM("a", "11"))),
        HOLD(EVENT("ADDED", CM("b", "12"))),
        HOLD(""),
    };
    struct reflector_env env = patient;
    struct stage s;

    env.idle_ms = 50;
    env.idle_max_ms = 80;
    STAGE(&s, steps, &env, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "12") && fake_wait_requests(s.server, 4));
    CHECK(fake_asked(s.server, 2, "&resourceVersion=11&") &&
          fake_asked(s.server, 3, "&resourceVersion=12&"));
    CHECK_INT(status_of(&s).lists, 1);
    stage_down(&s);
    CHECK(told_idle_ms[0] == 50 && told_idle_ms[1] == 80 && told_idle_ms[2] == 80);
}

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

TEST(reflector, says_when_it_is_forbidden)
{
    static const struct fake_step steps[] = {
        ANSWER_CODE(403, STATUS("403", "Forbidden", "")),
        ANSWER_CODE(403, STATUS("403", "Forbidden", "")),
        SILENT,
    };
    struct stage s;

    STAGE(&s, steps, &patient, false);
    CHECK(fake_wait_requests(s.server, 3));
    CHECK_INT(status_of(&s).state, TW_REFLECTOR_FORBIDDEN);
    CHECK_TEXT(bytes_str(status_of(&s).error), "Forbidden it is");
    CHECK(!status_of(&s).synced);
    stage_down(&s);
}

static tw_reflector_status forbidden;

static void keep_forbidden(void)
{
    if (told_last.state == TW_REFLECTOR_FORBIDDEN)
        forbidden = told_last;
}

TEST(reflector, says_what_a_role_would_have_to_allow)
{
    static const char refusal[] =
        "{\"kind\":\"Status\",\"message\":\"configmaps is forbidden: User \\\"u\\\" cannot list "
        "resource \\\"configmaps\\\" in API group \\\"\\\" in the namespace \\\"n\\\"\",\"reason\":"
        "\"Forbidden\",\"code\":403}";
    static const struct fake_step steps[] = {
        ANSWER_CODE(403, refusal),
        ANSWER_CODE(403, refusal), /* the streaming list, the list */
        ANSWER_CODE(403, refusal),
        ANSWER_CODE(403, refusal),
        HOLD(END_MARK("10") EVENT("ADDED", CM("a", "11"))),
    };
    struct stage s;

    on_pause = NULL;
    s.server = fake_start(steps, ARRAY_LEN(steps), 0);
    on_pause = keep_forbidden; /* runs in the reflector's thread */
    stage_at(&s, s.server->url, &patient, false);
    CHECK(added(&s, "a", "11"));
    stage_down(&s);
    on_pause = NULL;
    CHECK_TEXT(bytes_str(told_states), "syncing forbidden syncing live stopped");
    CHECK_TEXT(bytes_str(forbidden.denied.verb), "list");
    CHECK_TEXT(bytes_str(forbidden.denied.ns), "n");
    CHECK_TEXT(bytes_str(told_last.denied.verb), ""); /* no longer */
}

TEST(reflector, says_when_its_resource_type_is_gone_and_when_it_is_back)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", CM("a", "4"))),
        STREAM(EVENT("ERROR", STATUS("410", "Expired", ""))),
        ANSWER_CODE(404, "404 page not found"),
        ANSWER_CODE(404, "404 page not found"),
        ANSWER(LIST("20", "", CM("a", "19"))),
        HOLD(EVENT("ADDED", CM("b", "21"))),
    };
    struct stage s;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "4") && told(&s, TW_CHANGE_UPDATED, "a", "19") && added(&s, "b", "21"));
    stage_down(&s);
    CHECK_TEXT(bytes_str(told_states), "syncing live stale gone live stopped");
}

TEST(reflector, tells_its_metrics)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", CM("a", "4"))),
        STREAM(EVENT("ADDED", CM("b", "11")) "}garbage"),
        ANSWER(LIST("12", "", CM("a", "4") "," CM("b", "11"))),
        HOLD(EVENT("ADDED", CM("c", "13"))),
    };
    size_t pages = strlen(steps[0].body) + strlen(steps[2].body);
    size_t events = strlen(EVENT("ADDED", CM("b", "11"))) + strlen(steps[3].body) - 2; /* no \n */
    struct stage s;
    tw_reflector_status status;

    STAGE(&s, steps, &patient, true);
    CHECK(added(&s, "a", "4") && added(&s, "b", "11") && added(&s, "c", "13"));
    status = status_of(&s);
    stage_down(&s);
    CHECK_INT(metric(TW_METRIC_LISTS), 2);
    CHECK_INT(metric(TW_METRIC_RELISTS), 1);
    CHECK_INT(metric(TW_METRIC_WATCHES), 2);
    CHECK_INT(metric(TW_METRIC_EVENTS), 2);
    CHECK_INT(metric(TW_METRIC_DECODE_ERRORS), 1);
    CHECK_INT(metric(TW_METRIC_BACKOFFS), 1);
    CHECK_INT(metric(TW_METRIC_BACKOFF_MS), 800);
    CHECK_INT(metric(TW_METRIC_BYTES), pages + events);
    CHECK(status.bytes == pages + events && status.decode_errors == 1 && status.backoffs == 1);
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

/* ---- how long silence is borne ---- */

static uint64_t stopped_clock(void)
{
    return 1;
}

TEST(reflector, a_server_whose_bookmarks_are_heard_is_not_given_longer_than_they_take)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        HOLD(EVENT("ADDED", CM("a", "11"))), /* silent: patience doubles */
        HOLD(BOOKMARK("12") BOOKMARK("13")), /* both at once, and then silent */
        HOLD(EVENT("ADDED", CM("b", "14"))),
    };
    struct reflector_env env = patient;
    struct stage s;

    env.now_ms = stopped_clock;
    env.idle_ms = 50;
    env.idle_max_ms = 60 * 1000;
    STAGE(&s, steps, &env, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "14"));
    CHECK(fake_asked(s.server, 3, "&resourceVersion=13&"));
    stage_down(&s);
    CHECK_INT(told_idle_ms[0], 50);
    CHECK_INT(told_idle_ms[1], 100);
    CHECK_INT(told_idle_ms[2], 100); /* back to 50, and doubled once */
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
