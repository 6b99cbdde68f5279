#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "base/clock.h"
#include "client-go-like/cache/cache_log.h"
#include "client-go-like/cache/informer.h"

#define META(name, rv)                                                                             \
    "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"resourceVersion\":\"" rv "\"}"
#define CM(name, rv) "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"," META(name, rv) "}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define LIST(rv, items)                                                                            \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv    \
    "\"},\"items\":[" items "]}"
#define EXPIRED                                                                                    \
    EVENT("ERROR", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","            \
                   "\"message\":\"too old\",\"reason\":\"Expired\",\"code\":410}")

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

/* ---- a clock that the test turns; it stands far ahead, so that nothing falls due by itself ----
 */

static _Atomic(uint64_t) ahead_ms = 3600 * 1000;

static uint64_t turned_clock(void)
{
    return clock_monotonic_ms() + atomic_load(&ahead_ms);
}

static uint64_t no_chance(uint64_t bound)
{
    (void)bound;
    return 0;
}

static tw_status short_pause(struct http *http, unsigned pause_ms, tw_error **reterr)
{
    (void)pause_ms;
    return http_pause(http, 2, reterr);
}

static const struct reflector_env env = {
    .now_ms = turned_clock,
    .random_below = no_chance,
    .pause = short_pause,
    .connect_ms = 20000,
    .first_byte_ms = 20000,
    .idle_ms = 20000,
    .idle_max_ms = 20000,
    .short_watch_ms = 1000,
    .unsynced_ms = 20000,
};

/* ---- what a handler was told: "+a1i ~a1>a2 -a2! " ---- */

struct log {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[4096];
    pthread_mutex_t gate; /* a call must pass it */
};

static void say(struct log *log, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct log *log, const char *format, ...)
{
    size_t len;
    va_list args;

    pthread_mutex_lock(&log->gate);
    pthread_mutex_unlock(&log->gate);
    pthread_mutex_lock(&log->lock);
    len = strlen(log->text);
    va_start(args, format);
    vsnprintf(log->text + len, sizeof(log->text) - len, format, args);
    va_end(args);
    pthread_cond_broadcast(&log->changed);
    pthread_mutex_unlock(&log->lock);
}

static void on_add(void *user, tw_object *object, bool initial)
{
    say(user, "+%s%s%s ", tw_object_name(object), tw_object_resource_version(object),
        initial ? "i" : "");
}

static void on_update(void *user, tw_object *old, tw_object *object)
{
    say(user, "~%s%s>%s ", tw_object_name(object), tw_object_resource_version(old),
        tw_object_resource_version(object));
}

static void on_delete(void *user, tw_object *object, bool tombstone)
{
    say(user, "-%s%s%s ", tw_object_name(object), tw_object_resource_version(object),
        tombstone ? "!" : "");
}

static void log_init(struct log *log)
{
    memset(log, 0, sizeof(*log));
    pthread_mutex_init(&log->lock, NULL);
    pthread_mutex_init(&log->gate, NULL);
    pthread_cond_init(&log->changed, NULL);
}

/* Waits until exactly this was told. */
static void check_told(struct log *log, const char *expected)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&log->lock);
    while (strlen(log->text) < strlen(expected) &&
           pthread_cond_timedwait(&log->changed, &log->lock, &until) == 0)
        ;
    CHECK_TEXT(bytes_str(log->text), expected);
    pthread_mutex_unlock(&log->lock);
}

static tw_handler *listen_to(tw_informer *informer, struct log *log, unsigned resync_ms,
                             size_t queue_max)
{
    tw_handler_options options = {on_add, on_update, on_delete, log, resync_ms, queue_max};
    tw_handler *handler = NULL;

    log_init(log);
    CHECK(tw_informer_add_handler(informer, &options, &handler, NULL) == TW_OK);
    return handler;
}

/* ---- the stage ---- */

struct stage {
    struct fake_server *server;
    tw_client *client;
    tw_informer *informer;
};

