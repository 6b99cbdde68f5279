#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "base/clock.h"
#include "client-go-like/fail.h"

#define CM "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}}"
#define NOT_FOUND                                                                                  \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"configmaps "  \
    "\\\"a\\\" not found\",\"reason\":\"NotFound\",\"details\":{\"name\":\"a\",\"kind\":"          \
    "\"configmaps\"},\"code\":404}"
#define BUSY                                                                                       \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"TooManyRequests\",\"code\":429}"

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
static const tw_resource deployments = {"apps", "v1", "deployments", "Deployment", true};

static tw_client *client_of(const char *url)
{
    tw_config *config = NULL;
    tw_client *client = NULL;

    CHECK(tw_config_from_url(url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    tw_config_free(config);
    return client;
}

#define SERVER(steps) fake_start(steps, ARRAY_LEN(steps), 0)

TEST(client, verbs_ask_for_the_right_paths_over_one_connection)
{
    static const struct fake_step steps[] = {ANSWER(CM), ANSWER(CM), ANSWER(CM),
                                             ANSWER(CM), ANSWER(CM), ANSWER("{\"items\":[]}")};
    static const tw_list_options options = {.label_selector = "a=b,c", .limit = 5};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_object *object = NULL;
    tw_list *list = NULL;

    CHECK(tw_get(client, &configmaps, "n", "a", &object, NULL) == TW_OK);
    CHECK(tw_create(client, &deployments, "n", object, NULL, NULL) == TW_OK);
    CHECK(tw_update(client, &configmaps, "n", object, NULL, NULL) == TW_OK);
    CHECK(tw_patch(client, &configmaps, "n", "a/b c", TW_PATCH_MERGE, "{}", 2, NULL, NULL) ==
          TW_OK);
    CHECK(tw_delete(client, &configmaps, "n", "a", NULL, NULL) == TW_OK);
    CHECK(tw_list_get(client, &configmaps, NULL, &options, &list, NULL) == TW_OK);
    CHECK(fake_asked(server, 0, "GET /api/v1/namespaces/n/configmaps/a "));
    CHECK(fake_asked(server, 1, "POST /apis/apps/v1/namespaces/n/deployments "));
    CHECK(fake_asked(server, 2, "PUT /api/v1/namespaces/n/configmaps/a "));
    CHECK(fake_asked(server, 3, "PATCH /api/v1/namespaces/n/configmaps/a%2Fb%20c "));
    CHECK(fake_asked(server, 4, "DELETE /api/v1/namespaces/n/configmaps/a "));
    CHECK(fake_asked(server, 5, "GET /api/v1/configmaps?labelSelector=a%3Db%2Cc&limit=5 "));
    CHECK(strstr(server->requests[3], "Content-Type: application/merge-patch+json\r\n") != NULL);
    CHECK(strstr(server->requests[3], "\r\n\r\n{}") != NULL);
    CHECK_INT(server->thread_count, 1);
    tw_list_free(list);
    tw_object_unref(object);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(client, failures_carry_what_the_server_said)
{
    static const struct fake_step steps[] = {
        ANSWER_CODE(404, NOT_FOUND), ANSWER_CODE(404, "404 page not found\n"),
        ANSWER_CODE(418, "short and stout"), ANSWER("garbage")};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_object *object = NULL;
    tw_error *error = NULL;

    CHECK(tw_get(client, &configmaps, "n", "a", &object, &error) == TW_ERR_SERVER);
    CHECK_INT(tw_error_code(error), 404);
    CHECK_TEXT(bytes_str(tw_error_reason(error)), "NotFound");
    CHECK_TEXT(bytes_str(tw_error_message(error)), "configmaps \"a\" not found");
    tw_error_clear(&error);
    CHECK(tw_get(client, &configmaps, "n", "a", &object, &error) == TW_ERR_SERVER);
    CHECK_TEXT(bytes_str(tw_error_message(error)),
               "the server could not find the requested resource");
    tw_error_clear(&error);
    CHECK(tw_get(client, &configmaps, "n", "a", &object, &error) == TW_ERR_SERVER);
    CHECK(strstr(tw_error_message(error), "(\"short and stout\")") != NULL);
    tw_error_clear(&error);
    CHECK(tw_get(client, &configmaps, "n", "a", &object, &error) == TW_ERR_PROTOCOL);
    tw_error_clear(&error);
    CHECK(tw_get(client, &configmaps, "n", "", &object, &error) == TW_ERR_ARGUMENT);
    tw_error_clear(&error);
    CHECK(object == NULL);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(client, asks_again_when_the_server_names_a_time_and_only_then)
{
    static const struct fake_step steps[] = {
        {.body = BUSY, .code = 429, .headers = "Retry-After: 0\r\n"},
        {.body = "", .code = 503, .headers = "Retry-After: 0\r\n"},
        ANSWER(CM),
        ANSWER_CODE(429, BUSY),
        {.body = BUSY, .code = 429, .headers = "Retry-After: 3000\r\n"},
    };
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);

    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) == TW_OK);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) == TW_ERR_SERVER);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) ==
          TW_ERR_SERVER); /* past its deadline */
    CHECK_INT(server->request_count, 5);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(client, gives_up_after_ten_more_attempts)
{
    static struct fake_step steps[20];
    struct fake_server *server;
    tw_client *client;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        steps[i] = (struct fake_step){.body = BUSY, .code = 429, .headers = "Retry-After: 0\r\n"};
    server = SERVER(steps);
    client = client_of(server->url);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) == TW_ERR_SERVER);
    CHECK_INT(server->request_count, 11);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(client, a_request_ends_at_its_deadline)
{
    static const struct fake_step steps[] = {SILENT, HOLD("{\"kind\":")};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    uint64_t before = clock_monotonic_ms();
    tw_error *error = NULL;

    tw_client_set_timeout(client, 60);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, &error) == TW_ERR_TIMEOUT);
    CHECK(strstr(tw_error_message(error), "not finished") != NULL);
    tw_error_free(error);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) == TW_ERR_TIMEOUT);
    CHECK(clock_monotonic_ms() - before < 5000);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(client, a_refused_connection_is_told_from_a_broken_one)
{
    static const struct fake_step steps[] = {CUT("{\"kind\":")};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_error *error = NULL;

    CHECK(tw_get(client, &configmaps, "n", "a", NULL, &error) == TW_ERR_BROKEN);
    tw_error_clear(&error);
    fake_stop(server);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, &error) == TW_ERR_CONNECT);
    CHECK_TEXT(bytes_str(tw_error_reason(error)), "ConnectionRefused");
    tw_error_free(error);
    tw_client_unref(client);
}

