#include "unit/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <tidewatch/tidewatch.h>

#include "client-go-like/fail.h"

/* An informer that is never started: its store is written by the test, as its reflector would. */
struct stage {
    tw_client *client;
    tw_informer *informer;
    tw_controller *controller;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char log[1024];
    unsigned failures_left;
};

static void say(struct stage *s, const char *word, const char *ns, const char *name, unsigned n)
{
    size_t len;

    pthread_mutex_lock(&s->lock);
    len = strlen(s->log);
    snprintf(s->log + len, sizeof(s->log) - len, "%s:%s/%s:%u ", word, ns, name, n);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static tw_status reconcile(void *user, const char *ns, const char *name, uint64_t *ret_again_ms,
                           tw_error **reterr)
{
    struct stage *s = user;

    if (s->failures_left != 0) {
        s->failures_left--;
        return tw_fail(reterr, TW_ERR_SERVER, "not yet");
    }
    if (strcmp(name, "twice") == 0 && strstr(s->log, "done:n/twice") == NULL)
        *ret_again_ms = 1;
    say(s, "done", ns, name, 0);
    return TW_OK;
}

static void on_error(void *user, const char *ns, const char *name, unsigned retries,
                     const tw_error *error)
{
    CHECK_TEXT(bytes_str(tw_error_message(error)), "not yet");
    say(user, "failed", ns, name, retries);
}

static void stage_up(struct stage *s, tw_map_fn *map)
{
    static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    tw_controller_options options = {.reconcile = reconcile, .user = s, .on_error = on_error};
    tw_config *config = NULL;

    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    CHECK(tw_config_from_url("http://127.0.0.1:1", &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &s->client, NULL) == TW_OK);
    tw_config_free(config);
    CHECK(tw_informer_new(s->client, &configmaps, NULL, &s->informer, NULL) == TW_OK);
    CHECK(tw_controller_new(&options, &s->controller, NULL) == TW_OK);
    if (map != NULL) {
        CHECK(tw_controller_watch(s->controller, s->informer, map, s, NULL) == TW_OK);
        return;
    }
    CHECK(tw_controller_start(s->controller, 0, NULL) == TW_OK); /* nothing to wait for */
}

static void check_log(struct stage *s, const char *expected)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&s->lock);
    while (strlen(s->log) < strlen(expected) &&
           pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    CHECK_TEXT(bytes_str(s->log), expected);
    pthread_mutex_unlock(&s->lock);
}

static void stage_down(struct stage *s)
{
    tw_controller_free(s->controller);
    tw_informer_free(s->informer);
    tw_client_unref(s->client);
}

TEST(controller, retries_what_failed_and_forgets_it_once_it_succeeds)
{
    struct stage s;

    stage_up(&s, NULL);
    s.failures_left = 2;
    CHECK(tw_controller_enqueue(s.controller, "n", "a") == TW_OK);
    check_log(&s, "failed:n/a:0 failed:n/a:1 done:n/a:0 ");
    tw_controller_stop(s.controller, 60000);
    CHECK_INT(tw_queue_num_requeues(tw_controller_queue(s.controller), "n/a"), 0);
    stage_down(&s);
}

TEST(controller, calls_again_when_asked_and_knows_keys_without_a_namespace)
{
    struct stage s;

    stage_up(&s, NULL);
    CHECK(tw_controller_enqueue(s.controller, "n", "twice") == TW_OK);
    check_log(&s, "done:n/twice:0 done:n/twice:0 ");
    CHECK(tw_controller_enqueue(s.controller, NULL, "node") == TW_OK);
    check_log(&s, "done:n/twice:0 done:n/twice:0 done:/node:0 ");
    stage_down(&s);
}

/* Says whom a change concerns, into the log: "map:n/OWNER". */
static void to_owner(void *user, tw_controller *controller, tw_object *object)
{
    (void)controller;
    say(user, "map", tw_object_namespace(object), tw_object_get_string(object, "owner"), 0);
}

static void put(struct stage *s, const char *owner, const char *rv, bool gone)
{
    tw_store *store = tw_informer_store(s->informer);
    tw_object *object = NULL;
    char text[256];

    snprintf(text, sizeof(text),
             "{\"owner\":\"%s\",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
             "\"resourceVersion\":\"%s\"}}",
             owner, rv);
    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    CHECK((gone ? tw_store_delete(store, object) : tw_store_update(store, object)) == TW_OK);
    tw_object_unref(object);
}

TEST(controller, maps_both_states_of_an_update_and_does_not_start_before_a_sync)
{
    struct stage s;
    tw_error *error = NULL;

    stage_up(&s, to_owner);
    put(&s, "x", "1", false);
    put(&s, "y", "2", false);
    put(&s, "y", "3", true);
    check_log(&s, "map:n/x:0 map:n/x:0 map:n/y:0 map:n/y:0 ");
    CHECK(tw_controller_start(s.controller, 1, &error) == TW_ERR_TIMEOUT);
    CHECK_TEXT(bytes_str(tw_error_message(error)), "an informer has not synced");
    tw_error_free(error);
    stage_down(&s);
}
