/*
 * reflector_stage - a server that plays a script, a reflector with short patience that follows it,
 * and what it told us: through its store's channel, and through its callbacks.
 */
#ifndef TIDEWATCH_TESTS_REFLECTOR_STAGE_H
#define TIDEWATCH_TESTS_REFLECTOR_STAGE_H

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "base/clock.h"
#include "client-go-like/cache/reflector.h"

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

static inline tw_status short_pause(struct http *http, unsigned pause_ms, tw_error **reterr)
{
    unsigned at = atomic_load(&pause_count);

    if (at < ARRAY_LEN(pauses))
        pauses[at] = pause_ms;
    atomic_store(&pause_count, at + 1);
    if (on_pause != NULL)
        on_pause();
    return http_pause(http, 2, reterr);
}

static inline uint64_t no_chance(uint64_t bound)
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

static inline void on_status(void *user, const tw_reflector_status *status)
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

static inline void on_metric(void *user, tw_metric metric, uint64_t value)
{
    struct stage *s = user;

    pthread_mutex_lock(&told_lock);
    if (metric == TW_METRIC_WATCHES && told_metrics[metric] < ARRAY_LEN(told_idle_ms))
        told_idle_ms[told_metrics[metric]] = s->reflector->idle_ms;
    told_metrics[metric] += value;
    pthread_mutex_unlock(&told_lock);
}

static inline uint64_t metric(tw_metric which)
{
    uint64_t value;

    pthread_mutex_lock(&told_lock);
    value = told_metrics[which];
    pthread_mutex_unlock(&told_lock);
    return value;
}

static tw_framing framing; /* of the next stage */

static inline void stage_at(struct stage *s, const char *url, const struct reflector_env *env,
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

static inline void stage_up(struct stage *s, const struct fake_step *steps, size_t count,
                            const struct reflector_env *env, bool list_first)
{
    on_pause = NULL;
    s->server = fake_start(steps, count, 0);
    stage_at(s, s->server->url, env, list_first);
}

#define STAGE(s, steps, env, list_first) stage_up(s, steps, ARRAY_LEN(steps), env, list_first)

static inline void stage_down(struct stage *s)
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
static inline bool told(struct stage *s, tw_change_type type, const char *name, const char *rv)
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

static inline bool added(struct stage *s, const char *name, const char *rv)
{
    return told(s, TW_CHANGE_ADDED, name, rv);
}

static inline bool synced(struct stage *s)
{
    return tw_reflector_wait_synced(s->reflector, FAKE_WAIT_S * 1000) == TW_OK;
}

static inline tw_reflector_status status_of(struct stage *s)
{
    tw_reflector_status status;

    tw_reflector_get_status(s->reflector, &status);
    return status;
}

#endif