static void on_warning(void *user, const char *text)
{
    strcat(user, text);
    strcat(user, ";");
}

TEST(client, hands_out_warnings)
{
    static const struct fake_step steps[] = {
        {.body = CM,
         .headers = "Warning: 299 - \"v1 is \\\"old\\\"\"\r\nwarning: 299 x \"two\"\r\n"
                    "Warning: 199 - \"not for us\"\r\nWarning: 299 garbage\r\n"}};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    char told[128] = "";

    tw_client_on_warning(client, on_warning, told);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(told), "v1 is \"old\";two;");
    tw_client_unref(client);
    fake_stop(server);
}

static tw_status ask(const char *url, const char *proxy)
{
    const tw_request request = {.path = "/x"};
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_status st;

    CHECK(tw_config_from_url(url, &config, NULL) == TW_OK);
    CHECK(tw_config_set_proxy(config, proxy, NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    tw_config_free(config);
    st = tw_client_do(client, &request, NULL, NULL);
    tw_client_unref(client);
    return st;
}

TEST(client, asks_through_the_proxy_of_its_config_or_of_the_environment)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER("{}"), ANSWER("{}"),
                                             ANSWER("{}")};
    struct fake_server *server = SERVER(steps);

    unsetenv("http_proxy");
    setenv("no_proxy", "server.example", 1);
    CHECK(ask("http://server.example", server->url) == TW_OK); /* proxy-url knows no exceptions */
    CHECK(fake_asked(server, 0, "GET http://server.example/x "));
    CHECK(ask("http://127.0.0.1:1", server->url) == TW_OK);
    CHECK(fake_asked(server, 1, "GET http://127.0.0.1:1/x "));
    setenv("HTTP_PROXY", server->url, 1);
    CHECK(ask("http://other.example", NULL) == TW_OK);
    CHECK(fake_asked(server, 2, "GET http://other.example/x "));
    CHECK(ask(server->url, NULL) == TW_OK); /* this machine: asked directly */
    CHECK(fake_asked(server, 3, "GET /x "));
    setenv("no_proxy", "other.invalid", 1);
    CHECK(ask("http://other.invalid", NULL) == TW_ERR_CONNECT);
    unsetenv("HTTP_PROXY");
    unsetenv("no_proxy");
    fake_stop(server);
}

