#include "unit/test.h"

#include "client-go-like/object.h"
#include "client-go-like/watch/stream.h"
#include "codec/transcoder.h"

static const char config_map[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":"
    "\"n\","
    "\"uid\":\"u\",\"resourceVersion\":\"5\",\"creationTimestamp\":\"2024-01-02T03:04:05Z\","
    "\"labels\":{\"x\":\"y\",\"z\":\"\"},\"managedFields\":[{\"manager\":\"m\",\"fieldsType\":"
    "\"FieldsV1\",\"fieldsV1\":{\"f:data\":{\"f:k\":{}}}}]},\"data\":{\"k\":\"v\",\"l\":\"w\"},"
    "\"binaryData\":{\"b\":\"AAEC\"}}";

static void write_envelope(struct buf *out, const char *text)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    CHECK(json_parse(&arena, bytes_str(text), &tree, NULL, NULL) == STATUS_OK);
    CHECK(transcoder_write(out, tree, NULL, NULL) == STATUS_OK);
    arena_release(&arena);
}

TEST(object_protobuf, an_event_is_the_object_that_json_would_have_given)
{
    struct buf object = {0}, frame = {0};
    tw_object *expected = NULL;
    struct arena scratch = {0};
    tw_event event;

    write_envelope(&object, config_map);
    protobuf_watch_event_write(&frame, BYTES("MODIFIED"), buf_bytes(&object));
    CHECK(tw_object_from_json(config_map, strlen(config_map), &expected, NULL) == TW_OK);
    CHECK(stream_decode(buf_bytes(&frame), true, false, &scratch, &event, NULL) == TW_OK);
    buf_release(&frame); /* the object has its own copy */
    buf_release(&object);
    CHECK_INT(event.type, TW_EVENT_MODIFIED);
    CHECK_TEXT(event.object->key, "n/a");
    CHECK_TEXT(bytes_str(tw_object_kind(event.object)), "ConfigMap");
    CHECK_TEXT(bytes_str(tw_object_api_version(event.object)), "v1");
    CHECK_TEXT(bytes_str(tw_object_resource_version(event.object)), "5");
    CHECK_TEXT(bytes_str(tw_object_get_string(event.object, "metadata.labels.x")), "y");
    CHECK_TEXT(bytes_str(tw_object_get_string(event.object, "data.l")), "w");
    CHECK_TEXT(bytes_str(tw_object_json(event.object)), tw_object_json(expected));
    tw_event_release(&event);
    tw_object_unref(expected);
    arena_release(&scratch);
}

TEST(object_protobuf, an_error_event_holds_its_status)
{
    struct buf object = {0}, frame = {0};
    struct arena scratch = {0};
    tw_event event;
    int64_t code = 0;

    write_envelope(&object,
                   "{\"apiVersion\":\"v1\",\"kind\":\"Status\",\"metadata\":{},\"status\":"
                   "\"Failure\",\"message\":\"too old\",\"reason\":\"Expired\",\"code\":410}");
    protobuf_watch_event_write(&frame, BYTES("ERROR"), buf_bytes(&object));
    CHECK(stream_decode(buf_bytes(&frame), true, false, &scratch, &event, NULL) == TW_OK);
    CHECK_INT(event.type, TW_EVENT_ERROR);
    CHECK(tw_object_get_int(event.object, "code", &code) && code == 410);
    tw_event_release(&event);
    buf_release(&frame);
    buf_release(&object);
    arena_release(&scratch);
}

TEST(object_protobuf, a_list_is_read_item_by_item)
{
    struct buf body = {0};
    tw_list *list = list_new();

    write_envelope(&body, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMapList\",\"metadata\":{"
                          "\"resourceVersion\":\"9\",\"continue\":\"t\"},\"items\":[{\"metadata\":{"
                          "\"name\":\"a\",\"namespace\":\"n\"}},{\"metadata\":{\"name\":\"b\"}}]}");
    CHECK(list_read_page_protobuf(list, buf_bytes(&body), NULL) == TW_OK);
    CHECK_INT(tw_list_count(list), 2);
    CHECK_TEXT(bytes_str(tw_list_resource_version(list)), "9");
    CHECK_TEXT(bytes_str(tw_list_continue(list)), "t");
    CHECK_TEXT(tw_list_at(list, 0)->key, "n/a");
    CHECK_TEXT(bytes_str(tw_object_kind(tw_list_at(list, 1))), "ConfigMap");
    CHECK_TEXT(bytes_str(tw_object_api_version(tw_list_at(list, 1))), "v1");
    body.len = 0; /* the next page */
    write_envelope(&body,
                   "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMapList\",\"metadata\":{"
                   "\"resourceVersion\":\"9\"},\"items\":[{\"metadata\":{\"name\":\"c\"}}]}");
    CHECK(list_read_page_protobuf(list, buf_bytes(&body), NULL) == TW_OK);
    CHECK_INT(tw_list_count(list), 3);
    CHECK_TEXT(bytes_str(tw_list_continue(list)), "");
    tw_list_free(list);
    buf_release(&body);
}

TEST(object_protobuf, what_is_cut_or_no_list_is_refused)
{
    struct buf body = {0};
    tw_error *error = NULL;
    struct arena scratch = {0};
    tw_event event;

    write_envelope(&body, config_map);
    for (size_t len = 0; len < body.len; len++) {
        tw_list *list = list_new();

        CHECK(list_read_page_protobuf(list, bytes_of(body.data, len), NULL) == TW_ERR_PROTOCOL);
        CHECK(stream_decode(bytes_of(body.data, len), true, false, &scratch, &event, NULL) ==
              TW_ERR_PROTOCOL);
        tw_list_free(list);
    }
    {
        tw_list *list = list_new();

        CHECK(list_read_page_protobuf(list, buf_bytes(&body), &error) == TW_ERR_PROTOCOL);
        CHECK_TEXT(bytes_str(tw_error_message(error)), "expected a list, got ConfigMap");
        tw_list_free(list);
    }
    tw_error_free(error);
    buf_release(&body);
    arena_release(&scratch);
}

TEST(object_protobuf, only_kinds_with_a_message_can_be_asked_for)
{
    CHECK(object_has_message("v1", "ConfigMap") && object_has_message("apps/v1", "Deployment"));
    CHECK(!object_has_message("v1", "") && !object_has_message("example.com/v1", "Widget"));
}

TEST(object_protobuf, is_read_without_managed_fields_where_asked)
{
    struct buf object = {0}, frame = {0};
    struct arena scratch = {0};
    tw_event event;

    write_envelope(
        &object, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\","
                 "\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\","
                 "\"x\":\"1\"},\"managedFields\":[{\"manager\":\"m\",\"operation\":\"Update\"}]}}");
    protobuf_watch_event_write(&frame, BYTES("ADDED"), buf_bytes(&object));
    CHECK(stream_decode(buf_bytes(&frame), true, true, &scratch, &event, NULL) == TW_OK);
    CHECK(tw_object_has(event.object, "metadata.annotations.x"));
    CHECK(!tw_object_has(event.object, "metadata.managedFields"));
    CHECK(!tw_object_has(
        event.object, "metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration"));
    tw_event_release(&event);
    buf_release(&frame);
    buf_release(&object);
    arena_release(&scratch);
}
