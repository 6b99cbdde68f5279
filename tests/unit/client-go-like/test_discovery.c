#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include <fcntl.h>
#include <sys/stat.h>

#define RESOURCE(plural, kind, scope, singular, more)                                              \
    "{\"resource\":\"" plural "\",\"responseKind\":{\"kind\":\"" kind "\"},\"scope\":\"" scope     \
    "\",\"singularResource\":\"" singular "\",\"verbs\":[\"get\",\"list\"]" more "}"
#define AGGREGATED(items) "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[" items "]}"
#define GROUP(name, versions) "{\"metadata\":{\"name\":\"" name "\"},\"versions\":[" versions "]}"
#define VERSION(name, resources) "{\"version\":\"" name "\",\"resources\":[" resources "]}"

#define CORE                                                                                       \
    AGGREGATED(GROUP(                                                                              \
        "",                                                                                        \
        VERSION(                                                                                   \
            "v1",                                                                                  \
            RESOURCE("configmaps", "ConfigMap", "Namespaced", "configmap",                         \
                     ",\"shortNames\":[\"cm\"]") "," RESOURCE("nodes", "Node", "Cluster", "node",  \
                                                              "") "," RESOURCE("events", "Event",  \
                                                                               "Namespaced",       \
                                                                               "event", ""))))
#define GROUPS                                                                                     \
    AGGREGATED(GROUP(                                                                              \
        "apps",                                                                                    \
        VERSION(                                                                                   \
            "v1",                                                                                  \
            RESOURCE(                                                                              \
                "deployments", "Deployment", "Namespaced", "deployment",                           \
                ",\"shortNames\":[\"deploy\"],"                                                    \
                "\"categories\":[\"all\"]")) "," VERSION("v1beta1",                                \
                                                         RESOURCE(                                 \
                                                             "deployments", "Deployment",          \
                                                             "Namespaced", "deployment",           \
                                                             ""))) "," GROUP("events.k8s.io",      \
                                                                             VERSION(              \
                                                                                 "v1",             \
                                                                                 RESOURCE(         \
                                                                                     "events",     \
                                                                                     "Event",      \
                                                                                     "Namespaced", \
                                                                                     "event",      \
                                                                                     ""))))

struct setting {
    struct fake_server *server;
    tw_client *client;
    tw_discovery *discovery;
};

static void set_up(struct setting *s, const struct fake_step *steps, size_t count)
{
    tw_config *config = NULL;

    s->server = fake_start(steps, count, 0);
    CHECK(tw_config_from_url(s->server->url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &s->client, NULL) == TW_OK);
    CHECK(tw_discovery_new(s->client, &s->discovery, NULL) == TW_OK);
    tw_config_free(config);
}

static void tear_down(struct setting *s)
{
    tw_discovery_free(s->discovery);
    tw_client_unref(s->client);
    fake_stop(s->server);
}

/* "group/version/resource", or what is wrong. */
static const char *found(struct setting *s, const char *name)
{
    static char text[256];
    const tw_resource_info *info = NULL;
    tw_error *error = NULL;

    if (tw_discovery_find(s->discovery, name, &info, &error) == TW_OK)
        snprintf(text, sizeof(text), "%s/%s/%s", info->resource.group, info->resource.version,
                 info->resource.resource);
    else
        snprintf(text, sizeof(text), "%s", tw_error_message(error));
    tw_error_free(error);
    return text;
}

TEST(discovery, asks_the_core_group_first_and_no_more_if_that_settles_it)
{
    static const struct fake_step steps[] = {ANSWER(CORE), ANSWER(GROUPS)};
    struct setting s;

    set_up(&s, steps, 2);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK_TEXT(bytes_str(found(&s, "ConfigMap")), "/v1/configmaps");
    CHECK_TEXT(bytes_str(found(&s, "NODE")), "/v1/nodes");
    CHECK_INT(s.server->request_count, 1);
    CHECK_TEXT(bytes_str(found(&s, "deploy")), "apps/v1/deployments");
    CHECK_INT(s.server->request_count, 2);
    CHECK(fake_asked(s.server, 0, "GET /api ") && fake_asked(s.server, 1, "GET /apis "));
    CHECK(strstr(s.server->requests[0], "as=APIGroupDiscoveryList") != NULL);
    tear_down(&s);
}

