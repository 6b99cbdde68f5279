/* Each allocation of a story fails in turn (no_memory.h). */
#include "unit/client-go-like/no_memory.h"

#include <tidewatch/typed.h>

#include "client-go-like/cache/reflector.h"
#include "client-go-like/config/login.h"
#include "client-go-like/object.h"
#include "codec/transcoder.h"
#include "proto/core_v1.pb-c.h"

/* ---- stories ---- */

#define CM(name)                                                                                   \
    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name                 \
    "\",\"namespace\":\"n\",\"resourceVersion\":\"5\"},\"data\":{\"k\":\"a\\nb\"}}"

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

static tw_status read_object(void *user)
{
    tw_object *object = NULL;
    tw_error *error = NULL;
    tw_status st = tw_object_from_json(user, strlen(user), &object, &error);

    if (st == TW_OK && tw_object_json(object) == NULL)
        st = TW_ERR_NO_MEMORY;
    tw_object_unref(object);
    tw_error_free(error);
    return st;
}

TEST(no_memory, an_object_is_read_or_not_at_all)
{
    fail_each_with_curl(read_object, CM("a"), 0);
}

static tw_status fill_store(void *user)
{
    tw_store *store = NULL;
    tw_channel *channel = NULL;
    tw_list *seen = NULL;
    tw_status st = tw_store_new(&store, NULL);

    if (st == TW_OK)
        st = tw_channel_new(8, &channel, NULL);
    if (st == TW_OK) {
        tw_store_deliver_to(store, channel);
        st = tw_store_replace(store, user);
    }
    if (st == TW_OK)
        st = tw_store_update(store, tw_list_at(user, 0));
    if (st == TW_OK)
        st = tw_store_list(store, &seen);
    tw_list_free(seen);
    tw_store_free(store);
    tw_channel_free(channel);
    return st;
}

TEST(no_memory, a_store_is_left_as_it_was)
{
    tw_list *list = list_new();

    CHECK(list_read_page(list, BYTES("{\"items\":[" CM("a") "," CM("b") "]}"), NULL) == TW_OK);
    fail_each_with_curl(fill_store, list, 0);
    tw_list_free(list);
}

static tw_status load_config(void *user)
{
    tw_config *config = NULL;
    tw_error *error = NULL;
    tw_status st = tw_config_from_kubeconfig(user, NULL, &config, &error);

    tw_config_free(config);
    tw_error_free(error);
    return st;
}

TEST(no_memory, a_kubeconfig_is_read_or_not_at_all)
{
    char path[] = "/tmp/tidewatch-kubeconfig-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] =
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: \"http://h\", certificate-authority-data: Zm9v}}]\n"
        "users: [{name: u, user: {token: t}}]\n";

    CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    close(fd);
    fail_each_with_curl(load_config, path, 0);
    unlink(path);
}

/* A client of a server that plays `steps`. */
struct play {
    const struct fake_step *steps;
    size_t count;
    tw_status (*act)(tw_client *client, tw_error **reterr);
    fake_choose_fn *choose;
};

static tw_status play(void *user)
{
    const struct play *p = user;
    struct fake_server *server;
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_error *error = NULL;
    tw_status st;

    story_pause();
    server = fake_start_with(p->steps, p->count, p->choose, 0);
    story_go_on();
    st = tw_config_from_url(server->url, &config, &error);
    if (st == TW_OK)
        st = tw_client_new(config, &client, &error);
    tw_config_free(config);
    if (st == TW_OK)
        st = p->act(client, &error);
    tw_error_free(error);
    tw_client_unref(client);
    story_pause();
    fake_stop(server);
    story_go_on();
    return st;
}

