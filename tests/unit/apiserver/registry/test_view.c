#include "objects.h"

static const char config_map[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                                 "\"name\":\"a\",\"namespace\":\"n\","
                                 "\"labels\":{\"k\":\"v\"}},\"data\":{\"x\":\"1\"}}";

static const struct view whole = {VIEW_OBJECT, VIEW_INCLUDE_METADATA, false, NULL};
static const struct view table = {VIEW_TABLE, VIEW_INCLUDE_METADATA, false, NULL};
static const struct view metadata = {VIEW_METADATA, VIEW_INCLUDE_METADATA, false, NULL};

static const struct kind *config_maps(void)
{
    return builtin_kind("", "configmaps");
}

/* The JSON at a path of one, two or three member names (`b` and `c` may be NULL). */
static struct bytes text_at(struct arena *arena, struct bytes json, const char *a, const char *b,
                            const char *c)
{
    struct buf out = {0};
    struct json *tree;
    const struct json *node;
    struct bytes text;

    CHECK(json_parse(arena, json, &tree, NULL, NULL) == STATUS_OK);
    node = json_at(tree, a, b, c, NULL);
    if (node == NULL)
        return BYTES("absent");
    json_write(&out, node, false);
    text = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return text;
}

static struct bytes first_row_object(struct arena *arena, struct bytes json)
{
    struct buf out = {0};
    struct json *tree;
    struct bytes text;

    CHECK(json_parse(arena, json, &tree, NULL, NULL) == STATUS_OK);
    json_write(&out, json_get(json_index(json_get(tree, BYTES("rows")), 0), BYTES("object")),
               false);
    text = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return text;
}

TEST(view, an_object_is_shown_whole_with_its_revision)
{
    struct object *object = object_from(config_maps(), config_map);
    struct buf out = {0};

    view_write_object(&out, config_maps(), whole, object, 0);
    CHECK_TEXT(buf_bytes(&out),
               "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\","
               "\"namespace\":\"n\",\"resourceVersion\":\"7\",\"labels\":{\"k\":\"v\"}},"
               "\"data\":{\"x\":\"1\"}}");
    out.len = 0;
    view_write_event_object(&out, config_maps(), whole, object, 9, false);
    buf_append_char(&out, 0);
    CHECK(strstr(out.data, "\"resourceVersion\":\"9\"") != NULL);
    buf_release(&out);
    object_unref(object);
}

TEST(view, a_list_says_its_revision_and_where_to_go_on)
{
    struct object *object = object_from(config_maps(), config_map);
    struct list_meta meta = {42, BYTES_INIT("abc"), 5};
    struct buf out = {0};

    view_begin_list(&out, config_maps(), whole, &meta);
    view_add_item(&out, config_maps(), whole, object, true);
    view_add_item(&out, config_maps(), whole, object, false);
    view_end_list(&out, config_maps(), whole);
    CHECK(bytes_starts_with(buf_bytes(&out),
                            BYTES("{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":"
                                  "{\"resourceVersion\":\"42\",\"continue\":\"abc\","
                                  "\"remainingItemCount\":5},\"items\":[{\"apiVersion\"")));
    CHECK(bytes_ends_with(buf_bytes(&out), BYTES("}}]}")));
    buf_release(&out);
    object_unref(object);
}

TEST(view, an_empty_list_has_items_and_no_token)
{
    struct list_meta meta = {42, {NULL, 0}, -1};
    struct buf out = {0};

    view_begin_list(&out, config_maps(), whole, &meta);
    view_end_list(&out, config_maps(), whole);
    CHECK_TEXT(buf_bytes(&out), "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":"
                                "{\"resourceVersion\":\"42\"},\"items\":[]}");
    out.len = 0;
    view_begin_list(&out, config_maps(), metadata, &meta);
    view_end_list(&out, config_maps(), metadata);
    CHECK_TEXT(buf_bytes(&out),
               "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\","
               "\"metadata\":{\"resourceVersion\":\"42\"},\"items\":[]}");
    buf_release(&out);
}

TEST(view, metadata_alone_is_cut_out_of_the_object)
{
    struct object *object = object_from(config_maps(), config_map);
    struct view beta = {VIEW_METADATA, VIEW_INCLUDE_METADATA, true, NULL};
    struct buf out = {0};

    view_write_object(&out, config_maps(), metadata, object, 0);
    CHECK_TEXT(buf_bytes(&out),
               "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":"
               "{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"7\",\"labels\":"
               "{\"k\":\"v\"}}}");
    out.len = 0;
    view_write_event_object(&out, config_maps(), beta, object, 8, false);
    buf_append_char(&out, 0);
    CHECK(strstr(out.data, "meta.k8s.io/v1beta1") != NULL);
    CHECK(strstr(out.data, "\"resourceVersion\":\"8\"") != NULL);
    buf_release(&out);
    object_unref(object);
}

TEST(view, a_row_carries_what_the_client_asked_for)
{
    struct object *object = object_from(config_maps(), config_map);
    struct view none = {VIEW_TABLE, VIEW_INCLUDE_NONE, false, NULL};
    struct view all = {VIEW_TABLE, VIEW_INCLUDE_OBJECT, false, NULL};
    struct arena arena = {0};
    struct buf out = {0};

    view_write_object(&out, config_maps(), table, object, 0);
    CHECK_TEXT(text_at(&arena, buf_bytes(&out), "metadata", NULL, NULL),
               "{\"resourceVersion\":\"7\"}");
    CHECK(bytes_starts_with(first_row_object(&arena, buf_bytes(&out)),
                            BYTES("{\"kind\":\"PartialObjectMetadata\"")));
    out.len = 0;
    view_write_object(&out, config_maps(), none, object, 0);
    CHECK_TEXT(first_row_object(&arena, buf_bytes(&out)), "null");
    out.len = 0;
    view_write_object(&out, config_maps(), all, object, 0);
    CHECK(bytes_starts_with(first_row_object(&arena, buf_bytes(&out)),
                            BYTES("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"")));
    buf_release(&out);
    arena_release(&arena);
    object_unref(object);
}

TEST(view, column_definitions_come_with_the_first_event_only)
{
    struct object *object = object_from(config_maps(), config_map);
    struct arena arena = {0};
    struct buf out = {0};

    view_write_event_object(&out, config_maps(), table, object, 9, true);
    CHECK(bytes_starts_with(
        text_at(&arena, buf_bytes(&out), "columnDefinitions", NULL, NULL),
        BYTES("[{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\",\"description\":")));
    out.len = 0;
    view_write_event_object(&out, config_maps(), table, object, 9, false);
    CHECK_TEXT(text_at(&arena, buf_bytes(&out), "columnDefinitions", NULL, NULL), "null");
    buf_release(&out);
    arena_release(&arena);
    object_unref(object);
}

TEST(view, the_row_of_a_finished_pod_is_marked)
{
    const struct kind *pods = builtin_kind("", "pods");
    struct object *object = object_from(
        pods, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"status\":"
              "{\"phase\":\"Succeeded\"}}");
    struct buf out = {0};

    view_write_object(&out, pods, table, object, 0);
    buf_append_char(&out, '\0');
    CHECK(strstr(out.data, "\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":"
                           "\"Succeeded\"") != NULL);
    buf_release(&out);
    object_unref(object);
}

TEST(view, a_bookmark_has_the_kind_of_what_is_watched)
{
    struct buf out = {0};

    view_write_bookmark_object(&out, config_maps(), whole, 12, false, false);
    CHECK_TEXT(buf_bytes(&out), "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":"
                                "{\"resourceVersion\":\"12\",\"creationTimestamp\":null}}");
    out.len = 0;
    view_write_bookmark_object(&out, config_maps(), metadata, 12, true, false);
    CHECK_TEXT(buf_bytes(&out),
               "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":"
               "{\"resourceVersion\":\"12\",\"creationTimestamp\":null,\"annotations\":"
               "{\"k8s.io/initial-events-end\":\"true\"}}}");
    buf_release(&out);
}

TEST(view, a_bookmark_row_keeps_its_annotation_whatever_rows_include)
{
    struct view none = {VIEW_TABLE, VIEW_INCLUDE_NONE, false, NULL};
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        struct buf out = {0};

        view_write_bookmark_object(&out, kinds[i], none, 12, true, true);
        CHECK_TEXT(first_row_object(&arena, buf_bytes(&out)),
                   "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                   "\"metadata\":{\"resourceVersion\":\"12\",\"creationTimestamp\":null,"
                   "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}");
        buf_release(&out);
        arena_release(&arena);
    }
}
