/* Follows a resource: informer RESOURCE [NAMESPACE] */
#include <stdio.h>
#include <tidewatch/tidewatch.h>

static void on_add(void *user, tw_object *object, bool initial)
{
    printf("%s %s/%s\n", initial ? "found" : "added", tw_object_namespace(object),
           tw_object_name(object));
    fflush(user);
}

static void on_delete(void *user, tw_object *object, bool tombstone)
{
    printf("%s %s/%s\n", tombstone ? "gone" : "deleted", tw_object_namespace(object),
           tw_object_name(object));
    fflush(user);
}

int main(int argc, char **argv)
{
    tw_client *client = NULL;
    tw_discovery *discovery = NULL;
    const tw_resource_info *info = NULL;
    tw_informer *informer = NULL;
    tw_error *error = NULL;
    tw_informer_options options = {.ns = argc > 2 ? argv[2] : NULL};
    tw_handler_options handler = {.on_add = on_add, .on_delete = on_delete, .user = stdout};

    if (tw_client_new(NULL, &client, &error) || tw_discovery_new(client, &discovery, &error) ||
        tw_discovery_find(discovery, argc > 1 ? argv[1] : "pods", &info, &error) ||
        tw_informer_new(client, &info->resource, &options, &informer, &error) ||
        tw_informer_add_handler(informer, &handler, NULL, &error) ||
        tw_informer_start(informer, &error))
        fprintf(stderr, "%s\n", tw_error_message(error));
    else
        getchar(); /* until Enter, or the end of the input */
    tw_informer_free(informer);
    tw_discovery_free(discovery);
    tw_client_unref(client);
    int code = error != NULL;
    tw_error_free(error);
    return code;
}