TEST(client, holds_requests_back_that_exceed_its_rate_and_refuses_what_would_come_too_late)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER("{}"), ANSWER("{}")};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_request request = {.path = "/x"};
    uint64_t before = clock_monotonic_ms();
    tw_error *error = NULL;

    tw_client_set_rate_limit(client, 10, 1);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    CHECK(clock_monotonic_ms() - before >= 99);
    tw_client_set_rate_limit(client, 0.001, 1);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    CHECK(tw_client_do(client, &request, NULL, &error) == TW_ERR_TIMEOUT);
    CHECK(strstr(tw_error_message(error), "rate limit") != NULL);
    tw_error_free(error);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(client, says_who_it_is)
{
    static const struct fake_step steps[] = {ANSWER(CM)};
    struct fake_server *server = SERVER(steps);
    tw_config *config = NULL;
    tw_client *client = NULL;

    CHECK(tw_config_from_url(server->url, &config, NULL) == TW_OK);
    CHECK(tw_config_set_token(config, "t0k", NULL) == TW_OK);
    CHECK(tw_config_set_user_agent(config, "me/1", NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    tw_config_free(config);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) == TW_OK);
    CHECK(strstr(server->requests[0], "\r\nAuthorization: Bearer t0k\r\n") != NULL);
    CHECK(strstr(server->requests[0], "\r\nUser-Agent: me/1\r\n") != NULL);
    tw_client_unref(client);
    fake_stop(server);
}

/* CVE-2020-8559, CVE-2019-11243: what a redirect's answer would be told is the token. */
TEST(client, a_redirect_is_not_followed)
{
    static const struct fake_step nothing[] = {ANSWER(CM)};
    struct fake_server *other = SERVER(nothing);
    char location[128];
    struct fake_step steps[] = {{.body = "", .end = FAKE_ANSWER, .code = 302, .headers = location},
                                {.body = "", .end = FAKE_ANSWER, .code = 307, .headers = location}};
    struct fake_server *server;
    tw_config *config = NULL;
    tw_client *client = NULL;

    snprintf(location, sizeof(location), "Location: %s/api\r\n", other->url);
    server = SERVER(steps);
    CHECK(tw_config_from_url(server->url, &config, NULL) == TW_OK);
    CHECK(tw_config_set_token(config, "t0k", NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    tw_config_free(config);
    CHECK(tw_get(client, &configmaps, "n", "a", NULL, NULL) != TW_OK);
    CHECK(tw_delete(client, &configmaps, "n", "a", NULL, NULL) != TW_OK);
    CHECK_INT(server->thread_count, 1);
    CHECK_INT(other->thread_count, 0);
    tw_client_unref(client);
    fake_stop(server);
    fake_stop(other);
}

static tw_status ask_as(tw_config *config)
{
    tw_client *client = NULL;
    tw_status st = tw_client_new(config, &client, NULL);

    if (st == TW_OK)
        st = tw_get(client, &configmaps, "n", "a", NULL, NULL);
    tw_client_unref(client);
    return st;
}

TEST(client, says_a_name_and_a_password_or_what_a_token_file_says)
{
    static const struct fake_step steps[] = {ANSWER(CM), ANSWER(CM), ANSWER(CM)};
    struct fake_server *server = SERVER(steps);
    tw_config *config = NULL;
    char path[] = "/tmp/tidewatch-token-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, "from-file\n", 10) == 10 && close(fd) == 0);
    CHECK(tw_config_from_url(server->url, &config, NULL) == TW_OK);
    CHECK(tw_config_set_basic_auth(config, "me", "secret", NULL) == TW_OK);
    CHECK(ask_as(config) == TW_OK);
    CHECK(strstr(server->requests[0], "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n") != NULL);
    CHECK(tw_config_set_basic_auth(config, NULL, NULL, NULL) == TW_OK);
    CHECK(tw_config_set_token_file(config, path, NULL) == TW_OK);
    CHECK(ask_as(config) == TW_OK);
    CHECK(strstr(server->requests[1], "\r\nAuthorization: Bearer from-file\r\n") != NULL);
    CHECK(tw_config_set_token_file(config, NULL, NULL) == TW_OK);
    CHECK(ask_as(config) == TW_OK);
    CHECK(strstr(server->requests[2], "\r\nAuthorization:") == NULL);
    tw_config_free(config);
    unlink(path);
    fake_stop(server);
}

TEST(client, tells_what_an_answer_is_written_in)
{
    static const struct fake_step steps[] = {
        {.body = "ok", .type = "text/plain; charset=utf-8"},
        {.body = "{}", .type = "application/json"},
    };
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    const tw_request request = {.path = "/x"};

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        tw_response *response = NULL;

        CHECK(tw_client_do(client, &request, &response, NULL) == TW_OK);
        CHECK(strcmp(tw_response_content_type(response), steps[i].type) == 0);
        tw_response_free(response);
    }
    tw_client_unref(client);
    fake_stop(server);
}

static void *get_many(void *user)
{
    for (int i = 0; i < 20; i++)
        CHECK(tw_get(user, &configmaps, "n", "a", NULL, NULL) == TW_OK);
    return NULL;
}

TEST(client, serves_several_threads_at_once)
{
    static struct fake_step steps[80];
    struct fake_server *server;
    tw_client *client;
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        steps[i] = (struct fake_step)ANSWER(CM);
    server = SERVER(steps);
    client = client_of(server->url);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, get_many, client);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(server->request_count, 80);
    CHECK(server->thread_count <= 4); /* connections are kept */
    tw_client_unref(client);
    fake_stop(server);
}