static tw_status get_and_find(tw_client *client, tw_error **reterr)
{
    tw_discovery *discovery = NULL;
    const tw_resource_info *info = NULL;
    tw_object *object = NULL;
    tw_status st = tw_discovery_new(client, &discovery, reterr);

    if (st == TW_OK)
        st = tw_discovery_find(discovery, "cm", &info, reterr);
    if (st == TW_OK)
        st = tw_get(client, &info->resource, "n", "a", &object, reterr);
    tw_object_unref(object);
    tw_discovery_free(discovery);
    return st;
}

TEST(no_memory, requests_and_discovery_give_up_cleanly)
{
    static const struct fake_step steps[] = {
        ANSWER("{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":\"\"},"
               "\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"configmaps\","
               "\"responseKind\":{\"kind\":\"ConfigMap\"},\"scope\":\"Namespaced\",\"verbs\":["
               "\"get\"],\"shortNames\":[\"cm\"]}]}]}]}"),
        ANSWER(CM("a"))};
    struct play p = {.steps = steps, .count = 2, .act = get_and_find};

    fail_each_with_curl(play, &p, 0);
}

static tw_status watch_one(tw_client *client, tw_error **reterr)
{
    tw_watch *watch = NULL;
    tw_event event;
    tw_status st = tw_watch_open(client, &configmaps, "n", NULL, &watch, reterr);

    if (st == TW_OK)
        st = tw_watch_next(watch, 5000, &event, reterr);
    if (st == TW_OK)
        tw_event_release(&event);
    tw_watch_close(watch);
    return st;
}

TEST(no_memory, a_watch_gives_up_cleanly)
{
    static const struct fake_step steps[] = {HOLD("{\"type\":\"ADDED\",\"object\":" CM("a") "}")};
    struct play p = {.steps = steps, .count = 1, .act = watch_one};

    fail_each_with_curl(play, &p, 0);
}

/* One step of a reflector, in this thread. */
static tw_status step(tw_client *client, bool streamed, tw_error **reterr)
{
    tw_store *store = NULL;
    tw_reflector *reflector = NULL;
    tw_status st = tw_store_new(&store, reterr);

    if (st == TW_OK)
        st = tw_reflector_new(client, &configmaps, NULL, store, &reflector, reterr);
    if (st == TW_OK)
        st = streamed ? reflector_sync(reflector, reterr) : reflector_list(reflector, reterr);
    if (reflector != NULL)
        reflector_close(reflector);
    tw_reflector_free(reflector);
    tw_store_free(store);
    return st;
}

static tw_status list_step(tw_client *client, tw_error **reterr)
{
    return step(client, false, reterr);
}

static tw_status stream_step(tw_client *client, tw_error **reterr)
{
    return step(client, true, reterr);
}

TEST(no_memory, a_reflector_lists_or_fails_for_that_reason_alone)
{
    static const struct fake_step steps[] = {ANSWER(
        "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
        "\"9\"},\"items\":[" CM("a") "," CM("b") "]}")};
    struct play p = {.steps = steps, .count = 1, .act = list_step};

    fail_each_with_curl(play, &p, 0);
}

TEST(no_memory, a_reflector_streams_its_list_or_fails_for_that_reason_alone)
{
    static const struct fake_step steps[] = {HOLD("{\"type\":\"ADDED\",\"object\":" CM(
        "a") "}{\"type\":\"BOOKMARK\",\"object\":{\"kind\":"
             "\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\","
             "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}")};
    struct play p = {.steps = steps, .count = 1, .act = stream_step};

    fail_each_with_curl(play, &p, 0);
}

/* ---- objects, and what is done with them ---- */

