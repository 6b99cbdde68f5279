#include "unit/test.h"

#include <tidewatch/tidewatch.h>

#include "client-go-like/fail.h"

static tw_object *read_object(const char *text)
{
    tw_object *object = NULL;

    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    return object;
}

static void finishes_as(tw_edit *edit, const char *json)
{
    tw_object *object = NULL;
    tw_error *error = NULL;

    if (tw_edit_finish(edit, &object, &error) != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    CHECK(object != NULL);
    CHECK_TEXT(bytes_str(tw_object_json(object)), json);
    tw_object_unref(object);
    tw_error_free(error);
}

TEST(edit, makes_an_object_and_all_that_is_missing_on_the_way)
{
    tw_edit *edit = tw_edit_new_object("v1", "Pod", "n", "a");

    tw_edit_set_string(edit, "spec.containers[0].image", "x:1");
    tw_edit_set_int(edit, "spec.containers[0].ports[0].port", 80);
    tw_edit_set_string(edit, "spec.containers[1].image", "y");
    tw_edit_set_bool(edit, "spec.hostNetwork", true);
    tw_edit_set_json(edit, "spec.nodeSelector", "{\"a\": 1.50}", 11);
    tw_edit_set_string(edit, "metadata.annotations.a\\.b/c", "d");
    tw_edit_set_label(edit, "app.kubernetes.io/name", "web");
    finishes_as(
        edit, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"namespace\":"
              "\"n\",\"annotations\":{\"a.b/c\":\"d\"},\"labels\":{\"app.kubernetes.io/name\":"
              "\"web\"}},\"spec\":{\"containers\":[{\"image\":\"x:1\",\"ports\":[{\"port\":80}]},"
              "{\"image\":\"y\"}],\"hostNetwork\":true,\"nodeSelector\":{\"a\":1.50}}}");
}

TEST(edit, leaves_the_old_object_as_it_was)
{
    static const char text[] = "{\"metadata\":{\"name\":\"a\",\"labels\":{\"k\":\"v\"}},\"n\":null,"
                               "\"list\":[1,2,3]}";
    tw_object *old = read_object(text);
    tw_edit *edit = tw_edit_new(old);

    tw_edit_set_value(edit, "copy", tw_object_at(old, "metadata.labels"));
    tw_edit_remove(edit, "list[1]");
    tw_edit_set_int(edit, "list[0]", 9);
    tw_edit_set_string(edit, "n.deeper", "x"); /* null is as good as absent */
    tw_edit_remove(edit, "metadata.name");
    tw_edit_remove(edit, "no.such.thing[7]");
    tw_edit_set_label(edit, "k", NULL);
    tw_edit_set_annotation(edit, "none", NULL);
    finishes_as(edit, "{\"metadata\":{\"labels\":{}},\"n\":{\"deeper\":\"x\"},\"list\":[9,3],"
                      "\"copy\":{\"k\":\"v\"}}");
    CHECK_TEXT(bytes_str(tw_object_json(old)), text);
    tw_object_unref(old);
}

static void refuses(const char *path, const char *words)
{
    tw_object *old = read_object("{\"a\":{\"b\":1},\"list\":[1]}"), *object = NULL;
    tw_edit *edit = tw_edit_new(old);
    tw_error *error = NULL;

    tw_edit_set_int(edit, path, 5);
    tw_edit_set_int(edit, "fine", 5);
    CHECK(tw_edit_finish(edit, &object, &error) == TW_ERR_ARGUMENT && object == NULL);
    CHECK_TEXT(bytes_str(tw_error_message(error)), words);
    tw_error_free(error);
    tw_object_unref(old);
}

TEST(edit, tells_the_first_thing_that_went_wrong)
{
    tw_edit *edit;
    tw_error *error = NULL;

    refuses("", " is not a path");
    refuses("a[", "a[ is not a path");
    refuses("list[x]", "list[x] is not a path");
    refuses("a.b.c", "cannot set a.b.c: at a.b is of type number");
    refuses("a[0]", "cannot set a[0]: at a is of type object");
    refuses("list.x", "cannot set list.x: the array has 1 items");
    refuses("list[2]", "cannot set list[2]: the array has 1 items");
    edit = tw_edit_new(NULL);
    tw_edit_set_json(edit, "a", "{]", 2);
    tw_edit_set_int(edit, "", 1);
    CHECK(tw_edit_finish(edit, NULL, &error) == TW_ERR_ARGUMENT);
    CHECK(strncmp(tw_error_message(error), "a: ", 3) == 0);
    tw_error_free(error);
    tw_edit_set_int(NULL, "a", 1); /* there was no memory: told at the end */
    CHECK(tw_edit_finish(NULL, NULL, NULL) == TW_ERR_NO_MEMORY);
    tw_edit_free(NULL);
}

TEST(value, walks_objects_and_arrays_in_their_order)
{
    tw_object *object = read_object("{\"map\":{\"a\\u0062\":\"x\",\"c\":\"y\",\"\":\"z\"},"
                                    "\"list\":[1,2.5,true,null,\"s\"]}");
    static const char *const keys[] = {"ab", "c", ""}, *const texts[] = {"x", "y", "z"};
    static const tw_value_type types[] = {TW_VALUE_NUMBER, TW_VALUE_NUMBER, TW_VALUE_BOOL,
                                          TW_VALUE_NULL, TW_VALUE_STRING};
    const tw_value *list = tw_object_at(object, "list");
    tw_iter it = {0};
    int64_t whole = 0;
    double real = 0;
    bool yes = false;

    while (tw_value_next(tw_object_at(object, "map"), &it)) {
        CHECK(it.index < 3 && strcmp(it.key, keys[it.index]) == 0);
        CHECK(strcmp(tw_value_string(it.value), texts[it.index]) == 0);
    }
    CHECK_INT(it.index, 3);
    CHECK(!tw_value_next(tw_object_at(object, "map"), &it));
    it = (tw_iter){0};
    while (tw_value_next(list, &it))
        CHECK(tw_value_get_type(it.value) == types[it.index] && strcmp(it.key, "") == 0);
    CHECK_INT(it.index, 5);
    CHECK_INT(tw_value_count(list), 5);
    CHECK(tw_value_int(tw_value_at(list, "[0]"), &whole) && whole == 1);
    CHECK(!tw_value_int(tw_value_at(list, "[1]"), &whole));
    CHECK(tw_value_double(tw_value_at(list, "[1]"), &real) && real == 2.5);
    CHECK(tw_value_bool(tw_value_at(list, "[2]"), &yes) && yes);
    CHECK(tw_value_at(list, "[9]") == NULL && tw_value_at(NULL, "x") == NULL);
    it = (tw_iter){0};
    CHECK(!tw_value_next(NULL, &it) && tw_value_count(NULL) == 0);
    tw_object_unref(object);
}

TEST(value, labels_are_found_by_their_whole_name)
{
    tw_object *object =
        read_object("{\"metadata\":{\"labels\":{\"a.b/c\":\"1\"},\"annotations\":{\"x\":\"2\"}}}");

    CHECK(strcmp(tw_object_label(object, "a.b/c"), "1") == 0);
    CHECK(strcmp(tw_object_annotation(object, "x"), "2") == 0);
    CHECK(tw_object_label(object, "x") == NULL && tw_object_label(NULL, "x") == NULL);
    tw_object_unref(object);
}
