#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include "client-go-like/fail.h"

#define CM(name, rv)                                                                               \
    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name                 \
    "\",\"resourceVersion\":\"" rv "\"}}"
#define PAGE(rv, token, items)                                                                     \
    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv    \
    "\",\"continue\":\"" token "\"},\"items\":[" items "]}"
#define FAILURE(code, reason)                                                                      \
    ANSWER_CODE(code, "{\"kind\":\"Status\",\"reason\":\"" reason "\",\"code\":" #code "}")

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

struct setting {
    struct fake_server *server;
    tw_client *client;
};

static struct setting set_up(const struct fake_step *steps, size_t count)
{
    struct setting s = {.server = fake_start(steps, count, 0)};
    tw_config *config = NULL;

    CHECK(tw_config_from_url(s.server->url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &s.client, NULL) == TW_OK);
    tw_config_free(config);
    return s;
}

static void tear_down(struct setting *s)
{
    tw_client_unref(s->client);
    fake_stop(s->server);
}

static bool has_body(const struct setting *s, size_t index, const char *body)
{
    const char *at = strstr(s->server->requests[index], "\r\n\r\n");

    if (strcmp(at + 4, body) != 0)
        fprintf(stderr, "the body is %s\n", at + 4);
    return strcmp(at + 4, body) == 0;
}

TEST(verbs, say_their_options_to_the_server)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER("{}"), ANSWER("{}"), ANSWER("{}"),
                                             ANSWER("{}")};
    static const tw_get_options get = {"scale", "7"};
    static const tw_write_options status = {"status", "me", "Strict", true, true};
    static const tw_write_options forced = {.force = true};
    struct setting s = set_up(steps, ARRAY_LEN(steps));
    tw_edit *edit = tw_edit_new_object("v1", "ConfigMap", "n", "a");
    tw_object *object = NULL;

    CHECK(tw_edit_finish(edit, &object, NULL) == TW_OK);
    CHECK(tw_get_with(s.client, &configmaps, "n", "a", &get, NULL, NULL) == TW_OK);
    CHECK(tw_update_with(s.client, &configmaps, NULL, object, &status, NULL, NULL) == TW_OK);
    CHECK(tw_create_with(s.client, &configmaps, NULL, object, &status, NULL, NULL) == TW_OK);
    CHECK(tw_patch_with(s.client, &configmaps, "n", "a", TW_PATCH_JSON, "[]", 2, &status, NULL,
                        NULL) == TW_OK);
    CHECK(tw_apply(s.client, &configmaps, NULL, object, &forced, NULL, NULL) == TW_OK);
    CHECK(
        fake_asked(s.server, 0, "GET /api/v1/namespaces/n/configmaps/a/scale?resourceVersion=7 "));
#define SAID "a/status?dryRun=All&fieldManager=me&fieldValidation=Strict "
    CHECK(fake_asked(s.server, 1, "PUT /api/v1/namespaces/n/configmaps/" SAID));
    CHECK(fake_asked(s.server, 2, "POST /api/v1/namespaces/n/configmaps/" SAID));
    CHECK(fake_asked(s.server, 3, "PATCH /api/v1/namespaces/n/configmaps/" SAID));
    CHECK(fake_asked(s.server, 4,
                     "PATCH /api/v1/namespaces/n/configmaps/a?fieldManager=tidewatch&force=true "));
    CHECK(has_body(&s, 4, tw_object_json(object)));
    tw_object_unref(object);
    tear_down(&s);
}

TEST(verbs, deletions_say_how_and_of_what)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER("{}"), ANSWER("{}")};
    static const int64_t now = 0;
    static const tw_delete_options options = {"Foreground", &now, "u", "5", true};
    static const tw_list_options which = {.label_selector = "a=b"};
    struct setting s = set_up(steps, ARRAY_LEN(steps));

    CHECK(tw_delete_with(s.client, &configmaps, "n", "a", &options, NULL, NULL) == TW_OK);
    CHECK(tw_delete(s.client, &configmaps, "n", "a", NULL, NULL) == TW_OK);
    CHECK(tw_delete_collection(s.client, &configmaps, "n", &which, NULL, NULL) == TW_OK);
    CHECK(tw_delete(s.client, &configmaps, "n", "", NULL, NULL) == TW_ERR_ARGUMENT);
    CHECK(has_body(&s, 0,
                   "{\"propagationPolicy\":\"Foreground\",\"gracePeriodSeconds\":0,"
                   "\"preconditions\":{\"uid\":\"u\",\"resourceVersion\":\"5\"},"
                   "\"dryRun\":[\"All\"]}"));
    CHECK(has_body(&s, 1, "{\"propagationPolicy\":\"Background\"}"));
    CHECK(fake_asked(s.server, 2, "DELETE /api/v1/namespaces/n/configmaps?labelSelector=a%3Db "));
    tear_down(&s);
}

