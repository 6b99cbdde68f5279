/*
 * follow - the client under the fault proxy (tests/scenario/test_faults.py): a reflector of the
 * ConfigMaps of a namespace, whose every change is checked as it comes.
 *
 *   follow URL|KUBECONFIG json|protobuf http1|http2|websocket [default|list]
 *   stdin "until RV"  -->  stdout, once the store is as new: one line of JSON; end of input ends it
 *
 * Bounds   scaled down, so that a thousand faults take minutes; with `default` the library's.
 * List     with `list` there is no streaming list: LIST, and then WATCH.
 * Order    per object: added before it is updated or deleted, each version newer than the last.
 * Waits    between two signs of life of the reflector (a metric, a status, a change): the longest.
 */
#include <tidewatch/tidewatch.h>

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"

enum { PATIENCE_MS = 60 * 1000, LOOK_MS = 50, STATES = TW_REFLECTOR_GONE + 1 };

static const tw_bounds short_bounds = {
    .connect_ms = 800,
    .first_byte_ms = 500,
    .idle_ms = 300,
    .idle_max_ms = 1000,
    .backoff_ms = 4,
    .backoff_max_ms = 60,
    .internal_error_ms = 100,
};

struct seen { /* of one name */
    char key[256];
    uint64_t rev;
    bool present;
};

struct follow {
    pthread_mutex_t lock; /* what follows: the reflector's thread writes */
    pthread_cond_t lives;
    struct map seen;
    uint64_t changes, wrong;
    char first_wrong[512];
    uint64_t life_ms, longest_ms;
    uint64_t metrics[TW_METRIC_COUNT], states[STATES];
};

static void sign_of_life(struct follow *f)
{
    uint64_t now = clock_monotonic_ms();

    if (f->life_ms != 0 && now - f->life_ms > f->longest_ms)
        f->longest_ms = now - f->life_ms;
    f->life_ms = now;
    pthread_cond_signal(&f->lives);
}

static struct seen *seen_of(struct follow *f, const tw_object *object)
{
    char key[256];
    struct seen *seen;
    int len =
        snprintf(key, sizeof(key), "%s/%s", tw_object_namespace(object), tw_object_name(object));

    seen = map_get(&f->seen, bytes_of(key, (size_t)len));
    if (seen == NULL) {
        seen = calloc(1, sizeof(*seen));
        memcpy(seen->key, key, sizeof(key));
        if (!map_put(&f->seen, bytes_str(seen->key), seen))
            abort();
    }
    return seen;
}

static const char *fault_of(const struct seen *seen, const tw_change *change, uint64_t rev)
{
    switch (change->type) {
    case TW_CHANGE_ADDED:
        return seen->present      ? "added twice"
               : rev <= seen->rev ? "added with an old version"
                                  : NULL;
    case TW_CHANGE_UPDATED:
        return !seen->present     ? "updated before it was added"
               : rev <= seen->rev ? "updated to an old version"
                                  : NULL;
    case TW_CHANGE_DELETED:
        if (!seen->present)
            return "deleted before it was added";
        return change->tombstone  ? (rev != seen->rev ? "a tombstone of another version" : NULL)
               : rev <= seen->rev ? "deleted with an old version"
                                  : NULL;
    }
    return "no such change";
}

static void on_change(void *user, const tw_change *change)
{
    struct follow *f = user;
    uint64_t rev = strtoull(tw_object_resource_version(change->object), NULL, 10);
    struct seen *seen;
    const char *fault;

    pthread_mutex_lock(&f->lock);
    sign_of_life(f);
    f->changes++;
    seen = seen_of(f, change->object);
    fault = fault_of(seen, change, rev);
    if (fault != NULL && f->wrong++ == 0)
        snprintf(f->first_wrong, sizeof(f->first_wrong), "%s: %s at %llu, last %llu", seen->key,
                 fault, (unsigned long long)rev, (unsigned long long)seen->rev);
    seen->rev = rev;
    seen->present = change->type != TW_CHANGE_DELETED;
    pthread_mutex_unlock(&f->lock);
}

static void on_status(void *user, const tw_reflector_status *status)
{
    struct follow *f = user;

    pthread_mutex_lock(&f->lock);
    sign_of_life(f);
    f->states[status->state]++;
    pthread_mutex_unlock(&f->lock);
}

static void on_metric(void *user, tw_metric metric, uint64_t value)
{
    struct follow *f = user;

    pthread_mutex_lock(&f->lock);
    sign_of_life(f);
    f->metrics[metric] += value;
    pthread_mutex_unlock(&f->lock);
}

static void print_objects(tw_store *store)
{
    tw_list *list = NULL;

    if (tw_store_list(store, &list) != TW_OK)
        abort();
    for (size_t i = 0; i < tw_list_count(list); i++) {
        tw_object *object = tw_list_at(list, i);

        printf("%s\"%s\":[\"%s\",\"%s\"]", i != 0 ? "," : "", tw_object_name(object),
               tw_object_resource_version(object), tw_object_get_string(object, "data.v"));
    }
    tw_list_free(list);
}

