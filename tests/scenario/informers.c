/* What test_informers.py runs: factory informers of one resource, with a file. On standard output a
 * line for each call of a handler, "HANDLER TYPE NAME OLD NEW"; "dump" on standard input is
 * answered by "state NAME=RV .." of the cache, "end" ends it.
 * informers CACHE_FILE|- [json|protobuf http1|http2|websocket] */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <tidewatch/tidewatch.h>

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void line(const char *handler, const char *type, const tw_object *old, const tw_object *now)
{
    pthread_mutex_lock(&output);
    printf("%s %s %s %s %s\n", handler, type, tw_object_name(now),
           old != NULL ? tw_object_resource_version(old) : "-", tw_object_resource_version(now));
    fflush(stdout);
    pthread_mutex_unlock(&output);
}

static void on_add(void *user, tw_object *object, bool initial)
{
    line(user, initial ? "found" : "added", NULL, object);
}

static void on_update(void *user, tw_object *old, tw_object *object)
{
    line(user, "updated", old, object);
}

static void on_delete(void *user, tw_object *object, bool tombstone)
{
    line(user, tombstone ? "gone" : "deleted", NULL, object);
}

static bool print_object(void *user, tw_object *object)
{
    (void)user;
    printf(" %s=%s", tw_object_name(object), tw_object_resource_version(object));
    return true;
}

static void dump(tw_informer *informer)
{
    tw_snapshot *snapshot = tw_store_snapshot(tw_informer_store(informer));

    pthread_mutex_lock(&output);
    printf("state");
    tw_snapshot_each(snapshot, NULL, NULL, print_object, NULL);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&output);
    tw_snapshot_release(snapshot);
}

static void add(tw_informer *informer, const char *name)
{
    tw_handler_options options = {on_add, on_update, on_delete, (void *)(uintptr_t)name, 0, 0};

    if (tw_informer_add_handler(informer, &options, NULL, NULL) != TW_OK)
        fprintf(stderr, "no memory\n");
}

static tw_informer_options options_of(int argc, char **argv)
{
    static const struct {
        const char *name;
        tw_transport transport;
    } transports[] = {{"http1", TW_TRANSPORT_HTTP1},
                      {"http2", TW_TRANSPORT_HTTP2},
                      {"websocket", TW_TRANSPORT_WEBSOCKET}};
    tw_informer_options options = {.ns = "default"};

    if (argc > 1 && strcmp(argv[1], "-") != 0)
        options.cache_file = argv[1];
    if (argc > 3 && strcmp(argv[2], "protobuf") == 0)
        options.framing = TW_FRAMING_PROTOBUF;
    for (size_t i = 0; argc > 3 && i < sizeof(transports) / sizeof(transports[0]); i++)
        if (strcmp(argv[3], transports[i].name) == 0)
            options.transport = transports[i].transport;
    return options;
}

int main(int argc, char **argv)
{
    tw_client *client = NULL;
    tw_factory *factory = NULL;
    tw_informer *informer = NULL;
    tw_informer_file_status file;
    tw_reflector_status status;
    tw_error *error = NULL;
    tw_informer_options options = options_of(argc, argv);
    char word[64];

    if (tw_client_new(NULL, &client, &error) || tw_factory_new(client, &factory, &error) ||
        tw_factory_informer(factory, &configmaps, &options, &informer, &error))
        return fprintf(stderr, "%s\n", tw_error_message(error)), 1;
    add(informer, "early");
    if (tw_factory_start(factory, &error) || tw_factory_wait_synced(factory, 120000))
        return fprintf(stderr, "not synced\n"), 1;
    tw_informer_get_file_status(informer, &file);
    pthread_mutex_lock(&output);
    printf("synced %s\n", file.loaded ? "from-file" : "from-server");
    fflush(stdout);
    pthread_mutex_unlock(&output);
    while (scanf("%63s", word) == 1 && strcmp(word, "end") != 0) {
        if (strcmp(word, "dump") == 0)
            dump(informer);
        else if (strcmp(word, "join") == 0)
            add(informer, "late");
        else if (strcmp(word, "lists") == 0) {
            tw_informer_get_status(informer, &status);
            tw_informer_get_file_status(informer, &file);
            pthread_mutex_lock(&output);
            printf("lists %llu snapshots %llu %s\n", (unsigned long long)status.lists,
                   (unsigned long long)file.snapshots, file.error);
            fflush(stdout);
            pthread_mutex_unlock(&output);
        }
    }
    tw_factory_free(factory);
    tw_client_unref(client);
    return 0;
}
