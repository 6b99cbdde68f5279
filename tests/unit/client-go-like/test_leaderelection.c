#include "unit/test.h"

#include <stdlib.h>

#include <tidewatch/tidewatch.h>

#include "client-go-like/leaderelection/elector.h"

/* ---- a server with one lease, and a clock that moves only when someone waits ---- */

static struct {
    uint64_t now_ms;
    char lease[1024]; /* "": none */
    unsigned rv, gets, puts, posts;
    bool broken;                     /* every request fails */
    void (*on_pause)(tw_elector *e); /* after the clock has moved */
    char log[1024];
} world;

static uint64_t now(void)
{
    return world.now_ms;
}

static int64_t wall(void)
{
    return 1700000000LL * 1000000 + (int64_t)world.now_ms * 1000;
}

static uint64_t no_chance(uint64_t bound)
{
    (void)bound;
    return 0;
}

static tw_status move_on(tw_elector *e, unsigned pause_ms)
{
    world.now_ms += pause_ms;
    if (world.on_pause != NULL)
        world.on_pause(e);
    return atomic_load(&e->stop) ? TW_ERR_STOPPED : TW_OK;
}

static void store_lease(const char *spec, const char *labels)
{
    snprintf(world.lease, sizeof(world.lease),
             "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
             "\"l\",\"namespace\":\"n\",\"labels\":%s,\"resourceVersion\":\"%u\"},\"spec\":%s}",
             labels, ++world.rv, spec);
}

static tw_status fail_code(tw_error **reterr, int code)
{
    struct error detail = {0};

    return tw_fail_server(reterr, code, &detail);
}

static tw_status answer(tw_elector *e, const tw_object *body, bool create, unsigned timeout_ms,
                        tw_object **ret_lease, tw_error **reterr)
{
    tw_object *stored = NULL;
    struct buf spec = {0}, labels = {0};
    bool conflict;

    (void)e;
    CHECK(timeout_ms > 0 && timeout_ms <= 10000);
    if (world.broken) {
        world.now_ms += timeout_ms < 1000 ? timeout_ms : 1000;
        return tw_fail(reterr, TW_ERR_CONNECT, "nobody there");
    }
    *(body == NULL ? &world.gets : create ? &world.posts : &world.puts) += 1;
    if (!create && world.lease[0] == '\0')
        return fail_code(reterr, 404);
    if (body == NULL)
        return tw_object_from_json(world.lease, strlen(world.lease), ret_lease, reterr);
    if (!create) {
        CHECK(tw_object_from_json(world.lease, strlen(world.lease), &stored, NULL) == TW_OK);
        conflict =
            strcmp(tw_object_resource_version(body), tw_object_resource_version(stored)) != 0;
        tw_object_unref(stored);
        if (conflict)
            return fail_code(reterr, 409);
    }
    json_write(&spec, object_at(body, "spec"), false);
    buf_append_char(&spec, '\0');
    if (object_at(body, "metadata.labels") != NULL)
        json_write(&labels, object_at(body, "metadata.labels"), false);
    else
        buf_append_str(&labels, "{}");
    buf_append_char(&labels, '\0');
    store_lease(spec.data, labels.data);
    buf_release(&spec);
    buf_release(&labels);
    return tw_object_from_json(world.lease, strlen(world.lease), ret_lease, reterr);
}

static const struct elector_env env = {
    .now_ms = now, .wall_us = wall, .random_below = no_chance, .pause = move_on, .ask = answer};

/* ---- the candidate, and what it was told ---- */

static void started(void *user)
{
    (void)user;
    sprintf(world.log + strlen(world.log), "start@%u ", (unsigned)world.now_ms);
}

static void stopped(void *user)
{
    (void)user;
    sprintf(world.log + strlen(world.log), "stop@%u ", (unsigned)world.now_ms);
}

static void new_leader(void *user, const char *identity)
{
    (void)user;
    sprintf(world.log + strlen(world.log), "%s@%u ", identity, (unsigned)world.now_ms);
}

static tw_elector *candidate(void (*on_pause)(tw_elector *e))
{
    tw_elector_options options = {.lease_ns = "n",
                                  .lease_name = "l",
                                  .identity = "me",
                                  .release_on_stop = true,
                                  .on_started_leading = started,
                                  .on_stopped_leading = stopped,
                                  .on_new_leader = new_leader};
    tw_elector *e = NULL;

    memset(&world, 0, sizeof(world));
    world.on_pause = on_pause;
    CHECK(elector_new(NULL, &options, &env, &e, NULL) == TW_OK);
    return e;
}

static void check_spec(const char *path, const char *expected)
{
    tw_object *lease = NULL;

    CHECK(tw_object_from_json(world.lease, strlen(world.lease), &lease, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_object_get_string(lease, path)), expected);
    tw_object_unref(lease);
}

static void stop_after_a_minute(tw_elector *e)
{
    CHECK(tw_elector_is_leader(e) == (strcmp(e->record.holder, "me") == 0));
    if (world.now_ms >= 60000)
        tw_elector_stop(e);
}

