/* Follows the ConfigMaps of a server, until Enter. */
#include <stdio.h>
#include <tidewatch/tidewatch.h>

static void on_add(void *user, tw_object *object, bool initial)
{
    fprintf(user, "%s %s/%s\n", initial ? "found" : "added", tw_object_namespace(object),
            tw_object_name(object));
}

static void on_delete(void *user, tw_object *object, bool tombstone)
{
    fprintf(user, "%s %s/%s\n", tombstone ? "gone" : "deleted", tw_object_namespace(object),
            tw_object_name(object));
}

int main(void)
{
    const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    const tw_handler_options handler = {.on_add = on_add, .on_delete = on_delete, .user = stdout};
    tw_client *client = NULL;
    tw_informer *informer = NULL;
    tw_error *error = NULL;
    /* Lines from the first one on: the handlers write from the informer's thread. */
    bool failed = setvbuf(stdout, NULL, _IOLBF, 0) || tw_client_new(NULL, &client, &error) ||
                  tw_informer_new(client, &configmaps, NULL, &informer, &error) ||
                  tw_informer_add_handler(informer, &handler, NULL, &error) ||
                  tw_informer_start(informer, &error);

    failed ? fprintf(stderr, "%s\n", tw_error_message(error)) : getchar();
    tw_informer_free(informer);
    tw_client_unref(client);
    tw_error_free(error);
    return failed;
}