static tw_client *client_of(const struct fake_server *server)
{
    tw_config *config = NULL;
    tw_client *client = NULL;

    CHECK(tw_config_from_url(server->url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    tw_config_free(config);
    return client;
}

static void stage_up(struct stage *s, const struct fake_step *steps, size_t count,
                     tw_informer_options options)
{
    options.list_first = true;
    s->server = fake_start(steps, count, 0);
    s->client = client_of(s->server);
    CHECK(informer_new(s->client, &configmaps, &options, &env, &s->informer, NULL) == TW_OK);
}

#define STAGE(s, steps, ...)                                                                       \
    stage_up(s, steps, ARRAY_LEN(steps), (tw_informer_options){__VA_ARGS__})

static void go(struct stage *s)
{
    CHECK(tw_informer_start(s->informer, NULL) == TW_OK);
    CHECK(tw_informer_wait_synced(s->informer, 60000) == TW_OK);
}

static void stage_down(struct stage *s)
{
    tw_informer_free(s->informer);
    tw_client_unref(s->client);
    fake_stop(s->server);
}

/* ---- handlers ---- */

TEST(informer, tells_each_object_in_order_and_buries_what_a_relist_misses)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("5", CM("a", "1") "," CM("b", "2"))),
        STREAM(EVENT("MODIFIED", CM("a", "6")) EVENT("DELETED", CM("b", "7"))
                   EVENT("ADDED", CM("c", "8")) EXPIRED),
        ANSWER(LIST("20", CM("a", "6") "," CM("d", "19"))),
        HOLD(EVENT("MODIFIED", CM("d", "21"))),
    };
    struct stage s;
    struct log log;
    tw_handler *handler;

    STAGE(&s, steps, .ns = NULL);
    handler = listen_to(s.informer, &log, 0, 0);
    CHECK(!tw_handler_has_synced(handler) && !tw_informer_has_synced(s.informer));
    go(&s);
    check_told(&log, "+a1i +b2i ~a1>6 -b7 +c8 +d19 -c8! ~d19>21 ");
    CHECK(tw_handler_has_synced(handler));
    stage_down(&s);
}

TEST(informer, a_late_handler_is_told_what_is_there_and_then_all_that_follows)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("5", CM("a", "1") "," CM("b", "2"))),
        HOLD(EVENT("MODIFIED", CM("a", "6"))),
    };
    struct stage s;
    struct log early, late;
    tw_handler *handler;
    tw_handler_status status;
    tw_object *object;

    STAGE(&s, steps, .ns = NULL);
    listen_to(s.informer, &early, 0, 0);
    go(&s);
    check_told(&early, "+a1i +b2i ~a1>6 ");
    handler = listen_to(s.informer, &late, 0, 0);
    check_told(&late, "+a6i +b2i ");
    CHECK(tw_object_from_json(CM("a", "9"), strlen(CM("a", "9")), &object, NULL) == TW_OK);
    CHECK(tw_store_update(tw_informer_store(s.informer), object) == TW_OK); /* as the reflector */
    tw_object_unref(object);
    check_told(&late, "+a6i +b2i ~a6>9 ");
    check_told(&early, "+a1i +b2i ~a1>6 ~a6>9 ");
    tw_handler_get_status(handler, &status);
    CHECK(status.synced && status.told == 3 && status.depth == 0 && status.deepest >= 1);
    stage_down(&s);
}

TEST(informer, a_removed_handler_is_told_nothing_more)
{
    static const struct fake_step steps[] = {ANSWER(LIST("5", CM("a", "1"))), HOLD("")};
    struct stage s;
    struct log gone, kept;
    tw_handler *handler;
    tw_object *object;

    STAGE(&s, steps, .ns = NULL);
    handler = listen_to(s.informer, &gone, 0, 0);
    listen_to(s.informer, &kept, 0, 0);
    go(&s);
    check_told(&gone, "+a1i ");
    tw_informer_remove_handler(s.informer, handler);
    CHECK(tw_object_from_json(CM("a", "9"), strlen(CM("a", "9")), &object, NULL) == TW_OK);
    CHECK(tw_store_delete(tw_informer_store(s.informer), object) == TW_OK);
    tw_object_unref(object);
    check_told(&kept, "+a1i -a9 ");
    check_told(&gone, "+a1i ");
    stage_down(&s);
}