static tw_status edit_object(void *user)
{
    tw_object *object = NULL, *changed = NULL, *patch = NULL;
    tw_edit *edit;
    tw_error *error = NULL;
    tw_status st = tw_object_from_json(user, strlen(user), &object, &error);

    edit = tw_edit_new(object);
    tw_edit_set_string(edit, "spec.list[0].a\\.b", "text");
    tw_edit_set_int(edit, "spec.number", 7);
    tw_edit_set_value(edit, "copy", tw_object_at(object, "metadata"));
    tw_edit_set_label(edit, "k", "v");
    tw_edit_remove(edit, "data");
    if (st == TW_OK)
        st = tw_edit_finish(edit, &changed, &error);
    else
        tw_edit_free(edit);
    if (st == TW_OK)
        st = tw_merge_patch(object, changed, &patch, &error);
    tw_object_unref(object);
    tw_object_unref(changed);
    tw_object_unref(patch);
    tw_error_free(error);
    return st;
}

TEST(no_memory, an_object_is_changed_or_not_at_all)
{
    fail_each_with_curl(edit_object, CM("a"), 0);
}

static tw_status type_object(void *user)
{
    tw_object *object = NULL, *back = NULL;
    struct ProtobufCMessage *message = NULL;
    tw_type *type = NULL;
    tw_error *error = NULL;
    tw_status st = tw_object_from_json(user, strlen(user), &object, &error);

    if (st == TW_OK)
        st = tw_type_new("v1", "ConfigMap", &k8s__io__api__core__v1__config_map__descriptor, &type,
                         &error);
    if (st == TW_OK)
        st = tw_type_decode(type, object, &message, &error);
    if (st == TW_OK)
        st = tw_type_encode(type, message, &back, &error);
    tw_message_free(message);
    tw_type_free(type);
    tw_object_unref(object);
    tw_object_unref(back);
    tw_error_free(error);
    return st;
}

TEST(no_memory, an_object_becomes_a_struct_or_not_at_all)
{
    fail_each_with_curl(type_object, CM("a"), 0);
}

static tw_status impersonate(void *user)
{
    static const char *const groups[] = {"a", "b", NULL};
    const tw_impersonation who = {.user = user, .uid = "u", .groups = groups, .extra = groups};
    tw_config *config = NULL;
    tw_error *error = NULL;
    tw_status st = tw_config_from_url("http://h", &config, &error);

    if (st == TW_OK)
        st = tw_config_set_impersonation(config, &who, &error);
    tw_config_free(config);
    tw_error_free(error);
    return st;
}

TEST(no_memory, a_config_is_set_or_left_as_it_was)
{
    fail_each_with_curl(impersonate, "me", 0);
}

static tw_status log_in(void *user)
{
    struct login login;
    struct credentials *who = NULL;
    tw_error *error = NULL;
    tw_status st;

    login_init(&login, user);
    st = login_get(&login, &who, &error);
    credentials_unref(who);
    login_release(&login);
    tw_error_free(error);
    return st;
}

TEST(no_memory, a_plugin_is_run_or_the_login_fails_for_that_reason_alone)
{
    char path[] = "/tmp/tidewatch-plugin-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] =
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: \"http://h\", certificate-authority-data: Zm9v}}]\n"
        "users: [{name: u, user: {as: me, as-groups: [g], as-user-extra: {a: [b]}, exec: {\n"
        "  apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never,\n"
        "  provideClusterInfo: true, command: echo, env: [{name: A, value: b}], args: ['\n"
        "  {\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\",\n"
        "  \"status\": {\"token\": \"t\"}}']}}}]\n";
    tw_config *config = NULL;

    CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    close(fd);
    fail_each_with_curl(load_config, path, 0);
    CHECK(tw_config_from_kubeconfig(path, NULL, &config, NULL) == TW_OK);
    fail_each_with_curl(log_in, config, 0);
    tw_config_free(config);
    unlink(path);
}

#define CM_LIST(token)                                                                             \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"         \
    "\"9\",\"continue\":\"" token "\"},\"items\":[" CM("a") "]}"

static tw_status page_through(tw_client *client, tw_error **reterr)
{
    tw_list *list = NULL;
    tw_status st = tw_list_all(client, &configmaps, "n", NULL, &list, reterr);

    tw_list_free(list);
    return st;
}

