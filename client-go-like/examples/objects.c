/* Objects of a kind the program knows nothing of at compile time: objects URL makes three
 * ConfigMaps, changes one while others may too, patches one, reads them in pages, and deletes them
 * by their label. */
#include <stdio.h>
#include <string.h>
#include <tidewatch/tidewatch.h>

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

static tw_status create(tw_client *client, const char *name, tw_error **reterr)
{
    tw_edit *edit = tw_edit_new_object("v1", "ConfigMap", "default", name);
    tw_object *object = NULL;
    tw_status st;

    tw_edit_set_label(edit, "example", "objects");
    tw_edit_set_string(edit, "data.state", "new");
    st = tw_edit_finish(edit, &object, reterr);
    if (st == TW_OK)
        st = tw_create(client, &configmaps, NULL, object, NULL, reterr);
    tw_object_unref(object);
    return st;
}

/* Run again if somebody else has written meanwhile. */
static tw_status make_old(void *user, const tw_object *now, tw_object **ret_changed,
                          tw_error **reterr)
{
    tw_edit *edit = tw_edit_new(now);

    (void)user;
    tw_edit_set_string(edit, "data.state", "old");
    return tw_edit_finish(edit, ret_changed, reterr);
}

/* Only the difference goes over the wire. */
static tw_status paint(tw_client *client, const char *name, tw_error **reterr)
{
    tw_object *now = NULL, *wanted = NULL, *patch = NULL;
    tw_edit *edit;
    tw_status st = tw_get(client, &configmaps, "default", name, &now, reterr);

    if (st == TW_OK) {
        edit = tw_edit_new(now);
        tw_edit_set_string(edit, "data.color", "blue");
        st = tw_edit_finish(edit, &wanted, reterr);
    }
    if (st == TW_OK)
        st = tw_merge_patch(now, wanted, &patch, reterr);
    if (st == TW_OK)
        st = tw_patch(client, &configmaps, "default", name, TW_PATCH_MERGE, tw_object_json(patch),
                      strlen(tw_object_json(patch)), NULL, reterr);
    tw_object_unref(patch);
    tw_object_unref(wanted);
    tw_object_unref(now);
    return st;
}

static tw_status print(void *user, tw_object *object)
{
    tw_iter it = {0};

    (void)user;
    printf("%s:", tw_object_name(object));
    while (tw_value_next(tw_object_at(object, "data"), &it))
        printf(" %s=%s", it.key, tw_value_string(it.value));
    printf("\n");
    return TW_OK;
}

static tw_status play(tw_client *client, tw_error **reterr)
{
    static const char *const names[] = {"objects-a", "objects-b", "objects-c"};
    const tw_list_options ours = {.label_selector = "example=objects"};
    const tw_list_options two_a_page = {.label_selector = ours.label_selector, .limit = 2};
    tw_each each = {.on_object = print};
    tw_status st = TW_OK;

    for (int i = 0; i < 3 && st == TW_OK; i++)
        st = create(client, names[i], reterr);
    if (st == TW_OK)
        st =
            tw_modify(client, &configmaps, "default", names[1], make_old, NULL, NULL, NULL, reterr);
    if (st == TW_OK)
        st = paint(client, names[2], reterr);
    if (st == TW_OK)
        st = tw_list_each(client, &configmaps, "default", &two_a_page, &each, reterr);
    if (st == TW_OK)
        st = tw_delete_collection(client, &configmaps, "default", &ours, NULL, reterr);
    return st;
}

int main(int argc, char **argv)
{
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_error *error = NULL;
    tw_status st = argc > 1 ? tw_config_from_url(argv[1], &config, &error)
                            : tw_config_default(&config, &error);

    if (st == TW_OK)
        st = tw_client_new(config, &client, &error);
    if (st == TW_OK)
        st = play(client, &error);
    if (st != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    tw_client_unref(client);
    tw_config_free(config);
    tw_error_free(error);
    return st == TW_OK ? 0 : 1;
}
