/* Objects as the structs that protoc-c makes: typed URL launches a Boat, a custom resource, gives
 * it a longer deck, and lists all boats. */
#include <stdio.h>
#include <tidewatch/tidewatch.h>
#include <tidewatch/typed.h>

#include "boat.pb-c.h"

typedef Example__Com__V1__Boat boat;
typedef Example__Com__V1__BoatList boat_list;
typedef struct ProtobufCMessage message;

static const tw_resource boats = {"example.com", "v1", "boats", "Boat", true};

/* Generated fields are char *; nothing writes to them. */
#define TEXT(literal) ((char[]){literal})

static tw_status launch(tw_client *client, const tw_type *type, boat **ret_boat, tw_error **reterr)
{
    char *crew[] = {TEXT("ada"), TEXT("grace")};
    Example__Com__V1__BoatSpec spec = EXAMPLE__COM__V1__BOAT_SPEC__INIT;
    K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__ObjectMeta metadata =
        K8S__IO__APIMACHINERY__PKG__APIS__META__V1__OBJECT_META__INIT;
    boat new_boat = EXAMPLE__COM__V1__BOAT__INIT;

    metadata.name = TEXT("beagle");
    spec.captain = TEXT("robert");
    spec.crew = crew;
    spec.n_crew = 2;
    spec.has_lengthcm = true;
    spec.lengthcm = 2750;
    new_boat.metadata = &metadata;
    new_boat.spec = &spec;
    return tw_typed_create(client, &boats, "default", type, &new_boat.base, (message **)ret_boat,
                           reterr);
}

static tw_status play(tw_client *client, const tw_type *type, const tw_type *list_type,
                      tw_error **reterr)
{
    boat *launched = NULL, *longer = NULL;
    boat_list *all = NULL;
    tw_status st = launch(client, type, &launched, reterr);

    if (st == TW_OK) {
        launched->spec->lengthcm += 20;
        st = tw_typed_update(client, &boats, "default", launched->metadata->name, type,
                             &launched->base, (message **)&longer, reterr);
    }
    if (st == TW_OK)
        st = tw_typed_list(client, &boats, NULL, NULL, list_type, (message **)&all, reterr);
    for (size_t i = 0; all != NULL && i < all->n_items; i++)
        printf("%s: captain %s, crew of %zu, %.2f m\n", all->items[i]->metadata->name,
               all->items[i]->spec->captain, all->items[i]->spec->n_crew,
               (double)all->items[i]->spec->lengthcm / 100);
    tw_message_free((message *)launched);
    tw_message_free((message *)longer);
    tw_message_free((message *)all);
    return st;
}

int main(int argc, char **argv)
{
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_type *type = NULL, *list_type = NULL;
    tw_error *error = NULL;
    tw_status st = argc > 1 ? tw_config_from_url(argv[1], &config, &error)
                            : tw_config_default(&config, &error);

    if (st == TW_OK)
        st = tw_client_new(config, &client, &error);
    if (st == TW_OK)
        st = tw_type_new("example.com/v1", "Boat", &example__com__v1__boat__descriptor, &type,
                         &error);
    if (st == TW_OK)
        st = tw_type_new("example.com/v1", "BoatList", &example__com__v1__boat_list__descriptor,
                         &list_type, &error);
    if (st == TW_OK)
        st = play(client, type, list_type, &error);
    if (st != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    tw_type_free(type);
    tw_type_free(list_type);
    tw_client_unref(client);
    tw_config_free(config);
    tw_error_free(error);
    return st == TW_OK ? 0 : 1;
}
