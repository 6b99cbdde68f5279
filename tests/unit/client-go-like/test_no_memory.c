/* Fails each allocation of a story in turn: every cleanup path runs once, and nothing may leak. The
 * sanitizers have an allocator of their own, so these tests say nothing there. */
#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>
#include <tidewatch/typed.h>

#include <curl/curl.h>
#include <errno.h>

#include "client-go-like/cache/reflector.h"
#include "client-go-like/config/login.h"
#include "client-go-like/object.h"
#include "proto/core_v1.pb-c.h"

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&                             \
    !HAS_FEATURE(address_sanitizer) && !HAS_FEATURE(thread_sanitizer)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

#pragma GCC visibility push(default) /* libc's own strdup() and vasprintf() must find them too */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void free(void *ptr);
#pragma GCC visibility pop

/* Of the thread under test; others, and libcurl, allocate in peace. */
static _Thread_local bool armed;
static _Thread_local long countdown, live;
static _Thread_local bool failed;

static bool fails_now(void)
{
    if (!armed || --countdown != 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    void *ptr = fails_now() ? NULL : __libc_malloc(size);

    live += armed && ptr != NULL;
    return ptr;
}

void *calloc(size_t count, size_t size)
{
    void *ptr = fails_now() ? NULL : __libc_calloc(count, size);

    live += armed && ptr != NULL;
    return ptr;
}

void *realloc(void *old, size_t size)
{
    void *ptr = fails_now() ? NULL : __libc_realloc(old, size);

    live += armed && old == NULL && ptr != NULL;
    return ptr;
}

void free(void *ptr)
{
    live -= armed && ptr != NULL;
    __libc_free(ptr);
}

static char *peaceful_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __libc_malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* Runs `story` with its 1st, 2nd, .. allocation failing, until it has no more of them. */
static void fail_each(tw_status (*story)(void *user), void *user)
{
    long n = 0;

    curl_global_init_mem(CURL_GLOBAL_DEFAULT, __libc_malloc, __libc_free, __libc_realloc,
                         peaceful_strdup, __libc_calloc);
    CHECK(story(user) == TW_OK); /* warms up what is made once, and shows that it can go well */
    do {
        tw_status st;

        countdown = ++n;
        live = 0;
        failed = false;
        armed = true;
        st = story(user);
        armed = false;
        if ((st != TW_OK && st != TW_ERR_NO_MEMORY) || (st != TW_OK && !failed) || live != 0)
            fprintf(stderr, "allocation %ld: %s, %ld not freed\n", n, tw_status_name(st), live);
        CHECK(st == TW_OK || (st == TW_ERR_NO_MEMORY && failed));
        CHECK_INT(live, 0);
        CHECK(n < 5000);
    } while (failed);
    CHECK(n > 1);
}

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
    fail_each(read_object, CM("a"));
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
    fail_each(fill_store, list);
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
    fail_each(load_config, path);
    unlink(path);
}

/* A client of a server that plays `steps`. */
struct play {
    const struct fake_step *steps;
    size_t count;
    tw_status (*act)(tw_client *client, tw_error **reterr);
};

static tw_status play(void *user)
{
    const struct play *p = user;
    bool was_armed = armed;
    struct fake_server *server;
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_error *error = NULL;
    tw_status st;

    armed = false; /* the server is not under test */
    server = fake_start(p->steps, p->count, 0);
    armed = was_armed;
    st = tw_config_from_url(server->url, &config, &error);
    if (st == TW_OK)
        st = tw_client_new(config, &client, &error);
    tw_config_free(config);
    if (st == TW_OK)
        st = p->act(client, &error);
    tw_error_free(error);
    tw_client_unref(client);
    was_armed = armed;
    armed = false;
    fake_stop(server);
    armed = was_armed;
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
    struct play p = {steps, 2, get_and_find};

    fail_each(play, &p);
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
    struct play p = {steps, 1, watch_one};

    fail_each(play, &p);
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
    struct play p = {steps, 1, list_step};

    fail_each(play, &p);
}

TEST(no_memory, a_reflector_streams_its_list_or_fails_for_that_reason_alone)
{
    static const struct fake_step steps[] = {HOLD("{\"type\":\"ADDED\",\"object\":" CM(
        "a") "}{\"type\":\"BOOKMARK\",\"object\":{\"kind\":"
             "\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\","
             "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}")};
    struct play p = {steps, 1, stream_step};

    fail_each(play, &p);
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
    fail_each(edit_object, CM("a"));
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
    fail_each(type_object, CM("a"));
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
    fail_each(impersonate, "me");
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
    fail_each(load_config, path);
    CHECK(tw_config_from_kubeconfig(path, NULL, &config, NULL) == TW_OK);
    fail_each(log_in, config);
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
    struct play p = {steps, 2, page_through};

    fail_each(play, &p);
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
    struct play p = {steps, 5, modify};

    fail_each(play, &p);
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
    struct play p = {steps, 2, run_loop};

    fail_each(play, &p);
}

#else

TEST(no_memory, is_not_played_under_a_sanitizer)
{
    CHECK(true);
}

#endif
