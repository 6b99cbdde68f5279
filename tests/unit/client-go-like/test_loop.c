#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "base/clock.h"
#include "client-go-like/rest/client.h"

#define CM(name)                                                                                   \
    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name "\"}}"
#define EVENT(name) "{\"type\":\"ADDED\",\"object\":" CM(name) "}\n"

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
static const tw_request get_x = {.path = "/x"};

struct setting {
    struct fake_server *server;
    tw_client *client;
    tw_loop *loop;
    char log[512]; /* what the callbacks heard */
    tw_call *call; /* for those that cancel */
};

static void set_up(struct setting *s, const struct fake_step *steps, size_t count)
{
    tw_config *config = NULL;

    *s = (struct setting){.server = fake_start(steps, count, 0)};
    CHECK(tw_config_from_url(s->server->url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &s->client, NULL) == TW_OK);
    CHECK(tw_loop_new(s->client, &s->loop, NULL) == TW_OK);
    tw_config_free(config);
}

static void tear_down(struct setting *s)
{
    tw_loop_free(s->loop);
    tw_client_unref(s->client);
    fake_stop(s->server);
}

static void note(struct setting *s, const char *what, const char *name)
{
    size_t len = strlen(s->log);

    snprintf(s->log + len, sizeof(s->log) - len, "%s %s;", what, name);
}

/* As a program would: nothing but poll() of the one fd. */
static void run_until(struct setting *s, const char *log)
{
    uint64_t until = clock_monotonic_ms() + FAKE_WAIT_S * 1000;
    int turns = 0;

    while (strstr(s->log, log) == NULL && clock_monotonic_ms() < until) {
        struct pollfd row = {tw_loop_fd(s->loop), POLLIN, 0};

        CHECK(poll(&row, 1, FAKE_WAIT_S * 1000) == 1);
        CHECK(tw_loop_process(s->loop, NULL) == TW_OK);
        CHECK(++turns < 500); /* the fd is not readable for nothing */
    }
    if (strstr(s->log, log) == NULL)
        fprintf(stderr, "heard: %s\nexpected in it: %s\n", s->log, log);
    CHECK(strstr(s->log, log) != NULL);
}

static void on_done(void *user, tw_status status, const tw_response *response,
                    const tw_error *error)
{
    struct setting *s = user;
    tw_object *object = NULL;

    if (status != TW_OK) {
        note(s, tw_status_name(status), tw_error_reason(error));
        return;
    }
    CHECK(error == NULL && tw_response_object(response, &object, NULL) == TW_OK);
    note(s, "got", tw_object_name(object));
    tw_object_unref(object);
}

static void on_open(void *user)
{
    note(user, "open", "");
}

static void on_event(void *user, const tw_event *event)
{
    note(user, tw_event_type_name(event->type), tw_object_name(event->object));
}

static void on_end(void *user, tw_status status, const tw_error *error)
{
    note(user, tw_status_name(status), tw_error_reason(error));
}

static tw_watch_callbacks callbacks(struct setting *s)
{
    return (tw_watch_callbacks){on_open, on_event, on_end, s};
}

TEST(loop, a_request_and_a_watch_go_on_beside_each_other)
{
    static const struct fake_step steps[] = {HOLD(EVENT("a") EVENT("b")), ANSWER(CM("x"))};
    struct setting s;
    tw_watch_callbacks heard;

    set_up(&s, steps, 2);
    heard = callbacks(&s);
    CHECK(tw_loop_watch(s.loop, &configmaps, "n", NULL, &heard, NULL, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(s.log), ""); /* no callback but in tw_loop_process() */
    run_until(&s, "ADDED b");
    CHECK_TEXT(bytes_str(s.log), "open ;ADDED a;ADDED b;");
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, NULL, NULL) == TW_OK);
    CHECK_INT(tw_loop_count(s.loop), 2);
    run_until(&s, "got x");
    CHECK_INT(tw_loop_count(s.loop), 1);
    tear_down(&s); /* cancels the watch: nothing more is heard */
    CHECK(strstr(s.log, "TW_") == NULL);
}