TEST(informer, a_resync_tells_every_object_again_to_who_wants_it)
{
    static const struct fake_step steps[] = {ANSWER(LIST("5", CM("a", "1") "," CM("b", "2"))),
                                             HOLD("")};
    struct stage s;
    struct log often, never;

    STAGE(&s, steps, .ns = NULL);
    listen_to(s.informer, &often, 30 * 1000, 0);
    listen_to(s.informer, &never, 0, 0);
    go(&s);
    check_told(&often, "+a1i +b2i ");
    atomic_fetch_add(&ahead_ms, 30 * 1000);
    informer_wake(s.informer);
    check_told(&often, "+a1i +b2i ~a1>1 ~b2>2 ");
    atomic_fetch_add(&ahead_ms, 30 * 1000);
    informer_wake(s.informer);
    check_told(&often, "+a1i +b2i ~a1>1 ~b2>2 ~a1>1 ~b2>2 ");
    check_told(&never, "+a1i +b2i ");
    stage_down(&s);
}

/* A handler that stands still holds the watch up once its queue is full, and loses nothing;
 * stopping does not wait for it either. */
TEST(informer, a_bounded_queue_makes_the_watch_wait)
{
    static struct fake_step steps[] = {ANSWER(LIST("5", "")), {.end = FAKE_HOLD}};
    struct stage s;
    struct log log;
    struct buf events = {0}, expected = {0};
    tw_handler *handler;
    tw_handler_status status;

    for (int n = 10; n < 60; n++) {
        buf_appendf(&events,
                    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\","
                    "\"metadata\":{\"name\":\"k%d-\",\"resourceVersion\":\"%d\"}}}\n",
                    n, n);
        buf_appendf(&expected, "+k%d-%d ", n, n);
    }
    buf_append_char(&events, '\0');
    buf_append_char(&expected, '\0');
    steps[1].body = events.data;
    STAGE(&s, steps, .ns = NULL);
    handler = listen_to(s.informer, &log, 0, 8);
    pthread_mutex_lock(&log.gate);
    CHECK(tw_informer_start(s.informer, NULL) == TW_OK);
    do
        tw_handler_get_status(handler, &status);
    while (status.depth < 8);
    pthread_mutex_unlock(&log.gate);
    check_told(&log, expected.data);
    tw_handler_get_status(handler, &status);
    CHECK_INT(status.deepest, 8);
    stage_down(&s);
    buf_release(&events);
    buf_release(&expected);
}

/* ---- what is stored ---- */

#define NOISY                                                                                      \
    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","                  \
    "\"annotations\":{\"x\":\"1\",\"kubectl.kubernetes.io/last-applied-configuration\":"           \
    "\"{\\\"a\\\":1}\"},\"managedFields\":[{\"manager\":\"m\"}],\"resourceVersion\":\"1\"}}"

static const char *stored_as(struct stage *s)
{
    tw_object *object = tw_store_get(tw_informer_store(s->informer), NULL, "a");
    static char text[512];

    snprintf(text, sizeof(text), "%s", tw_object_json(object));
    tw_object_unref(object);
    return text;
}

TEST(informer, stores_no_managed_fields_unless_asked)
{
    static const struct fake_step steps[] = {ANSWER(LIST("5", NOISY)), HOLD("")};
    struct stage s;

    STAGE(&s, steps, .ns = NULL);
    go(&s);
    CHECK_TEXT(bytes_str(stored_as(&s)),
               "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","
               "\"annotations\":{\"x\":\"1\"},\"resourceVersion\":\"1\"}}");
    stage_down(&s);
    STAGE(&s, steps, .keep_all = true);
    go(&s);
    CHECK_TEXT(bytes_str(stored_as(&s)), NOISY);
    stage_down(&s);
}

static tw_status forget_rest(void *user, tw_object *object, tw_object **ret_object)
{
    char text[128];

    (void)user;
    snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"%s\",\"resourceVersion\":\"%s\"}}",
             tw_object_name(object), tw_object_resource_version(object));
    return tw_object_from_json(text, strlen(text), ret_object, NULL);
}

