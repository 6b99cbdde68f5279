#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define POLL CM "?watch=true&longPoll=true&resourceVersion="

static uint64_t make(struct harness *h, const char *name)
{
    char body[128];

    snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", name);
    CHECK_INT(ask(h, "POST", CM, body), 201);
    return answer_rev(h);
}

static struct call *begin(struct harness *h, uint64_t rev, const char *query)
{
    char target[256];

    snprintf(target, sizeof(target), POLL "%llu%s", (unsigned long long)rev, query);
    return call_begin(h, "GET", target, NULL, BYTES(""));
}

static size_t watchers(const struct harness *h)
{
    struct watch_cache_stats stats;

    watch_cache_get_stats(h->worker.cache, &stats);
    return stats.watchers;
}

TEST(long_poll, what_is_there_already_is_the_answer)
{
    struct harness h;
    uint64_t first;

    harness_start(&h);
    first = make(&h, "a");
    make(&h, "b");
    make(&h, "c");
    CHECK_INT(call_end(begin(&h, first, "")), 200);
    CHECK_TEXT(field(&h, "kind"), "WatchEventList");
    CHECK_TEXT(field(&h, "apiVersion"), "tidewatch.dev/v1");
    CHECK_INT(node_at(&h, "events")->count, 2);
    CHECK_TEXT(field(&h, "events.0.type"), "ADDED");
    CHECK_TEXT(field(&h, "events.1.object.metadata.name"), "c");
    CHECK(bytes_eq(field(&h, "metadata.resourceVersion"),
                   header_of(&h, "tidewatch-resource-version")));
    CHECK_INT(watchers(&h), 0);
    harness_stop(&h);
}

TEST(long_poll, one_that_waits_is_answered_by_the_next_event_that_matches)
{
    struct harness h;
    struct call *call;
    uint64_t last;

    harness_start(&h);
    call = begin(&h, make(&h, "a"), "&fieldSelector=metadata.name%3Dc");
    CHECK_INT(watchers(&h), 1);
    make(&h, "b");
    CHECK(!call->answered);
    last = make(&h, "c");
    CHECK_INT(call_end(call), 200);
    CHECK_INT(node_at(&h, "events")->count, 1);
    CHECK_INT(answer_rev(&h), last);
    harness_stop(&h);
}

TEST(long_poll, one_whose_time_is_over_says_where_to_go_on)
{
    struct harness h;
    struct call *call;
    uint64_t last;

    harness_start(&h);
    call = begin(&h, make(&h, "a"), "&timeoutSeconds=1&fieldSelector=metadata.name%3Dx");
    last = make(&h, "b");
    CHECK_INT(call_end(call), 200);
    CHECK_INT(node_at(&h, "events")->count, 0);
    CHECK_INT(answer_rev(&h), last);
    harness_stop(&h);
}

TEST(long_poll, a_client_that_leaves_takes_its_watch_with_it)
{
    struct harness h;
    struct call *call;

    harness_start(&h);
    call = begin(&h, make(&h, "a"), "");
    CHECK_INT(watchers(&h), 1);
    call_hang_up(call);
    CHECK_INT(watchers(&h), 0);
    make(&h, "b");
    CHECK(!call->answered);
    call_free(call);
    harness_stop(&h);
}

TEST(long_poll, the_end_of_all_watches_is_an_answer)
{
    struct harness h;
    struct call *call;

    harness_start(&h);
    call = begin(&h, make(&h, "a"), "");
    watch_cache_end_watchers(h.worker.cache);
    CHECK_INT(call_end(call), 200);
    CHECK_INT(node_at(&h, "events")->count, 0);
    harness_stop(&h);
}

TEST(long_poll, has_no_first_state_and_is_no_stream)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(
        ask(&h, "GET", POLL "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", NULL),
        400);
    CHECK_INT(get_with(&h, POLL "1", "accept", "text/event-stream"), 400);
    CHECK_INT(get_with(&h, POLL "1", "accept", "application/yaml"), 406);
    CHECK_INT(watchers(&h), 0);
    harness_stop(&h);
}