TEST(no_memory, a_long_list_is_read_whole_or_not_at_all)
{
    static const struct fake_step steps[] = {ANSWER(CM_LIST("t")), ANSWER(CM_LIST(""))};
    struct play p = {.steps = steps, .count = 2, .act = page_through};

    fail_each_with_curl(play, &p, 0);
}

static tw_status relabel(void *user, const tw_object *now, tw_object **ret_changed,
                         tw_error **reterr)
{
    tw_edit *edit = tw_edit_new(now);

    (void)user;
    tw_edit_set_label(edit, "k", "v");
    return tw_edit_finish(edit, ret_changed, reterr);
}

static tw_status modify(tw_client *client, tw_error **reterr)
{
    static const tw_delete_options options = {.uid = "u", .dry_run = true};
    tw_object *object = NULL;
    tw_status st = tw_modify(client, &configmaps, "n", "a", relabel, NULL, NULL, &object, reterr);

    tw_object_unref(object);
    if (st == TW_OK)
        st = tw_delete_with(client, &configmaps, "n", "a", &options, NULL, reterr);
    return st;
}

TEST(no_memory, a_change_is_written_or_fails_for_that_reason_alone)
{
    static const struct fake_step steps[] = {
        ANSWER(CM("a")), ANSWER_CODE(409, "{\"kind\":\"Status\",\"reason\":\"Conflict\"}"),
        ANSWER(CM("a")), ANSWER(CM("a")), ANSWER(CM("a"))};
    struct play p = {.steps = steps, .count = 5, .act = modify};

    fail_each_with_curl(play, &p, 0);
}

/* What the last call of a loop ended with. */
static void on_done(void *user, tw_status status, const tw_response *response,
                    const tw_error *error)
{
    (void)response;
    (void)error;
    *(tw_status *)user = status;
}

static void on_event(void *user, const tw_event *event)
{
    (void)user;
    (void)event;
}

static void on_end(void *user, tw_status status, const tw_error *error)
{
    on_done(user, status == TW_END ? TW_OK : status, NULL, error);
}

static tw_status run_to_end(tw_loop *loop, tw_error **reterr)
{
    tw_status st = TW_OK;

    while (st == TW_OK && tw_loop_count(loop) != 0) {
        struct pollfd row = {tw_loop_fd(loop), POLLIN, 0};

        poll(&row, 1, FAKE_WAIT_S * 1000);
        st = tw_loop_process(loop, reterr);
    }
    return st;
}

static tw_status run_loop(tw_client *client, tw_error **reterr)
{
    static const tw_request request = {.path = "/x"};
    tw_status told = TW_OK;
    const tw_watch_callbacks callbacks = {NULL, on_event, on_end, &told};
    tw_loop *loop = NULL;
    tw_status st = tw_loop_new(client, &loop, reterr);

    if (st == TW_OK)
        st = tw_loop_request(loop, &request, on_done, &told, NULL, reterr);
    if (st == TW_OK)
        st = run_to_end(loop, reterr);
    if (st == TW_OK && told == TW_OK)
        st = tw_loop_watch(loop, &configmaps, "n", NULL, &callbacks, NULL, reterr);
    if (st == TW_OK && told == TW_OK)
        st = run_to_end(loop, reterr);
    tw_loop_free(loop);
    return st == TW_OK ? told : st;
}

TEST(no_memory, a_loop_tells_each_call_or_its_caller)
{
    static const struct fake_step steps[] = {ANSWER(CM("a")),
                                             STREAM("{\"type\":\"ADDED\",\"object\":" CM("a") "}")};
    struct play p = {.steps = steps, .count = 2, .act = run_loop};

    fail_each_with_curl(play, &p, 0);
}

/* ---- protobuf, WebSockets ---- */