/* In two parts: what the allocator holds is asked before the report itself allocates. */
static void report(struct follow *f, tw_store *store, const tw_reflector_status *status)
{
    size_t allocated = mallinfo2().uordblks;

    pthread_mutex_lock(&f->lock);
    printf("{\"allocated\":%zu,\"names\":%zu,\"changes\":%llu,\"wrong\":%llu,\"firstWrong\":\"%s\","
           "\"longestMs\":%llu,\"rv\":\"%s\",\"state\":\"%s\",\"error\":\"%s\",\"states\":{",
           allocated, f->seen.count, (unsigned long long)f->changes, (unsigned long long)f->wrong,
           f->first_wrong, (unsigned long long)f->longest_ms, status->resource_version,
           tw_reflector_state_name(status->state), status->synced ? "" : "not synced");
    for (int i = 0; i < STATES; i++)
        printf("%s\"%s\":%llu", i != 0 ? "," : "", tw_reflector_state_name((tw_reflector_state)i),
               (unsigned long long)f->states[i]);
    printf("},\"metrics\":[");
    for (int i = 0; i < TW_METRIC_COUNT; i++)
        printf("%s%llu", i != 0 ? "," : "", (unsigned long long)f->metrics[i]);
    pthread_mutex_unlock(&f->lock);
    printf("],\"objects\":{");
    print_objects(store);
    printf("}}\n");
    fflush(stdout);
}

/* Until there is a sign of life, which may come just before what it is a sign of. */
static void look_again(struct follow *f)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&f->lock);
    pthread_cond_timedwait(&f->lives, &f->lock, &until);
    pthread_mutex_unlock(&f->lock);
}

/* False if the store is not as new as `rev` in time. */
static bool wait_until(struct follow *f, tw_reflector *reflector, uint64_t rev,
                       tw_reflector_status *ret_status)
{
    uint64_t until = clock_monotonic_ms() + PATIENCE_MS;

    do {
        tw_reflector_get_status(reflector, ret_status);
        if (ret_status->synced && strtoull(ret_status->resource_version, NULL, 10) >= rev)
            return true;
        look_again(f);
    } while (clock_monotonic_ms() < until);
    fprintf(stderr, "not at %llu in time: %s at %s: %s\n", (unsigned long long)rev,
            tw_reflector_state_name(ret_status->state), ret_status->resource_version,
            ret_status->error);
    return false;
}

static bool serve(struct follow *f, tw_reflector *reflector, tw_store *store)
{
    tw_reflector_status status;
    char line[64];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        uint64_t rev = strncmp(line, "until ", 6) == 0 ? strtoull(line + 6, NULL, 10) : 0;

        if (!wait_until(f, reflector, rev, &status))
            return false;
        report(f, store, &status);
    }
    return true;
}

static tw_reflector_options options_of(char **argv, struct follow *f)
{
    tw_reflector_options options = {.ns = "default", .user = f};

    if (argv[4] == NULL)
        options.bounds = short_bounds;
    options.list_first = argv[4] != NULL && strcmp(argv[4], "list") == 0;
    options.on_status = on_status;
    options.on_metric = on_metric;
    options.framing = strcmp(argv[2], "json") == 0 ? TW_FRAMING_JSON : TW_FRAMING_PROTOBUF;
    options.transport = strcmp(argv[3], "http1") == 0   ? TW_TRANSPORT_HTTP1
                        : strcmp(argv[3], "http2") == 0 ? TW_TRANSPORT_HTTP2
                                                        : TW_TRANSPORT_WEBSOCKET;
    return options;
}

int main(int argc, char **argv)
{
    static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    struct follow f = {.lock = PTHREAD_MUTEX_INITIALIZER, .lives = PTHREAD_COND_INITIALIZER};
    tw_reflector_options options;
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_store *store = NULL;
    tw_reflector *reflector = NULL;
    tw_error *error = NULL;
    bool ok;

    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: follow URL|KUBECONFIG json|protobuf http1|http2|websocket "
                        "[default|list]\n");
        return 2;
    }
    options = options_of(argv, &f);
    ok = (argv[1][0] == '/' ? tw_config_from_kubeconfig(argv[1], NULL, &config, &error)
                            : tw_config_from_url(argv[1], &config, &error)) == TW_OK &&
         tw_client_new(config, &client, &error) == TW_OK && tw_store_new(&store, &error) == TW_OK;
    if (ok) {
        tw_store_on_change(store, on_change, &f);
        ok = tw_reflector_new(client, &configmaps, &options, store, &reflector, &error) == TW_OK &&
             tw_reflector_start(reflector, &error) == TW_OK;
    }
    if (ok)
        ok = serve(&f, reflector, store);
    if (error != NULL)
        fprintf(stderr, "follow: %s\n", tw_error_message(error));
    tw_reflector_free(reflector);
    tw_store_free(store);
    tw_client_unref(client);
    tw_config_free(config);
    tw_error_free(error);
    for (struct map_slot *it = map_next(&f.seen, NULL); it != NULL; it = map_next(&f.seen, it))
        free(it->value);
    map_release(&f.seen);
    return ok ? 0 : 1;
}
