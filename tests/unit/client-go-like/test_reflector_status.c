#include "unit/client-go-like/reflector_stage.h"

TEST(reflector_status, says_when_it_is_forbidden)
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

TEST(reflector_status, says_what_a_role_would_have_to_allow)
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

TEST(reflector_status, says_when_its_resource_type_is_gone_and_when_it_is_back)
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

TEST(reflector_status, tells_its_metrics)
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

/* ---- how long silence is borne ---- */

TEST(reflector_status, a_silent_watch_is_given_up_and_the_next_one_is_given_longer)
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

static uint64_t stopped_clock(void)
{
    return 1;
}

TEST(reflector_status, a_server_whose_bookmarks_are_heard_is_given_longer_only_after_some_silences)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("10", "", "")),
        HOLD(EVENT("ADDED", CM("a", "11"))), /* silent: patience doubles */
        HOLD(BOOKMARK("12")),                /* and is back where it was */
        HOLD(EVENT("ADDED", CM("b", "14"))),
        HOLD(EVENT("ADDED", CM("c", "15"))),
        HOLD(EVENT("ADDED", CM("d", "16"))), /* the fourth in a row */
        HOLD(EVENT("ADDED", CM("e", "17"))),
    };
    struct reflector_env env = patient;
    struct stage s;

    env.now_ms = stopped_clock;
    env.idle_ms = 50;
    env.idle_max_ms = 60 * 1000;
    STAGE(&s, steps, &env, true);
    CHECK(added(&s, "a", "11") && added(&s, "b", "14") && added(&s, "c", "15"));
    CHECK(added(&s, "d", "16") && added(&s, "e", "17"));
    CHECK(fake_asked(s.server, 3, "&resourceVersion=12&"));
    stage_down(&s);
    CHECK(told_idle_ms[0] == 50 && told_idle_ms[1] == 100);
    CHECK(told_idle_ms[2] == 50 && told_idle_ms[3] == 50 && told_idle_ms[4] == 50);
    CHECK_INT(told_idle_ms[5], 100);
}