static tw_status watch_by_websocket(tw_client *client, tw_error **reterr)
{
    tw_watch_options options = {.transport = TW_TRANSPORT_WEBSOCKET};
    tw_watch *watch = NULL;
    tw_event event;
    tw_status st = tw_watch_open(client, &configmaps, "n", &options, &watch, reterr);

    for (int i = 0; i < 2 && st == TW_OK; i++) {
        st = tw_watch_next(watch, 5000, &event, reterr);
        if (st == TW_OK)
            tw_event_release(&event);
    }
    tw_watch_close(watch);
    return st;
}

TEST(no_memory, a_websocket_gives_up_cleanly)
{
    static const char event[] = "{\"type\":\"ADDED\",\"object\":" CM("a") "}";
    char frames[512] = {(char)0x81, 0x7e, 0, (char)(sizeof(event) - 1)};
    struct fake_step steps[] = {{.end = FAKE_FRAMES, .body = frames}};
    struct play p = {.steps = steps, .count = 1, .act = watch_by_websocket};
    size_t len = sizeof(event) - 1;

    CHECK(len >= 126 && len < 256);
    memcpy(frames + 4, event, len);
    memcpy(frames + 4 + len, "\x89\x02hi", 4); /* a ping in between */
    memcpy(frames + 8 + len, frames, 4 + len);
    steps[0].len = 12 + 2 * len;
    fail_each_with_curl(play, &p, 0);
}

static void append_envelope(struct buf *out, const char *text)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    CHECK(json_parse(&arena, bytes_str(text), &tree, NULL, NULL) == STATUS_OK);
    CHECK(transcoder_write(out, tree, NULL, NULL) == STATUS_OK);
    arena_release(&arena);
}

static tw_status protobuf_steps(tw_client *client, tw_error **reterr)
{
    tw_reflector_options options = {.framing = TW_FRAMING_PROTOBUF};
    tw_store *store = NULL;
    tw_reflector *reflector = NULL;
    tw_event event;
    tw_status st = tw_store_new(&store, reterr);

    if (st == TW_OK)
        st = tw_reflector_new(client, &configmaps, &options, store, &reflector, reterr);
    if (st == TW_OK)
        st = reflector_list(reflector, reterr);
    if (st == TW_OK)
        st = reflector_open(reflector, false, reterr);
    if (st == TW_OK)
        st = reflector_next(reflector, &event, reterr);
    if (st == TW_OK)
        tw_event_release(&event);
    if (reflector != NULL)
        reflector_close(reflector);
    tw_reflector_free(reflector);
    tw_store_free(store);
    return st;
}

TEST(no_memory, protobuf_is_read_or_not_at_all)
{
    struct buf list = {0}, object = {0}, frame = {0};
    struct fake_step steps[2] = {
        {.end = FAKE_ANSWER, .type = PROTOBUF_MEDIA_TYPE},
        {.end = FAKE_HOLD, .type = PROTOBUF_MEDIA_TYPE ";stream=watch"},
    };
    struct play p = {.steps = steps, .count = 2, .act = protobuf_steps};

    append_envelope(&list, "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{"
                           "\"resourceVersion\":\"9\"},\"items\":[" CM("a") "," CM("b") "]}");
    append_envelope(&object, CM("c"));
    protobuf_watch_frame_write(&frame, BYTES("ADDED"), buf_bytes(&object));
    steps[0].body = list.data;
    steps[0].len = list.len;
    steps[1].body = frame.data;
    steps[1].len = frame.len;
    fail_each_with_curl(play, &p, 0);
    buf_release(&list);
    buf_release(&object);
    buf_release(&frame);
}

/* ---- all of it, with the reflector in its own thread ---- */

static const struct fake_step whole_list =
    ANSWER("{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
           "\"9\"},\"items\":[" CM("a") "]}");
static const struct fake_step whole_watch =
    HOLD("{\"type\":\"ADDED\",\"object\":" CM("b") "}{\"type\":\"ADDED\",\"object\":" CM("c") "}");

static const struct fake_step *answer_any(const char *request)
{
    return strstr(request, "watch=true") != NULL ? &whole_watch : &whole_list;
}