TEST(loop, tells_how_a_watch_ended)
{
    static const struct fake_step steps[] = {
        STREAM(EVENT("a")), CUT("{\"type\":\"ADDED\",\"obj"),
        ANSWER_CODE(410, "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}")};
    struct setting s;
    tw_watch_callbacks heard;

    set_up(&s, steps, 3);
    heard = callbacks(&s);
    CHECK(tw_loop_watch(s.loop, &configmaps, "n", NULL, &heard, NULL, NULL) == TW_OK);
    run_until(&s, "TW_END");
    CHECK_TEXT(bytes_str(s.log), "open ;ADDED a;TW_END ;");
    CHECK(tw_loop_watch(s.loop, &configmaps, "n", NULL, &heard, NULL, NULL) == TW_OK);
    run_until(&s, "TW_ERR_BROKEN");
    CHECK(tw_loop_watch(s.loop, &configmaps, "n", NULL, &heard, NULL, NULL) == TW_OK);
    run_until(&s, "TW_ERR_SERVER Expired");
    CHECK_INT(tw_loop_count(s.loop), 0);
    tear_down(&s);
}

TEST(loop, asks_again_when_the_server_names_a_time_without_being_told)
{
    static const struct fake_step steps[] = {
        {.body = "", .code = 503, .headers = "Retry-After: 0\r\n"},
        {.body = "", .code = 429, .headers = "Retry-After: 1\r\n"},
        ANSWER(CM("x")),
        ANSWER_CODE(404, "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"code\":404}")};
    struct setting s;

    set_up(&s, steps, 4);
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, NULL, NULL) == TW_OK);
    run_until(&s, "got x");
    CHECK_INT(s.server->request_count, 3);
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, NULL, NULL) == TW_OK);
    run_until(&s, "TW_ERR_SERVER NotFound");
    tear_down(&s);
}

TEST(loop, bounds_are_kept_by_the_one_fd)
{
    static const struct fake_step steps[] = {SILENT, HOLD("")};
    const tw_request hasty = {.path = "/x", .timeout_ms = 50};
    const tw_watch_options silent = {.idle_ms = 2000}; /* enough for the head on a busy machine */
    struct setting s;
    tw_watch_callbacks heard;

    set_up(&s, steps, 2);
    heard = callbacks(&s);
    CHECK(tw_loop_request(s.loop, &hasty, on_done, &s, NULL, NULL) == TW_OK);
    run_until(&s, "TW_ERR_TIMEOUT");
    CHECK(tw_loop_watch(s.loop, &configmaps, "n", &silent, &heard, NULL, NULL) == TW_OK);
    run_until(&s, "open ;TW_ERR_TIMEOUT");
    tear_down(&s);
}

TEST(loop, a_refused_connection_ends_the_call)
{
    struct setting s;

    set_up(&s, NULL, 0);
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, NULL, NULL) == TW_OK);
    strcpy(s.client->config->server, "http://127.0.0.1:1");
    run_until(&s, "TW_ERR_CONNECT ConnectionRefused");
    tear_down(&s);
}

static void cancel_on_event(void *user, const tw_event *event)
{
    struct setting *s = user;

    on_event(user, event);
    tw_call_cancel(s->call);
    CHECK(tw_loop_request(s->loop, &get_x, on_done, s, NULL, NULL) == TW_OK);
}

TEST(loop, a_callback_may_cancel_its_own_call_and_start_another)
{
    static const struct fake_step steps[] = {HOLD(EVENT("a") EVENT("b")), ANSWER(CM("x"))};
    struct setting s;
    tw_watch_callbacks heard;

    set_up(&s, steps, 2);
    heard = callbacks(&s);
    heard.on_event = cancel_on_event;
    CHECK(tw_loop_watch(s.loop, &configmaps, "n", NULL, &heard, &s.call, NULL) == TW_OK);
    run_until(&s, "got x");
    CHECK_TEXT(bytes_str(s.log), "open ;ADDED a;got x;");
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, &s.call, NULL) == TW_OK);
    tw_call_cancel(s.call); /* before it was sent */
    CHECK_INT(tw_loop_count(s.loop), 0);
    tear_down(&s);
}

TEST(loop, a_request_above_the_rate_waits_its_turn)
{
    static const struct fake_step steps[] = {ANSWER(CM("x")), ANSWER(CM("y"))};
    struct setting s;
    uint64_t before = clock_monotonic_ms();

    set_up(&s, steps, 2);
    tw_client_set_rate_limit(s.client, 10, 1);
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, NULL, NULL) == TW_OK);
    CHECK(tw_loop_request(s.loop, &get_x, on_done, &s, NULL, NULL) == TW_OK);
    run_until(&s, "got x;got y;");
    CHECK(clock_monotonic_ms() - before >= 99);
    tear_down(&s);
}