TEST(informer, stores_what_the_transform_makes_of_lists_and_events)
{
    static const struct fake_step steps[] = {
        ANSWER(LIST("5", NOISY)),
        HOLD(EVENT("MODIFIED",
                   "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"
                   "\"name\":\"a\",\"resourceVersion\":\"6\"},\"data\":{\"k\":\"v\"}}"))};
    struct stage s;
    struct log log;

    STAGE(&s, steps, .transform = forget_rest);
    listen_to(s.informer, &log, 0, 0);
    go(&s);
    check_told(&log, "+a1i ~a1>6 ");
    CHECK_TEXT(bytes_str(stored_as(&s)),
               "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"6\"}}");
    stage_down(&s);
}

#define PARTIAL(name, rv)                                                                          \
    "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\"," META(name, rv) "}"

TEST(informer, of_metadata_only_asks_for_no_more_and_drops_whole_objects)
{
    static const struct fake_step steps[] = {
        ANSWER("{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\","
               "\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" PARTIAL("a", "1") "]}"),
        HOLD(EVENT("ADDED", CM("x", "6")) EVENT("ADDED", PARTIAL("b", "7"))),
    };
    struct stage s;
    struct log log;

    STAGE(&s, steps, .metadata_only = true);
    listen_to(s.informer, &log, 0, 0);
    go(&s);
    check_told(&log, "+a1i +b7 ");
    CHECK(strstr(s.server->requests[0], "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1") != NULL);
    CHECK(strstr(s.server->requests[1], "as=PartialObjectMetadata;g=meta.k8s.io;v=v1") != NULL);
    stage_down(&s);
}

/* ---- factory ---- */

TEST(factory, gives_one_informer_for_one_selection_and_waits_for_all)
{
    static const struct fake_step steps[] = {
        HOLD(EVENT("BOOKMARK", "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"
                               "\"resourceVersion\":\"5\",\"annotations\":{"
                               "\"k8s.io/initial-events-end\":\"true\"}}}"))};
    struct fake_server *server = fake_start(steps, 1, 0);
    tw_client *client = client_of(server);
    tw_factory *factory = NULL;
    tw_informer *all = NULL, *again = NULL, *other = NULL;
    tw_informer_options labelled = {.ns = "n", .label_selector = "a=b"};

    CHECK(tw_factory_new(client, &factory, NULL) == TW_OK);
    CHECK(tw_factory_informer(factory, &configmaps, NULL, &all, NULL) == TW_OK);
    CHECK(tw_factory_informer(factory, &configmaps, NULL, &again, NULL) == TW_OK);
    CHECK(tw_factory_start(factory, NULL) == TW_OK);
    CHECK(tw_factory_wait_synced(factory, 60000) == TW_OK);
    CHECK(tw_factory_informer(factory, &configmaps, &labelled, &other, NULL) == TW_OK);
    CHECK(all == again && all != other);
    CHECK(tw_factory_start(factory, NULL) == TW_OK);
    CHECK(tw_factory_wait_synced(factory, 10) == TW_ERR_TIMEOUT); /* no answer for the other */
    CHECK(tw_informer_has_synced(all) && !tw_informer_has_synced(other));
    tw_factory_shutdown(factory);
    tw_factory_free(factory);
    tw_client_unref(client);
    fake_stop(server);
}

/* ---- the file; test_informers.py has the story of writing and reading one ---- */

#define KUBE_SYSTEM(uid)                                                                           \
    ANSWER("{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"kube-system\"," \
           "\"uid\":\"" uid "\"}}")

static char file[64];

static void make_file_name(void)
{
    int fd;

    strcpy(file, "/tmp/tidewatch-test-XXXXXX");
    fd = mkstemp(file);
    CHECK(fd >= 0);
    close(fd);
}

static tw_informer_file_status file_status(struct stage *s)
{
    tw_informer_file_status status;

    tw_informer_get_file_status(s->informer, &status);
    return status;
}