TEST(elector, makes_the_lease_renews_it_without_looking_and_gives_it_up_when_stopped)
{
    tw_elector *e = candidate(stop_after_a_minute);

    CHECK(tw_elector_run(e, NULL) == TW_ERR_STOPPED);
    CHECK_TEXT(bytes_str(world.log), "me@0 start@0 stop@60000 ");
    CHECK(world.posts == 1 && world.gets == 2 && world.puts == 30); /* 29 renewals, one release */
    check_spec("spec.holderIdentity", "");
    CHECK(strstr(world.lease, "\"leaseDurationSeconds\":1,") != NULL);
    check_spec("spec.acquireTime", "2023-11-14T22:14:20.000000Z");
    CHECK(!tw_elector_is_leader(e));
    tw_elector_free(e);
}

#define OTHERS                                                                                     \
    "{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":15,\"acquireTime\":"                   \
    "\"2090-01-01T00:00:00.000000Z\",\"renewTime\":\"2090-01-01T00:00:%02u.000000Z\","             \
    "\"leaseTransitions\":7}"

static void other_renews(unsigned second)
{
    char spec[512];

    snprintf(spec, sizeof(spec), OTHERS, second);
    store_lease(spec, "{\"kept\":\"yes\"}");
}

/* The other's clock is 67 years ahead: it does not matter. It renews until 20 s have passed. */
static void other_lives_20_s(tw_elector *e)
{
    if (world.now_ms <= 20000)
        other_renews((unsigned)(world.now_ms / 1000));
    if (world.now_ms >= 50000)
        tw_elector_stop(e);
}

TEST(elector, takes_a_lease_over_when_it_has_not_changed_for_its_duration_by_our_clock)
{
    tw_elector *e = candidate(other_lives_20_s);

    other_renews(0);
    CHECK(tw_elector_run(e, NULL) == TW_ERR_STOPPED);
    /* Seen to change last at 20 s, asked every 2 s: over at 35 s, taken at 36 s. */
    CHECK_TEXT(bytes_str(world.log), "other@0 me@36000 start@36000 stop@50000 ");
    CHECK(strstr(world.lease, "\"leaseTransitions\":8") != NULL);
    check_spec("metadata.labels.kept", "yes");
    tw_elector_free(e);
}

static void break_at_10_s(tw_elector *e)
{
    world.broken = world.now_ms >= 10000;
    if (world.now_ms > 100000)
        tw_elector_stop(e);
}

TEST(elector, steps_down_before_others_may_lead_when_it_cannot_renew)
{
    tw_elector *e = candidate(break_at_10_s);
    char *error;
    unsigned at = 0;

    CHECK(tw_elector_run(e, NULL) == TW_OK);
    CHECK(sscanf(world.log, "me@0 start@0 stop@%u", &at) == 1);
    CHECK(at > 15000 && at < 8000 + 15000); /* renewed last at 8 s, for 15 s */
    error = tw_elector_last_error(e);
    CHECK_TEXT(bytes_str(error), "l: nobody there");
    free(error);
    check_spec("spec.holderIdentity", "me");
    tw_elector_free(e);
}

static void someone_writes_at_10_s(tw_elector *e)
{
    tw_object *lease = NULL;
    struct buf spec = {0};

    if (world.now_ms == 10000) {
        CHECK(tw_object_from_json(world.lease, strlen(world.lease), &lease, NULL) == TW_OK);
        json_write(&spec, object_at(lease, "spec"), false);
        buf_append_char(&spec, '\0');
        store_lease(spec.data, "{\"note\":\"seen\"}");
        buf_release(&spec);
        tw_object_unref(lease);
    }
    if (world.now_ms >= 20000)
        tw_elector_stop(e);
}

TEST(elector, renews_on_after_someone_else_has_touched_the_lease)
{
    tw_elector *e = candidate(someone_writes_at_10_s);

    CHECK(tw_elector_run(e, NULL) == TW_ERR_STOPPED);
    CHECK_TEXT(bytes_str(world.log), "me@0 start@0 stop@20000 ");
    CHECK_INT(world.gets, 3); /* at first, after the conflict, before the release */
    check_spec("metadata.labels.note", "seen");
    tw_elector_free(e);
}

static void other_takes_at_10_s(tw_elector *e)
{
    (void)e;
    if (world.now_ms == 10000)
        other_renews(0);
}

TEST(elector, steps_down_at_once_when_another_holds_the_lease)
{
    tw_elector *e = candidate(other_takes_at_10_s);

    CHECK(tw_elector_run(e, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(world.log), "me@0 start@0 other@10000 stop@10000 ");
    tw_elector_free(e);
}

TEST(elector, refuses_times_that_cannot_work)
{
    tw_elector_options options = {.lease_ns = "n",
                                  .lease_name = "l",
                                  .on_started_leading = started,
                                  .lease_duration_ms = 10000};
    tw_elector *e = NULL;

    CHECK(elector_new(NULL, &options, &env, &e, NULL) == TW_ERR_ARGUMENT);
    options.lease_duration_ms = 0;
    options.retry_period_ms = 9000;
    CHECK(elector_new(NULL, &options, &env, &e, NULL) == TW_ERR_ARGUMENT);
    options.retry_period_ms = 0;
    CHECK(elector_new(NULL, &options, &env, &e, NULL) == TW_OK);
    CHECK(strlen(tw_elector_identity(e)) > 36);
    tw_elector_free(e);
}
