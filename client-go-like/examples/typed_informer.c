/* An informer whose handlers see the struct that protoc-c makes: typed_informer URL tells of each
 * Boat, a custom resource, until the end of its input. */
#include <stdio.h>
#include <tidewatch/tidewatch.h>
#include <tidewatch/typed.h>

#include "boat.pb-c.h"

static const tw_resource boats = {"example.com", "v1", "boats", "Boat", true};

/* What does not fit it is an error, not a crash: somebody else wrote it. */
static void tell(const char *what, const tw_type *type, const tw_object *object)
{
    Example__Com__V1__Boat *boat = NULL;
    tw_error *error = NULL;

    if (tw_type_decode(type, object, (struct ProtobufCMessage **)&boat, &error) != TW_OK)
        printf("%s %s: %s\n", what, tw_object_name(object), tw_error_message(error));
    else if (boat->spec != NULL)
        printf("%s %s: captain %s, crew of %zu, %.2f m\n", what, boat->metadata->name,
               boat->spec->captain, boat->spec->n_crew, (double)boat->spec->lengthcm / 100);
    fflush(stdout);
    tw_message_free((struct ProtobufCMessage *)boat);
    tw_error_free(error);
}

static void on_add(void *user, tw_object *object, bool initial)
{
    tell(initial ? "found" : "added", user, object);
}

static void on_update(void *user, tw_object *old_object, tw_object *object)
{
    (void)old_object;
    tell("changed", user, object);
}

int main(int argc, char **argv)
{
    tw_handler_options handler = {.on_add = on_add, .on_update = on_update};
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_type *type = NULL;
    tw_informer *informer = NULL;
    tw_error *error = NULL;
    tw_status st =
        tw_config_from_url(argc > 1 ? argv[1] : "http://127.0.0.1:8080", &config, &error);

    if (st == TW_OK)
        st = tw_client_new(config, &client, &error);
    if (st == TW_OK)
        st = tw_type_new("example.com/v1", "Boat", &example__com__v1__boat__descriptor, &type,
                         &error);
    handler.user = type;
    if (st == TW_OK)
        st = tw_informer_new(client, &boats, NULL, &informer, &error);
    if (st == TW_OK)
        st = tw_informer_add_handler(informer, &handler, NULL, &error);
    if (st == TW_OK)
        st = tw_informer_start(informer, &error);
    if (st == TW_OK)
        while (getchar() != EOF)
            ;
    else
        fprintf(stderr, "%s\n", tw_error_message(error));
    tw_informer_free(informer);
    tw_type_free(type);
    tw_client_unref(client);
    tw_config_free(config);
    tw_error_free(error);
    return st == TW_OK ? 0 : 1;
}
