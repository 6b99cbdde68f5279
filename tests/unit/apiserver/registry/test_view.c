#include "objects.h"

#include "codec/transcoder.h"

static const char config_map[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                                 "\"name\":\"a\",\"namespace\":\"n\","
                                 "\"labels\":{\"k\":\"v\"}},\"data\":{\"x\":\"1\"}}";

static const struct view whole = {.shape = VIEW_OBJECT};
static const struct view table = {.shape = VIEW_TABLE};
static const struct view metadata = {.shape = VIEW_METADATA};

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
    struct view beta = {.shape = VIEW_METADATA, .v1beta1 = true};
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
    struct view none = {.shape = VIEW_TABLE, .include = VIEW_INCLUDE_NONE};
    struct view all = {.shape = VIEW_TABLE, .include = VIEW_INCLUDE_OBJECT};
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
    struct view none = {.shape = VIEW_TABLE, .include = VIEW_INCLUDE_NONE};
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

/* ---- protobuf ---- */

/* The JSON of what stands in an envelope. */
static struct bytes read_protobuf(struct arena *arena, const struct buf *out)
{
    struct json *tree = NULL;
    struct buf text = {0};
    struct bytes copy;

    CHECK(!out->failed);
    CHECK(transcoder_read(arena, buf_bytes(out), BYTES(""), BYTES(""), &tree, NULL, NULL) ==
          STATUS_OK);
    json_write(&text, tree, false);
    copy = arena_dup(arena, buf_bytes(&text));
    buf_release(&text);
    return copy;
}

TEST(view, every_kind_has_a_message_and_all_that_are_listed_one_for_lists)
{
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        CHECK(kind_message(kinds[i]) != NULL);
        CHECK(kinds[i]->review || kind_list_message(kinds[i]) != NULL);
    }
}

#define METADATA_AT_9                                                                              \
    "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"resourceVersion\":\"9\",\"labels\":{"      \
    "\"k\":\"v\"}}"

TEST(view, in_protobuf_an_object_says_the_same)
{
    struct object *object = object_from(config_maps(), config_map);
    struct projection *projection = NULL;
    struct view views[] = {{.protobuf = true},
                           {.protobuf = true, .shape = VIEW_METADATA, .v1beta1 = true},
                           {.protobuf = true}};
    static const char *const expected[] = {
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"," METADATA_AT_9 ",\"data\":{\"x\":\"1\"}}",
        "{\"apiVersion\":\"meta.k8s.io/v1beta1\",\"kind\":\"PartialObjectMetadata\"," METADATA_AT_9
        "}",
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"," METADATA_AT_9 "}",
    };

    CHECK(projection_parse(BYTES("data"), BYTES(""), &projection, NULL) == STATUS_OK);
    views[2].projection = projection;
    for (size_t i = 0; i < ARRAY_LEN(views); i++) {
        struct arena arena = {0};
        struct buf out = {0};

        view_write_object(&out, config_maps(), views[i], object, 9);
        CHECK_TEXT(read_protobuf(&arena, &out), expected[i]);
        buf_release(&out);
        arena_release(&arena);
    }
    projection_unref(projection);
    object_unref(object);
}

TEST(view, in_protobuf_a_list_is_one_envelope_around_its_items)
{
    struct object *object = object_from(config_maps(), config_map);
    struct list_meta meta = {42, BYTES_INIT("abc"), 5};
    struct view views[] = {{.protobuf = true}, {.protobuf = true, .shape = VIEW_METADATA}};
    static const char *const kinds[] = {"\"ConfigMapList\"", "\"PartialObjectMetadataList\""};

    for (size_t i = 0; i < ARRAY_LEN(views); i++) {
        struct arena arena = {0};
        struct buf out = {0};
        struct bytes text;

        view_begin_list(&out, config_maps(), views[i], &meta);
        for (int n = 0; n < 3; n++)
            view_add_item(&out, config_maps(), views[i], object, n == 0);
        view_end_list(&out, config_maps(), views[i]);
        text = read_protobuf(&arena, &out);
        CHECK_TEXT(text_at(&arena, text, "kind", NULL, NULL), kinds[i]);
        CHECK_TEXT(text_at(&arena, text, "metadata", NULL, NULL),
                   "{\"resourceVersion\":\"42\",\"continue\":\"abc\",\"remainingItemCount\":5}");
        CHECK(bytes_starts_with(text_at(&arena, text, "items", NULL, NULL),
                                BYTES("[{\"metadata\":{\"name\":\"a\"")));
        buf_release(&out);
        arena_release(&arena);
    }
    object_unref(object);
}

TEST(view, in_protobuf_a_bookmark_is_an_object_with_a_revision)
{
    struct view view = {.protobuf = true};
    struct arena arena = {0};
    struct buf out = {0};

    view_write_bookmark_object(&out, config_maps(), view, 12, true, false);
    CHECK_TEXT(
        read_protobuf(&arena, &out),
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"12\","
        "\"creationTimestamp\":null,\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}");
    buf_release(&out);
    arena_release(&arena);
}