TEST(discovery, takes_groups_and_versions_behind_a_name)
{
    static const struct fake_step steps[] = {ANSWER(CORE), ANSWER(GROUPS)};
    struct setting s;

    set_up(&s, steps, 2);
    CHECK_TEXT(bytes_str(found(&s, "events")), "/v1/events");
    CHECK_TEXT(bytes_str(found(&s, "events.events.k8s.io")), "events.k8s.io/v1/events");
    CHECK_TEXT(bytes_str(found(&s, "events.v1.events.k8s.io")), "events.k8s.io/v1/events");
    CHECK_TEXT(bytes_str(found(&s, "deployments.apps")), "apps/v1/deployments");
    CHECK_TEXT(bytes_str(found(&s, "deploy.v1beta1.apps")),
               "the server doesn't have a resource type \"deploy.v1beta1.apps\"");
    CHECK_TEXT(bytes_str(found(&s, "deployment.v1beta1.apps")), "apps/v1beta1/deployments");
    CHECK_TEXT(bytes_str(found(&s, "configmaps.v1.")), "/v1/configmaps");
    CHECK_TEXT(bytes_str(found(&s, "x")), "the server doesn't have a resource type \"x\"");
    tear_down(&s);
}

TEST(discovery, finds_what_a_manifest_names)
{
    static const struct fake_step steps[] = {ANSWER(GROUPS), ANSWER(CORE)};
    struct setting s;
    const tw_resource_info *info = NULL;

    set_up(&s, steps, 2);
    CHECK(tw_discovery_find_kind(s.discovery, "apps/v1", "Deployment", &info, NULL) == TW_OK);
    CHECK(strcmp(info->categories[0], "all") == 0 && info->categories[1] == NULL);
    CHECK(strcmp(info->verbs[1], "list") == 0 && info->resource.namespaced);
    CHECK(tw_discovery_find_kind(s.discovery, "apps/v2", "Deployment", &info, NULL) ==
          TW_ERR_NO_MATCH);
    CHECK(tw_discovery_find_kind(s.discovery, "v1", "Node", &info, NULL) == TW_OK);
    CHECK(!info->resource.namespaced);
    CHECK(tw_discovery_load(s.discovery, NULL) == TW_OK);
    CHECK_INT(tw_discovery_count(s.discovery), 6);
    tear_down(&s);
}

TEST(discovery, falls_back_to_the_legacy_documents_and_passes_over_a_dead_group)
{
    static const struct fake_step steps[] = {
        ANSWER("{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}"),
        ANSWER("{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"pods\",\"singularName\":"
               "\"pod\",\"namespaced\":true,\"kind\":\"Pod\",\"verbs\":[\"get\"],\"shortNames\":"
               "[\"po\"]},{\"name\":\"pods/status\",\"kind\":\"Pod\",\"verbs\":[\"get\"]}]}"),
        ANSWER(
            "{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"dead\",\"versions\":[{\"version\":"
            "\"v1\"}],\"preferredVersion\":{\"version\":\"v1\"}},{\"name\":\"g\",\"versions\":[{"
            "\"version\":\"v2\"},{\"version\":\"v1\"}],\"preferredVersion\":{\"version\":"
            "\"v1\"}}]}"),
        ANSWER_CODE(503, ""),
        ANSWER("{\"resources\":[{\"name\":\"things\",\"kind\":\"Thing\"}]}"),
        ANSWER("{\"resources\":[{\"name\":\"things\",\"kind\":\"Thing\"}]}"),
    };
    struct setting s;

    set_up(&s, steps, ARRAY_LEN(steps));
    CHECK_TEXT(bytes_str(found(&s, "po")), "/v1/pods");
    CHECK_TEXT(bytes_str(found(&s, "thing")), "g/v1/things");
    CHECK_INT(tw_discovery_count(s.discovery), 3);
    CHECK(fake_asked(s.server, 3, "/apis/dead/v1 ") && fake_asked(s.server, 4, "/apis/g/v1 "));
    tear_down(&s);
}

TEST(discovery, that_failed_is_asked_again)
{
    static const struct fake_step steps[] = {ANSWER_CODE(500, ""), ANSWER(CORE)};
    struct setting s;

    set_up(&s, steps, 2);
    CHECK(strstr(found(&s, "cm"), "500") != NULL);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    tear_down(&s);
}

/* ---- the cache on disk ---- */

static char folder[64];

static void use_cache(struct setting *s)
{
    CHECK(tw_discovery_use_cache(s->discovery, folder, NULL) == TW_OK);
}

