/* Prints every change of a resource: watch RESOURCE [NAMESPACE] */
#include <stdio.h>
#include <tidewatch/tidewatch.h>

int main(int argc, char **argv)
{
    static const char *const words[] = {"added", "updated", "deleted"};
    tw_client *client = NULL;
    tw_discovery *discovery = NULL;
    const tw_resource_info *info = NULL;
    tw_store *store = NULL;
    tw_channel *changes = NULL;
    tw_reflector *reflector = NULL;
    tw_error *error = NULL;
    tw_reflector_options options = {.ns = argc > 2 ? argv[2] : NULL};
    if (tw_client_new(NULL, &client, &error) || tw_discovery_new(client, &discovery, &error) ||
        tw_discovery_find(discovery, argc > 1 ? argv[1] : "pods", &info, &error) ||
        tw_channel_new(100, &changes, &error) || tw_store_new(&store, &error) ||
        tw_reflector_new(client, &info->resource, &options, store, &reflector, &error))
        return fprintf(stderr, "%s\n", tw_error_message(error)), 1;
    tw_store_deliver_to(store, changes);
    tw_reflector_start(reflector, NULL);
    for (tw_change c; tw_channel_next(changes, 1u << 30, &c) != TW_END; tw_change_release(&c))
        printf("%s %s\n", words[c.type], tw_object_name(c.object)), fflush(stdout);
}