/* ---- the raw watch ---- */

#define EVENT(type) "{\"type\":\"" type "\",\"object\":" CM "}"

TEST(watch, gives_events_however_they_are_framed_and_then_ends)
{
    static const struct fake_step steps[] = {
        STREAM(EVENT("ADDED") EVENT("MODIFIED") "\n\n " EVENT("DELETED"))};
    static const tw_watch_options options = {.resource_version = "7", .timeout_s = 5};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_watch *watch = NULL;
    tw_event event;

    CHECK(tw_watch_open(client, &configmaps, "n", &options, &watch, NULL) == TW_OK);
    for (int type = TW_EVENT_ADDED; type <= TW_EVENT_DELETED; type++) {
        CHECK(tw_watch_next(watch, 5000, &event, NULL) == TW_OK && event.type == (unsigned)type);
        CHECK_TEXT(bytes_str(tw_object_name(event.object)), "a");
        tw_event_release(&event);
    }
    CHECK(tw_watch_next(watch, 5000, &event, NULL) == TW_END);
    CHECK(tw_watch_next(watch, 5000, &event, NULL) == TW_END);
    CHECK(fake_asked(server, 0, "/configmaps?resourceVersion=7&timeoutSeconds=5&watch=true "));
    tw_watch_close(watch);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(watch, that_ends_in_the_middle_of_an_event_has_not_ended_well)
{
    static const struct fake_step steps[] = {STREAM(EVENT("ADDED") "{\"type\":")};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_watch *watch = NULL;
    tw_event event;

    CHECK(tw_watch_open(client, &configmaps, "n", NULL, &watch, NULL) == TW_OK);
    CHECK(tw_watch_next(watch, 5000, &event, NULL) == TW_OK);
    tw_event_release(&event);
    CHECK(tw_watch_next(watch, 5000, &event, NULL) == TW_ERR_BROKEN);
    tw_watch_close(watch);
    tw_client_unref(client);
    fake_stop(server);
}

static void *stop_watch(void *user)
{
    tw_watch_stop(user);
    return NULL;
}

TEST(watch, tells_nothing_yet_from_silence_and_from_being_stopped)
{
    static const struct fake_step steps[] = {HOLD(EVENT("ADDED")), HOLD("")};
    static const tw_watch_options options = {.idle_ms = 100};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_watch *watch = NULL;
    tw_event event;
    tw_error *error = NULL;
    pthread_t thread;

    CHECK(tw_watch_open(client, &configmaps, "n", &options, &watch, NULL) == TW_OK);
    CHECK(tw_watch_next(watch, 5000, &event, &error) == TW_OK);
    tw_event_release(&event);
    CHECK(tw_watch_next(watch, 1, &event, &error) == TW_ERR_TIMEOUT && error == NULL);
    CHECK(tw_watch_next(watch, 5000, &event, &error) == TW_ERR_TIMEOUT && error != NULL);
    tw_error_clear(&error);
    tw_watch_close(watch);
    CHECK(tw_watch_open(client, &configmaps, "n", NULL, &watch, NULL) == TW_OK);
    pthread_create(&thread, NULL, stop_watch, watch);
    CHECK(tw_watch_next(watch, 60000, &event, NULL) == TW_ERR_STOPPED);
    pthread_join(thread, NULL);
    tw_watch_close(watch);
    tw_client_unref(client);
    fake_stop(server);
}

TEST(watch, refused_by_the_server_is_an_error_at_once)
{
    static const struct fake_step steps[] = {ANSWER_CODE(410, ""), CUT("")};
    struct fake_server *server = SERVER(steps);
    tw_client *client = client_of(server->url);
    tw_watch *watch = NULL;
    tw_error *error = NULL;
    tw_event event;

    CHECK(tw_watch_open(client, &configmaps, "n", NULL, &watch, &error) == TW_ERR_SERVER);
    CHECK_INT(tw_error_code(error), 410);
    CHECK_TEXT(bytes_str(tw_error_reason(error)), "Expired");
    tw_error_clear(&error);
    CHECK(tw_watch_open(client, &configmaps, "n", NULL, &watch, &error) == TW_OK);
    CHECK(tw_watch_next(watch, 5000, &event, &error) == TW_ERR_BROKEN);
    tw_error_free(error);
    tw_watch_close(watch);
    tw_client_unref(client);
    fake_stop(server);
}