/* What an informer of this server, in cluster u-1, has left: a1 and b2 at version 5. */
static void write_file(const struct fake_server *server)
{
    struct buf header = {0};
    struct cache_log cache = {0};
    tw_store *store = NULL;
    tw_snapshot *snapshot;
    const char *texts[] = {CM("a", "1"), CM("b", "2")};

    make_file_name();
    CHECK(tw_store_new(&store, NULL) == TW_OK);
    for (size_t i = 0; i < 2; i++) {
        tw_object *object = NULL;

        CHECK(tw_object_from_json(texts[i], strlen(texts[i]), &object, NULL) == TW_OK);
        CHECK(tw_store_add(store, object) == TW_OK);
        tw_object_unref(object);
    }
    buf_appendf(&header, "tidewatch cache 1\nu-1\n%s\n/api/v1/configmaps", server->url);
    snapshot = tw_store_snapshot(store);
    CHECK(cache_log_rewrite(&cache, file, buf_bytes(&header), snapshot, "5", NULL) == TW_OK);
    cache_log_close(&cache);
    buf_release(&header);
    tw_snapshot_release(snapshot);
    tw_store_free(store);
}

/* An informer that finds that file; `damaged`: with another byte in it. */
static void stage_with_file(struct stage *s, struct log *log, const struct fake_step *steps,
                            size_t count, bool damaged)
{
    tw_informer_options options = {.cache_file = file, .list_first = true};

    s->server = fake_start(steps, count, 0);
    s->client = client_of(s->server);
    write_file(s->server);
    if (damaged) {
        FILE *out = fopen(file, "r+e");

        CHECK(out != NULL && fseek(out, 120, SEEK_SET) == 0 && fputc('#', out) == '#');
        CHECK(fclose(out) == 0);
    }
    CHECK(informer_new(s->client, &configmaps, &options, &env, &s->informer, NULL) == TW_OK);
    listen_to(s->informer, log, 0, 0);
}

TEST(informer, goes_on_from_its_file_without_a_list)
{
    static const struct fake_step steps[] = {KUBE_SYSTEM("u-1"),
                                             HOLD(EVENT("MODIFIED", CM("a", "6")))};
    struct stage s;
    struct log log;

    stage_with_file(&s, &log, steps, ARRAY_LEN(steps), false);
    CHECK(file_status(&s).loaded && !tw_informer_has_synced(s.informer));
    check_told(&log, "+a1i +b2i "); /* before any server was asked */
    go(&s);
    check_told(&log, "+a1i +b2i ~a1>6 ");
    CHECK(fake_asked(s.server, 1, "resourceVersion=5") && fake_asked(s.server, 1, "watch=true"));
    stage_down(&s);
    unlink(file);
}

TEST(informer, lists_when_its_file_is_of_another_cluster)
{
    static const struct fake_step steps[] = {KUBE_SYSTEM("u-2"), ANSWER(LIST("3", CM("a", "1"))),
                                             HOLD(""), KUBE_SYSTEM("u-2")};
    struct stage s;
    struct log log;

    stage_with_file(&s, &log, steps, ARRAY_LEN(steps), false);
    go(&s);
    check_told(&log, "+a1i +b2i -b2! ");
    CHECK(fake_asked(s.server, 1, "limit=500"));
    stage_down(&s);
    unlink(file);
}

TEST(informer, lists_when_the_version_of_its_file_has_expired)
{
    static const struct fake_step steps[] = {
        KUBE_SYSTEM("u-1"),
        ANSWER_CODE(410, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
                         "\"reason\":\"Expired\",\"code\":410}"),
        ANSWER(LIST("30", CM("b", "29"))),
        HOLD(""),
    };
    struct stage s;
    struct log log;

    stage_with_file(&s, &log, steps, ARRAY_LEN(steps), false);
    go(&s);
    check_told(&log, "+a1i +b2i ~b2>29 -a1! ");
    stage_down(&s);
    unlink(file);
}

TEST(informer, lists_when_its_file_is_damaged)
{
    static const struct fake_step steps[] = {ANSWER(LIST("5", CM("a", "1"))), KUBE_SYSTEM("u-1"),
                                             KUBE_SYSTEM("u-1")};
    struct stage s;
    struct log log;

    stage_with_file(&s, &log, steps, ARRAY_LEN(steps), true);
    CHECK(!file_status(&s).loaded && strstr(file_status(&s).error, "damaged") != NULL);
    go(&s);
    check_told(&log, "+a1i ");
    stage_down(&s);
    unlink(file);
}