TEST(verbs, a_path_is_written_as_far_as_there_is_room)
{
    char path[64], tight[8];

    CHECK_INT(tw_resource_path(&configmaps, "n", "a b", "status", path, sizeof(path)), 44);
    CHECK_TEXT(bytes_str(path), "/api/v1/namespaces/n/configmaps/a%20b/status");
    CHECK_INT(tw_resource_path(&configmaps, NULL, NULL, NULL, tight, sizeof(tight)), 18);
    CHECK_TEXT(bytes_str(tight), "/api/v1");
}

/* ---- pager ---- */

struct reader {
    char names[64];
    int restarts;
    tw_status after_one; /* what to return from the first object on */
};

static tw_status read_name(void *user, tw_object *object)
{
    struct reader *r = user;

    strcat(r->names, tw_object_name(object));
    return r->after_one;
}

static void restart(void *user)
{
    struct reader *r = user;

    r->names[0] = '\0';
    r->restarts++;
}

TEST(pager, gives_the_objects_of_every_page_in_order)
{
    static const struct fake_step steps[] = {
        ANSWER(PAGE("9", "t/1", CM("a", "1") "," CM("b", "2"))),
        ANSWER(PAGE("9", "", CM("c", "3")))};
    static const tw_list_options options = {.label_selector = "x", .resource_version = "0"};
    struct setting s = set_up(steps, 2);
    struct reader reader = {.restarts = 0};
    tw_each each = {.on_object = read_name, .user = &reader};

    CHECK(tw_list_each(s.client, &configmaps, NULL, &options, &each, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(reader.names), "abc");
    CHECK_TEXT(bytes_str(each.resource_version), "9");
    CHECK(fake_asked(s.server, 0, "?labelSelector=x&resourceVersion=0&limit=500 "));
    CHECK(fake_asked(s.server, 1, "?labelSelector=x&continue=t%2F1&limit=500 "));
    tear_down(&s);
}

TEST(pager, starts_over_in_one_piece_when_a_page_has_expired)
{
    static const struct fake_step steps[] = {
        ANSWER(PAGE("9", "t", CM("a", "1"))), FAILURE(410, "Expired"),
        ANSWER(PAGE("12", "", CM("a", "1") "," CM("d", "11")))};
    struct setting s = set_up(steps, 3);
    struct reader reader = {.restarts = 0};
    tw_each each = {.on_object = read_name, .on_restart = restart, .user = &reader};

    CHECK(tw_list_each(s.client, &configmaps, NULL, NULL, &each, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(reader.names), "ad");
    CHECK_INT(reader.restarts, 1);
    CHECK_TEXT(bytes_str(each.resource_version), "12");
    CHECK(fake_asked(s.server, 2, "GET /api/v1/configmaps "));
    tear_down(&s);
}

TEST(pager, without_a_way_to_start_over_an_expired_page_is_the_error)
{
    static const struct fake_step steps[] = {ANSWER(PAGE("9", "t", CM("a", "1"))),
                                             FAILURE(410, "Expired"), FAILURE(410, "Expired")};
    struct setting s = set_up(steps, 3);
    struct reader reader = {.restarts = 0};
    tw_each each = {.on_object = read_name, .user = &reader};
    tw_error *error = NULL;

    CHECK(tw_list_each(s.client, &configmaps, NULL, NULL, &each, &error) == TW_ERR_SERVER);
    CHECK_INT(tw_error_code(error), 410);
    tw_error_free(error);
    each.on_restart = restart; /* an expired first page is no reason to try the same again */
    CHECK(tw_list_each(s.client, &configmaps, NULL, NULL, &each, NULL) == TW_ERR_SERVER);
    CHECK_INT(s.server->request_count, 3);
    tear_down(&s);
}

TEST(pager, ends_when_its_reader_has_enough)
{
    static const struct fake_step steps[] = {ANSWER(PAGE("9", "t", CM("a", "1") "," CM("b", "2"))),
                                             ANSWER(PAGE("9", "t", CM("a", "1")))};
    struct setting s = set_up(steps, 2);
    struct reader reader = {.after_one = TW_END};
    tw_each each = {.on_object = read_name, .user = &reader};

    CHECK(tw_list_each(s.client, &configmaps, NULL, NULL, &each, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(reader.names), "a");
    reader.after_one = TW_ERR_STOPPED;
    CHECK(tw_list_each(s.client, &configmaps, NULL, NULL, &each, NULL) == TW_ERR_STOPPED);
    tear_down(&s);
}

TEST(pager, makes_one_list_of_all_pages)
{
    static const struct fake_step steps[] = {
        ANSWER(PAGE("9", "t", CM("a", "1"))), FAILURE(410, "Expired"),
        ANSWER(PAGE("12", "", CM("a", "1") "," CM("d", "11")))};
    struct setting s = set_up(steps, 3);
    tw_list *list = NULL;

    CHECK(tw_list_all(s.client, &configmaps, NULL, NULL, &list, NULL) == TW_OK);
    CHECK_INT(tw_list_count(list), 2);
    CHECK_TEXT(bytes_str(tw_object_name(tw_list_at(list, 1))), "d");
    CHECK_TEXT(bytes_str(tw_list_resource_version(list)), "12");
    tw_list_free(list);
    tear_down(&s);
}

/* ---- retry ---- */

static tw_status add_label(void *user, const tw_object *now, tw_object **ret_changed,
                           tw_error **reterr)
{
    tw_edit *edit;

    if (user != NULL)
        return TW_OK; /* nothing to do */
    edit = tw_edit_new(now);
    tw_edit_set_label(edit, "k", "v");
    return tw_edit_finish(edit, ret_changed, reterr);
}

TEST(retry, reads_again_and_writes_again_after_a_conflict)
{
    static const struct fake_step steps[] = {ANSWER(CM("a", "1")), FAILURE(409, "Conflict"),
                                             ANSWER(CM("a", "2")), ANSWER(CM("a", "3")),
                                             ANSWER(CM("a", "3")), ANSWER(CM("a", "3"))};
    static const tw_write_options status = {.subresource = "status"};
    struct setting s = set_up(steps, 6);
    tw_object *object = NULL;

    CHECK(tw_modify(s.client, &configmaps, "n", "a", add_label, NULL, &status, &object, NULL) ==
          TW_OK);
    CHECK_TEXT(bytes_str(tw_object_resource_version(object)), "3");
    tw_object_unref(object);
    CHECK(fake_asked(s.server, 2, "GET /api/v1/namespaces/n/configmaps/a/status "));
    CHECK(fake_asked(s.server, 3, "PUT /api/v1/namespaces/n/configmaps/a/status "));
    CHECK(has_body(&s, 3,
                   "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
                   "\"a\",\"resourceVersion\":\"2\",\"labels\":{\"k\":\"v\"}}}"));
    CHECK(tw_modify(s.client, &configmaps, "n", "a", add_label, "idle", NULL, &object, NULL) ==
          TW_OK);
    CHECK_INT(s.server->request_count, 5); /* there was nothing to write */
    tw_object_unref(object);
    tear_down(&s);
}

TEST(retry, gives_up_after_five_conflicts_and_at_once_on_anything_else)
{
    static const struct fake_step steps[] = {
        FAILURE(409, "Conflict"), FAILURE(409, "Conflict"), FAILURE(409, "Conflict"),
        FAILURE(409, "Conflict"), FAILURE(409, "Conflict"), FAILURE(409, "AlreadyExists")};
    struct setting s = set_up(steps, 6);
    tw_error *error = NULL;

    CHECK(tw_modify(s.client, &configmaps, "n", "a", add_label, NULL, NULL, NULL, &error) ==
          TW_ERR_SERVER);
    CHECK_TEXT(bytes_str(tw_error_reason(error)), "Conflict");
    CHECK_INT(s.server->request_count, 5);
    CHECK(tw_modify(s.client, &configmaps, "n", "a", add_label, NULL, NULL, NULL, &error) ==
          TW_ERR_SERVER);
    CHECK_TEXT(bytes_str(tw_error_reason(error)), "AlreadyExists");
    tw_error_free(error);
    tear_down(&s);
}

/* ---- patch ---- */

static void patches(const char *last, const char *wanted, const char *now, const char *patch)
{
    const char *const texts[] = {last, wanted, now};
    tw_object *objects[3] = {NULL}, *made = NULL;

    for (size_t i = 0; i < 3; i++)
        CHECK(texts[i] == NULL ||
              tw_object_from_json(texts[i], strlen(texts[i]), &objects[i], NULL) == TW_OK);
    if (now != NULL)
        CHECK(tw_merge_patch_three(objects[0], objects[1], objects[2], &made, NULL) == TW_OK);
    else
        CHECK(tw_merge_patch(objects[0], objects[1], &made, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_object_json(made)), patch);
    tw_object_unref(made);
    for (size_t i = 0; i < 3; i++)
        tw_object_unref(objects[i]);
}

TEST(patch, is_what_turns_one_object_into_another)
{
    patches("{\"a\":1,\"b\":{\"c\":1,\"d\":2},\"l\":[1]}", "{\"a\":1,\"b\":{\"c\":3},\"l\":[2]}",
            NULL, "{\"b\":{\"c\":3,\"d\":null},\"l\":[2]}");
    patches("{\"a\":1}", "{\"a\":1}", NULL, "{}");
}

TEST(patch, of_three_leaves_alone_what_others_have_set)
{
    patches("{\"a\":1,\"gone\":1}", "{\"a\":2}", "{\"a\":1,\"gone\":1,\"other\":1}",
            "{\"a\":2,\"gone\":null}");
    patches(NULL, "{\"a\":2}", "{\"a\":1,\"other\":1}", "{\"a\":2}");
}
