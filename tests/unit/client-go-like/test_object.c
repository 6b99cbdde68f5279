#include "unit/test.h"

#include <malloc.h>

#include "client-go-like/object.h"

static tw_object *object_of_text(const char *text)
{
    tw_object *object = NULL;

    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    return object;
}

TEST(object, is_read_by_paths_with_dots_indexes_and_escaped_dots)
{
    tw_object *o = object_of_text(
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\","
        "\"labels\":{\"a.b/c\":\"x\"}},\"spec\":{\"n\":7,\"on\":true,\"list\":[{\"i\":\"0\"},"
        "{\"i\":\"1\"}]}}");
    int64_t n = 0;
    bool on = false;

    CHECK_TEXT(bytes_str(tw_object_get_string(o, "metadata.labels.a\\.b/c")), "x");
    CHECK_TEXT(bytes_str(tw_object_get_string(o, "spec.list[1].i")), "1");
    CHECK(tw_object_get_int(o, "spec.n", &n) && n == 7);
    CHECK(tw_object_get_bool(o, "spec.on", &on) && on);
    CHECK(tw_object_has(o, "spec.list[0]") && !tw_object_has(o, "spec.list[2]"));
    CHECK(tw_object_get_string(o, "spec.n") == NULL);
    CHECK(tw_object_get_string(o, "spec.list[") == NULL);
    CHECK(tw_object_get_string(o, "spec.list[x]") == NULL);
    CHECK(tw_object_get_string(o, "spec..n") == NULL);
    CHECK_TEXT(o->key, "n/p");
    CHECK_TEXT(bytes_str(tw_object_uid(o)), "");
    tw_object_unref(o);
}

TEST(object, gives_back_the_json_it_was_made_from)
{
    static const char text[] =
        "{\"a\":\"x\\ny\",\"b\":[1.0,true,null,{}],\"c\":\"\\u00e9\",\"\":\"\"}";
    tw_object *o = object_of_text(text);

    CHECK_TEXT(bytes_str(tw_object_get_string(o, "a")), "x\ny");
    CHECK_TEXT(bytes_str(tw_object_json(o)),
               "{\"a\":\"x\\ny\",\"b\":[1.0,true,null,{}],\"c\":\"\xc3\xa9\",\"\":\"\"}");
    CHECK(tw_object_json(o) == tw_object_json(o)); /* made once */
    tw_object_unref(o);
}

TEST(object, that_is_no_object_is_refused_with_a_reason)
{
    static const char *const bad[] = {"", "[]", "7", "{\"a\":}", "{\"a\":1", "{}{}"};
    tw_object *o = NULL;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        tw_error *error = NULL;

        CHECK(tw_object_from_json(bad[i], strlen(bad[i]), &o, &error) == TW_ERR_PROTOCOL);
        CHECK(*tw_error_message(error) != '\0' && o == NULL);
        tw_error_free(error);
    }
}

TEST(object, accessors_take_null_for_absent)
{
    CHECK_TEXT(bytes_str(tw_object_name(NULL)), "");
    CHECK(tw_object_get_string(NULL, "a.b") == NULL && tw_object_json(NULL) == NULL);
    tw_object_unref(NULL);
    tw_list_free(NULL);
    CHECK_INT(tw_list_count(NULL), 0);
}

/* ---- lists ---- */

static tw_status page(tw_list *list, const char *text)
{
    return list_read_page(list, bytes_str(text), NULL);
}

TEST(list, is_cut_into_objects_that_outlive_it)
{
    tw_list *list = list_new();
    tw_object *kept;

    CHECK(page(list,
               " { \"items\" : [ {\"metadata\":{\"name\":\"a]}\\\"\"}} , {\"metadata\":{}} ] , "
               "\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"extra\":[1,{\"x\":[]}],"
               "\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"t\"}} ") == TW_OK);
    CHECK_INT(tw_list_count(list), 2);
    CHECK_TEXT(bytes_str(tw_list_resource_version(list)), "9");
    CHECK_TEXT(bytes_str(tw_list_continue(list)), "t");
    kept = tw_object_ref(tw_list_at(list, 0));
    tw_list_free(list);
    CHECK_TEXT(bytes_str(tw_object_name(kept)), "a]}\"");
    CHECK_TEXT(bytes_str(tw_object_kind(kept)), "Pod");
    tw_object_unref(kept);
}

TEST(list, pages_add_up_and_the_last_one_says_where_it_ends)
{
    tw_list *list = list_new();

    CHECK(page(list, "{\"metadata\":{\"continue\":\"t\"},\"items\":[{}]}") == TW_OK);
    CHECK(page(list, "{\"metadata\":{\"resourceVersion\":\"3\"},\"items\":[{},{}]}") == TW_OK);
    CHECK_INT(tw_list_count(list), 3);
    CHECK_TEXT(bytes_str(tw_list_continue(list)), "");
    tw_list_free(list);
}

TEST(list, empty_comes_as_an_empty_array_or_as_null)
{
    tw_list *list = list_new();

    CHECK(page(list, "{\"items\":[],\"metadata\":{}}") == TW_OK);
    CHECK(page(list, "{\"items\":null,\"metadata\":{}}") == TW_OK);
    CHECK_INT(tw_list_count(list), 0);
    tw_list_free(list);
}

TEST(list, that_is_cut_short_or_malformed_is_refused)
{
    static const char whole[] = "{\"kind\":\"PodList\",\"items\":[{\"a\":\"b\\\\\"},{\"c\":[1,2]}],"
                                "\"metadata\":{\"resourceVersion\":\"9\"}}";
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"items\":{}}",
                                      "{\"items\":[1]}",
                                      "{\"items\":[{}}",
                                      "{\"items\":[]}x",
                                      "{\"kind\":\"Table\"}",
                                      "{\"items\":[{}],}",
                                      "{\"items\":[,]}"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        tw_list *list = list_new();

        CHECK(page(list, bad[i]) == TW_ERR_PROTOCOL);
        tw_list_free(list);
    }
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        tw_list *list = list_new();

        CHECK(list_read_page(list, bytes_of(whole, len), NULL) == TW_ERR_PROTOCOL);
        tw_list_free(list);
    }
}

TEST(object, takes_the_memory_of_its_text_and_nodes_and_no_more)
{
    static const char text[] =
        "{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"labels\":{"
        "\"e\\u0041\":\"b\\nc\",\"empty\":\"\",\"n\":[1,2,{}]}},\"data\":{\"k\":\"v\"}}";
    tw_object *object = NULL;
    size_t needed;

    CHECK(tw_object_from_json(text, sizeof(text) - 1, &object, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_object_get_string(object, "metadata.labels.eA")), "b\nc");
    CHECK_TEXT(bytes_str(tw_object_get_string(object, "metadata.labels.empty")), "");
    CHECK_TEXT(object->key, "n/a");
    /* 14 nodes, two texts that were escaped, the key. */
    CHECK(object->arena.blocks == NULL);
    needed = sizeof(*object) + 14 * sizeof(struct json) + sizeof("eA") + sizeof("b\nc") +
             sizeof("n/a") + sizeof(text);
    CHECK(malloc_usable_size(object) >= needed && malloc_usable_size(object) < needed + 32);
    tw_object_unref(object);
}