/* A second run of the program, against the same server. */
static void start_over(struct setting *s)
{
    tw_discovery_free(s->discovery);
    CHECK(tw_discovery_new(s->client, &s->discovery, NULL) == TW_OK);
    use_cache(s);
}

/* The file of /api, with the time of its last change `age_s` back. */
static void age(struct setting *s, int age_s)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - age_s}};
    char path[256];

    snprintf(path, sizeof(path), "%s/127.0.0.1_%u/tidewatch-api.json", folder, s->server->port);
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void remove_cache(struct setting *s)
{
    static const char *const names[] = {"/tidewatch-api.json", "/tidewatch-apis.json", ""};
    char path[256];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/127.0.0.1_%u%s", folder, s->server->port, names[i]);
        remove(path);
    }
    CHECK(rmdir(folder) == 0);
}

#define TAGGED(text)                                                                               \
    {                                                                                              \
        .body = (text), .end = FAKE_ANSWER, .headers = "ETag: \"e1\"\r\n"                          \
    }

TEST(discovery, kept_on_disk_asks_the_server_no_second_time)
{
    static const struct fake_step steps[] = {ANSWER(CORE), ANSWER(GROUPS)};
    struct setting s;

    strcpy(folder, "/tmp/tidewatch-discovery-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    set_up(&s, steps, 2);
    use_cache(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK_TEXT(bytes_str(found(&s, "deploy")), "apps/v1/deployments");
    start_over(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK_TEXT(bytes_str(found(&s, "deploy")), "apps/v1/deployments");
    CHECK_INT(s.server->request_count, 2);
    remove_cache(&s);
    tear_down(&s);
}

TEST(discovery, that_is_old_is_asked_about_by_its_etag)
{
    static const struct fake_step steps[] = {TAGGED(CORE), ANSWER_CODE(304, ""),
                                             ANSWER(AGGREGATED(""))};
    struct setting s;

    strcpy(folder, "/tmp/tidewatch-discovery-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    set_up(&s, steps, 3);
    use_cache(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    age(&s, 6 * 60 * 60 + 60);
    start_over(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK(strstr(s.server->requests[1], "\r\nIf-None-Match: \"e1\"\r\n") != NULL);
    start_over(&s); /* the 304 has made it fresh again */
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK_INT(s.server->request_count, 2);
    remove_cache(&s);
    tear_down(&s);
}

TEST(discovery, that_lacks_something_on_disk_asks_the_server_once)
{
    static const struct fake_step steps[] = {ANSWER(AGGREGATED("")), ANSWER(AGGREGATED("")),
                                             ANSWER(CORE), ANSWER(CORE), ANSWER(AGGREGATED(""))};
    const tw_resource_info *info = NULL;
    struct setting s;

    strcpy(folder, "/tmp/tidewatch-discovery-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    set_up(&s, steps, 5);
    use_cache(&s);
    CHECK(tw_discovery_load(s.discovery, NULL) == TW_OK);
    start_over(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    start_over(&s);
    CHECK(tw_discovery_find_kind(s.discovery, "v1", "Nothing", &info, NULL) == TW_ERR_NO_MATCH);
    CHECK_INT(s.server->request_count, 4);
    CHECK(tw_discovery_find_kind(s.discovery, "v1", "Nothing", &info, NULL) == TW_ERR_NO_MATCH);
    CHECK_INT(s.server->request_count, 4); /* it has been asked already */
    remove_cache(&s);
    tear_down(&s);
}

TEST(discovery, garbage_on_disk_is_fetched_anew)
{
    static const struct fake_step steps[] = {TAGGED(CORE), TAGGED(CORE), ANSWER_CODE(304, ""),
                                             ANSWER(CORE)};
    struct setting s;
    char path[256];

    strcpy(folder, "/tmp/tidewatch-discovery-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    set_up(&s, steps, 4);
    use_cache(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    snprintf(path, sizeof(path), "%s/127.0.0.1_%u/tidewatch-api.json", folder, s.server->port);
    CHECK(truncate(path, 20) == 0); /* fresh */
    start_over(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK(truncate(path, 20) == 0);
    age(&s, 7 * 60 * 60); /* old, but the server says that it still holds */
    start_over(&s);
    CHECK_TEXT(bytes_str(found(&s, "cm")), "/v1/configmaps");
    CHECK_INT(s.server->request_count, 4);
    remove_cache(&s);
    tear_down(&s);
}
