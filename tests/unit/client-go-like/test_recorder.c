#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "client-go-like/recorder/correlator.h"

/* ---- the correlator, with a clock of our own ---- */

static struct correlated seen;

static void see(struct correlator *c, const char *name, const char *message, uint64_t at_ms)
{
    struct event_text event = {"me",  "",   "Pod",    "n",       name,
                               "uid", "v1", "Normal", "Started", message};
    char event_name[32];

    snprintf(event_name, sizeof(event_name), "%s.%llu", name, (unsigned long long)at_ms);
    CHECK(correlator_see(c, &event, at_ms, (int64_t)at_ms / 1000, event_name, &seen));
}

static void over(struct correlator *c)
{
    correlator_release(c);
    buf_release(&seen.message);
    memset(&seen, 0, sizeof(seen));
}

TEST(correlator, counts_the_same_event_under_its_first_name)
{
    struct correlator c = {0};

    see(&c, "p", "hello", 1000);
    CHECK(seen.verdict == EVENT_CREATE && seen.count == 1);
    CHECK_TEXT(bytes_str(seen.name), "p.1000");
    see(&c, "p", "hello", 2000);
    CHECK(seen.verdict == EVENT_PATCH && seen.count == 2 && seen.first_s == 1);
    CHECK_TEXT(bytes_str(seen.name), "p.1000");
    see(&c, "q", "hello", 3000);
    CHECK(seen.verdict == EVENT_CREATE && seen.count == 1);
    over(&c);
}

TEST(correlator, combines_the_tenth_message_of_a_reason_and_all_after_it)
{
    struct correlator c = {0};
    char message[32];

    for (int i = 1; i <= 12; i++) {
        snprintf(message, sizeof(message), "try %d", i);
        see(&c, "p", message, 1000 + (uint64_t)i);
        CHECK(seen.verdict == (i <= 10 ? EVENT_CREATE : EVENT_PATCH));
        CHECK_INT(seen.count, i <= 10 ? 1 : i - 9);
        CHECK(bytes_starts_with(seen.text, BYTES("(combined from similar events): ")) == (i >= 10));
    }
    CHECK_TEXT(seen.text, "(combined from similar events): try 12");
    see(&c, "p", "late", 1012 + CORRELATOR_INTERVAL_MS + 1); /* not similar any more */
    CHECK_TEXT(seen.text, "late");
    over(&c);
}

TEST(correlator, lets_an_object_cause_25_events_and_then_one_in_5_minutes)
{
    struct correlator c = {0};

    for (int i = 0; i < 25; i++) {
        see(&c, "p", "again", 1000);
        CHECK(seen.verdict != EVENT_SKIP);
    }
    see(&c, "p", "again", 1000);
    CHECK(seen.verdict == EVENT_SKIP);
    see(&c, "q", "again", 1000);
    CHECK(seen.verdict == EVENT_CREATE);
    see(&c, "p", "again", 1000 + 5 * 60 * 1000 - 1);
    CHECK(seen.verdict == EVENT_SKIP);
    see(&c, "p", "again", 1000 + 5 * 60 * 1000);
    CHECK(seen.verdict == EVENT_PATCH && seen.count == 28); /* what was skipped counts */
    over(&c);
}

TEST(correlator, forgets_what_was_used_longest_ago)
{
    struct correlator c = {0};
    char name[32];

    see(&c, "first", "m", 1000);
    for (int i = 0; i < CORRELATOR_ENTRIES; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        see(&c, name, "m", 1000);
    }
    CHECK(c.same.map.count == CORRELATOR_ENTRIES && c.objects.map.count == CORRELATOR_ENTRIES);
    see(&c, "first", "m", 2000);
    CHECK(seen.verdict == EVENT_CREATE);
    over(&c);
}

/* ---- the recorder, at a server ---- */

#define GONE                                                                                       \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"NotFound\","   \
    "\"code\":404}"

TEST(recorder, creates_then_patches_and_creates_anew_what_is_gone)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER("{}"), ANSWER_CODE(404, GONE),
                                             ANSWER("{}"), ANSWER_CODE(403, GONE)};
    static const char pod[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","
        "\"namespace\":\"n\",\"uid\":\"u-1\",\"resourceVersion\":\"7\"}}";
    struct fake_server *server = fake_start(steps, ARRAY_LEN(steps), 0);
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_recorder *recorder = NULL;
    tw_object *object = NULL;
    tw_recorder_status status;

    CHECK(tw_config_from_url(server->url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_recorder_new(client, "me", "here", &recorder, NULL) == TW_OK);
    CHECK(tw_object_from_json(pod, strlen(pod), &object, NULL) == TW_OK);
    for (int i = 0; i < 3; i++)
        CHECK(tw_recorder_event(recorder, object, TW_EVENT_WARNING, "Failed", "no luck") == TW_OK);
    CHECK(tw_recorder_event(recorder, object, TW_EVENT_NORMAL, "Other", "refused") == TW_OK);
    CHECK(tw_recorder_flush(recorder, 60000) == TW_OK);
    CHECK(fake_asked(server, 0, "POST /api/v1/namespaces/n/events"));
    CHECK(strstr(server->requests[0], "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                                      "\"namespace\":\"n\",\"name\":\"p\",\"uid\":\"u-1\","
                                      "\"resourceVersion\":\"7\"}") != NULL);
    CHECK(strstr(server->requests[0], "\"count\":1,\"message\":\"no luck\"") != NULL);
    CHECK(fake_asked(server, 1, "PATCH /api/v1/namespaces/n/events/p."));
    CHECK(strstr(server->requests[1], "\"count\":2") != NULL);
    CHECK(fake_asked(server, 2, "PATCH /api/v1/namespaces/n/events/p."));
    CHECK(fake_asked(server, 3, "POST /api/v1/namespaces/n/events"));
    CHECK(strstr(server->requests[3], "\"count\":3") != NULL);
    tw_recorder_get_status(recorder, &status);
    CHECK(status.created == 2 && status.patched == 1 && status.dropped == 1 && status.queued == 0);
    tw_recorder_free(recorder);
    tw_object_unref(object);
    tw_client_unref(client);
    tw_config_free(config);
    fake_stop(server);
}