/* Whatever fails inside the reflector it tries again: the state comes in the end. */
static tw_status reflect(tw_client *client, tw_error **reterr)
{
    tw_reflector_options options = {.list_first = true};
    tw_store *store = NULL;
    tw_channel *channel = NULL;
    tw_reflector *reflector = NULL;
    tw_change change;
    tw_status st = tw_store_new(&store, reterr);

    options.bounds = (tw_bounds){.backoff_ms = 1, .backoff_max_ms = 1};
    if (st == TW_OK)
        st = tw_channel_new(8, &channel, reterr);
    if (st == TW_OK) {
        tw_store_deliver_to(store, channel);
        st = tw_reflector_new(client, &configmaps, &options, store, &reflector, reterr);
    }
    if (st == TW_OK)
        st = tw_reflector_start(reflector, reterr);
    for (int i = 0; i < 3 && st == TW_OK; i++) {
        st = tw_channel_next(channel, FAKE_WAIT_S * 1000, &change);
        if (st == TW_OK)
            tw_change_release(&change);
    }
    tw_reflector_free(reflector);
    tw_store_free(store);
    if (channel != NULL)
        tw_channel_close(channel);
    tw_channel_free(channel);
    return st;
}

TEST(no_memory, a_reflector_in_its_thread_tries_again_until_it_has_the_state)
{
    struct play p = {.choose = answer_any, .act = reflect};

    fail_each_with_curl(play, &p, FAIL_ALL_THREADS);
}

TEST(no_memory, a_reflector_in_its_thread_does_so_where_libcurl_fails_too)
{
    struct play p = {.choose = answer_any, .act = reflect};

    fail_each_with_curl(play, &p, FAIL_ALL_THREADS | FAIL_CURL_TOO);
}

/* ---- one connection for many threads ---- */

static tw_status exchange_on(struct http_line **lines, const tw_config *config, const char *path,
                             tw_error **reterr)
{
    const struct http_request request = {
        .method = "GET",
        .path = path,
        .bounds = {.first_byte_ms = HTTP_FIRST_BYTE_MS, .idle_ms = HTTP_IDLE_MS}};
    struct http *http = NULL;
    tw_status st = http_new_on(lines, config, &http, reterr);

    if (st == TW_OK)
        st = http_start(http, &request, reterr);
    while (st == TW_OK)
        st = http_step(http, FAKE_WAIT_S * 1000, reterr);
    http_free(http);
    return st == TW_END ? TW_OK : st;
}

/* Twice, as the second finds a connection; what libcurl lost for want of memory may look broken. */
static tw_status go_by_line(void *user)
{
    struct fake_server *server;
    struct http_line *lines = NULL;
    tw_config *config = NULL;
    tw_error *error = NULL;
    tw_status st;

    (void)user;
    story_pause();
    server = fake_start_with(NULL, 0, answer_any, 0);
    story_go_on();
    st = tw_config_from_url(server->url, &config, &error);
    for (int i = 0; i < 2 && st == TW_OK; i++)
        st = exchange_on(&lines, config, "/x", &error);
    if (st == TW_ERR_BROKEN || st == TW_ERR_CONNECT) {
        tw_error_clear(&error);
        st = exchange_on(&lines, config, "/x", &error);
    }
    http_lines_free(lines);
    tw_config_free(config);
    tw_error_free(error);
    story_pause();
    fake_stop(server);
    story_go_on();
    return st;
}

TEST(no_memory, an_exchange_on_a_line_ends_well_or_for_that_reason_alone)
{
    fail_each(go_by_line, NULL, FAIL_ALL_THREADS);
}

TEST(no_memory, an_exchange_on_a_line_does_so_where_libcurl_fails_too)
{
    fail_each(go_by_line, NULL, FAIL_ALL_THREADS | FAIL_CURL_TOO);
}
