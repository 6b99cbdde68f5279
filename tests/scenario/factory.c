/* What test_one_connection.py runs: a factory's informers of the ConfigMaps of namespaces n0, n1
 * .., over HTTP/2. On standard output a line for each call of a handler, "I TYPE NAME OLD NEW". On
 * standard input: "hold I", the handler of I does not return any more, "go I", it does again;
 * "dump I" is answered by "state I NAME=RV ..", "status" by "status lists SUM relists SUM watches
 * LEAST"; "end".
 * factory COUNT [IDLE_MS [QUEUE_MAX]] */
#include <stdlib.h>
#include <string.h>

#include "lines.h"

enum { INFORMERS_MAX = 16, PATIENCE_MS = 120 * 1000 };

struct one {
    struct teller teller;
    char number[16], ns[16];
    tw_informer *informer;
};

static struct one all[INFORMERS_MAX];

static void print_status(int count)
{
    unsigned long long lists = 0, relists = 0, watches = ~0ull;

    for (int i = 0; i < count; i++) {
        tw_reflector_status status;

        tw_informer_get_status(all[i].informer, &status);
        lists += status.lists;
        relists += status.relists;
        watches = status.watches < watches ? status.watches : watches;
    }
    print_line("status lists %llu relists %llu watches %llu", lists, relists, watches);
}

static void dump(const struct one *one)
{
    char state[32];

    snprintf(state, sizeof(state), "state %s", one->number);
    print_state(state, one->informer);
}

static void serve(int count)
{
    char word[16];
    int i = 0;

    while (scanf("%15s", word) == 1 && strcmp(word, "end") != 0) {
        if (strcmp(word, "status") == 0) {
            print_status(count);
            continue;
        }
        if (scanf("%d", &i) != 1 || i < 0 || i >= count)
            return;
        if (strcmp(word, "dump") == 0)
            dump(&all[i]);
        else
            hold(&all[i].teller, strcmp(word, "hold") == 0);
    }
}

static tw_status add(tw_factory *factory, int i, unsigned idle_ms, size_t queue_max,
                     tw_error **reterr)
{
    static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    struct one *one = &all[i];
    tw_informer_options options = {
        .ns = one->ns, .transport = TW_TRANSPORT_HTTP2, .list_first = i % 2 != 0};
    tw_handler_options handler = printing_handler(&one->teller);
    tw_status st;

    handler.queue_max = queue_max;
    one->teller.who = one->number;
    snprintf(one->number, sizeof(one->number), "%d", i);
    snprintf(one->ns, sizeof(one->ns), "n%d", i);
    if (idle_ms != 0)
        options.bounds = (tw_bounds){.idle_ms = idle_ms,
                                     .idle_max_ms = idle_ms,
                                     .first_byte_ms = idle_ms,
                                     .backoff_ms = 4,
                                     .backoff_max_ms = 60};
    st = tw_factory_informer(factory, &configmaps, &options, &one->informer, reterr);
    return st == TW_OK ? tw_informer_add_handler(one->informer, &handler, NULL, reterr) : st;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1;
    unsigned idle_ms = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    size_t queue_max = argc > 3 ? (size_t)atoi(argv[3]) : 0;
    tw_client *client = NULL;
    tw_factory *factory = NULL;
    tw_error *error = NULL;
    tw_status st = tw_client_new(NULL, &client, &error);

    if (st == TW_OK)
        st = tw_factory_new(client, &factory, &error);
    for (int i = 0; i < count && i < INFORMERS_MAX && st == TW_OK; i++)
        st = add(factory, i, idle_ms, queue_max, &error);
    if (st == TW_OK)
        st = tw_factory_start(factory, &error);
    if (st == TW_OK)
        st = tw_factory_wait_synced(factory, PATIENCE_MS);
    if (st == TW_OK) {
        print_line("synced");
        serve(count);
    } else {
        fprintf(stderr, "%s: %s\n", tw_status_name(st), tw_error_message(error));
    }
    for (int i = 0; i < count; i++)
        hold(&all[i].teller, false);
    tw_factory_free(factory);
    tw_client_unref(client);
    tw_error_free(error);
    return st == TW_OK ? 0 : 1;
}
