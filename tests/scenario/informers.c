/* What test_informers.py runs: factory informers of one resource, with a file. On standard output a
 * line for each call of a handler, "HANDLER TYPE NAME OLD NEW"; "dump" on standard input is
 * answered by "state NAME=RV .." of the cache, "end" ends it.
 * informers CACHE_FILE|- [json|protobuf http1|http2|websocket] */
#include <string.h>

#include "lines.h"

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

static void add(tw_informer *informer, struct teller *teller)
{
    tw_handler_options options = printing_handler(teller);

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
    static struct teller early = {.who = "early"}, late = {.who = "late"};
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
    add(informer, &early);
    if (tw_factory_start(factory, &error) || tw_factory_wait_synced(factory, 120000))
        return fprintf(stderr, "not synced\n"), 1;
    tw_informer_get_file_status(informer, &file);
    print_line("synced %s", file.loaded ? "from-file" : "from-server");
    while (scanf("%63s", word) == 1 && strcmp(word, "end") != 0) {
        if (strcmp(word, "dump") == 0)
            print_state("state", informer);
        else if (strcmp(word, "join") == 0)
            add(informer, &late);
        else if (strcmp(word, "lists") == 0) {
            tw_informer_get_status(informer, &status);
            tw_informer_get_file_status(informer, &file);
            print_line("lists %llu snapshots %llu %s", (unsigned long long)status.lists,
                       (unsigned long long)file.snapshots, file.error);
        }
    }
    tw_factory_free(factory);
    tw_client_unref(client);
    return 0;
}
