#include "unit/test.h"

#include <stdlib.h>

#include "codec/object.h"

#define POD_HEAD "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":"

static const struct object_field pod_fields[] = {
    {"status.phase", "status.phase", ""},
    {"spec.nodeName", "spec.nodeName", ""},
    {"spec.hostNetwork", "spec.hostNetwork", "false"},
    {"spec.priority", "spec.priority", ""},
};
enum { POD_FIELDS = ARRAY_LEN(pod_fields) };

/* ---- helpers ---- */

static enum status try_new(const char *text, struct object **ret_object, struct error *reterr)
{
    struct arena arena = {0};
    char *copy = strdup(text); /* given back before the object is looked at */
    struct json *tree;
    enum status st = json_parse(&arena, bytes_str(copy), &tree, NULL, reterr);

    if (st == STATUS_OK)
        st = object_new(tree, pod_fields, POD_FIELDS, ret_object, reterr);
    arena_release(&arena);
    memset(copy, 'x', strlen(copy));
    free(copy);
    return st;
}

static struct object *object_from(const char *text)
{
    struct object *object = NULL;
    struct error err = {0};

    if (try_new(text, &object, &err) != STATUS_OK)
        fail_msg("%s: %s", text, error_message(&err));
    return object;
}

static void check_written(const struct object *object, uint64_t rev, const char *api_version,
                          const char *expected)
{
    struct buf out = {0};

    object_write(&out, object, rev, bytes_str(api_version));
    CHECK_TEXT(buf_bytes(&out), expected);
    buf_release(&out);
}

static void check_image(const char *in, const char *image, const char *with_rev)
{
    struct object *object = object_from(in);

    CHECK_TEXT(value_bytes(&object->base), image);
    check_written(object, 7, "", with_rev);
    object_unref(object);
}

static void check_refused(const char *text, const char *message)
{
    struct object *object = NULL;
    struct error err = {0};

    CHECK(try_new(text, &object, &err) == STATUS_BAD_REQUEST);
    CHECK(object == NULL);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
}

/* Counts the members one by one. */
static uint32_t count_of(const struct json *tree, const char *key)
{
    uint32_t count = 0;

    json_each(json_get(tree, bytes_str(key)), it)
        count++;
    return count;
}

/* Every span of an object must lie in its own allocation. */
static bool is_inside(const struct object *object, struct bytes text)
{
    return text.len == 0 || (text.ptr > (const char *)object &&
                             text.ptr < object->base.data + object->base.len + 4096);
}

/* ---- the image ---- */

TEST(object, the_image_begins_with_type_and_identity_and_keeps_the_rest_as_it_came)
{
    check_image(
        "{ \"status\": {\"phase\":\"Running\"}, \"metadata\": {\"labels\":{\"b\":\"1\",\"a\":"
        "\"2\"}, \"uid\":\"u1\", \"resourceVersion\":\"99\", \"namespace\":\"ns\","
        "\"name\":\"p\", \"generation\":3}, \"kind\":\"Pod\", \"apiVersion\":\"v1\","
        "\"spec\":{\"z\":1.0,\"a\":[]} }",
        POD_HEAD "{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u1\",\"labels\":{\"b\":\"1\","
                 "\"a\":\"2\"},\"generation\":3},\"status\":{\"phase\":\"Running\"},"
                 "\"spec\":{\"z\":1.0,\"a\":[]}}",
        POD_HEAD "{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u1\",\"resourceVersion\":\"7\","
                 "\"labels\":{\"b\":\"1\",\"a\":\"2\"},\"generation\":3},"
                 "\"status\":{\"phase\":\"Running\"},\"spec\":{\"z\":1.0,\"a\":[]}}");
}

TEST(object, a_resource_version_always_has_a_member_behind_it)
{
    static const struct {
        const char *metadata, *image, *with_rev;
    } cases[] = {
        {"{\"name\":\"a\"}", "{\"name\":\"a\"}", "{\"resourceVersion\":\"7\",\"name\":\"a\"}"},
        {"{\"name\":\"a\",\"uid\":\"u\"}", "{\"name\":\"a\",\"uid\":\"u\"}",
         "{\"name\":\"a\",\"resourceVersion\":\"7\",\"uid\":\"u\"}"},
        {"{\"generateName\":\"a-\",\"x\":1}", "{\"generateName\":\"a-\",\"x\":1}",
         "{\"generateName\":\"a-\",\"resourceVersion\":\"7\",\"x\":1}"},
        {"{\"x\":1}", "{\"x\":1}", "{\"resourceVersion\":\"7\",\"x\":1}"},
        {"{\"name\":\"a\\\"},{\\\\\",\"x\":1}", "{\"name\":\"a\\\"},{\\\\\",\"x\":1}",
         "{\"name\":\"a\\\"},{\\\\\",\"resourceVersion\":\"7\",\"x\":1}"},
        {"{\"name\":null,\"x\":1}", "{\"x\":1}", "{\"resourceVersion\":\"7\",\"x\":1}"},
        {"{}", "{\"creationTimestamp\":null}",
         "{\"resourceVersion\":\"7\",\"creationTimestamp\":null}"},
        {"{\"resourceVersion\":\"5\"}", "{\"creationTimestamp\":null}",
         "{\"resourceVersion\":\"7\",\"creationTimestamp\":null}"},
        {"null", "{\"creationTimestamp\":null}",
         "{\"resourceVersion\":\"7\",\"creationTimestamp\":null}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};

        check_image(arena_printf(&arena, POD_HEAD "%s}", cases[i].metadata).ptr,
                    arena_printf(&arena, POD_HEAD "%s}", cases[i].image).ptr,
                    arena_printf(&arena, POD_HEAD "%s}", cases[i].with_rev).ptr);
        arena_release(&arena);
    }
    check_image("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"data\":{}}",
                POD_HEAD "{\"creationTimestamp\":null},\"data\":{}}",
                POD_HEAD "{\"resourceVersion\":\"7\",\"creationTimestamp\":null},\"data\":{}}");
}

TEST(object, version_and_revision_are_spliced_in)
{
    struct object *object = object_from(POD_HEAD "{\"name\":\"a\",\"generation\":1}}");

    check_written(object, 0, "", POD_HEAD "{\"name\":\"a\",\"generation\":1}}");
    object->base.rev = 18446744073709551615ULL;
    check_written(object, 0, "",
                  POD_HEAD "{\"name\":\"a\",\"resourceVersion\":\"18446744073709551615\","
                           "\"generation\":1}}");
    check_written(object, 10, "example.com/v1beta1",
                  "{\"apiVersion\":\"example.com/v1beta1\",\"kind\":\"Pod\",\"metadata\":{\"name\":"
                  "\"a\",\"resourceVersion\":\"10\",\"generation\":1}}");
    object_unref(object);
}

TEST(object, the_tree_is_written_as_the_image_is_spliced)
{
    static const char *const texts[] = {
        POD_HEAD "{\"name\":\"a\"}}",
        POD_HEAD "{\"name\":\"a\",\"uid\":\"u\"},\"spec\":{\"x\":[1,2]}}",
        POD_HEAD "{\"name\":\"a\",\"namespace\":\"\\u0001\",\"uid\":\"u\",\"labels\":{}}}",
        POD_HEAD "{\"we\\\"ird\":1,\"generation\":1}}",
        POD_HEAD "{}}",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct object *object = object_from(texts[i]);
        struct arena arena = {0};
        struct json *tree = NULL;
        struct buf written = {0}, spliced = {0};

        CHECK(object_to_json(object, 42, BYTES("v2"), &arena, &tree) == STATUS_OK);
        json_write(&written, tree, false);
        object_write(&spliced, object, 42, BYTES("v2"));
        CHECK(bytes_eq(buf_bytes(&written), buf_bytes(&spliced)));
        CHECK_TEXT(json_text(json_at(tree, "metadata", "resourceVersion", NULL)), "42");
        json_set_text(&arena, json_get(tree, BYTES("metadata")), "last", BYTES("x"));
        CHECK(json_at(tree, "metadata", "last", NULL)->next == NULL);
        CHECK_INT(json_get(tree, BYTES("metadata"))->count, count_of(tree, "metadata"));

        CHECK(object_to_json(object, 0, BYTES(""), &arena, &tree) == STATUS_OK);
        CHECK(json_at(tree, "metadata", "resourceVersion", NULL) == NULL);
        CHECK_TEXT(json_get_text(tree, "apiVersion"), "v1");
        json_set_text(&arena, json_get(tree, BYTES("metadata")), "last", BYTES("x"));
        CHECK_TEXT(json_get(tree, BYTES("metadata"))->last->key, "last");
        buf_release(&written);
        buf_release(&spliced);
        arena_release(&arena);
        object_unref(object);
    }
}

/* ---- the index ---- */

TEST(object, the_index_holds_what_metadata_says)
{
    struct object *object =
        object_from(POD_HEAD "{\"name\":\"p\",\"generateName\":\"g-\",\"namespace\":\"ns\",\"uid\":"
                             "\"u1\",\"generation\":4,"
                             "\"creationTimestamp\":\"1970-01-02T00:00:01Z\",\"deletionTimestamp\":"
                             "\"2020-01-01T00:00:00Z\","
                             "\"finalizers\":[\"f/1\",\"f/"
                             "2\"],\"ownerReferences\":[{\"uid\":\"o1\",\"controller\":true},"
                             "{\"uid\":\"o2\",\"blockOwnerDeletion\":true}]}}");

    CHECK_TEXT(object->name, "p");
    CHECK_TEXT(object->generate_name, "g-");
    CHECK_TEXT(object->namespace, "ns");
    CHECK_TEXT(object->uid, "u1");
    CHECK_INT(object->generation, 4);
    CHECK_INT(object->created_s, 86401);
    CHECK_TEXT(object->deletion_timestamp, "2020-01-01T00:00:00Z");
    CHECK_INT(object->finalizer_count, 2);
    CHECK_TEXT(object->finalizers[1], "f/2");
    CHECK_INT(object->owner_count, 2);
    CHECK_TEXT(object->owners[0].uid, "o1");
    CHECK(object->owners[0].controller && !object->owners[0].block_deletion);
    CHECK(!object->owners[1].controller && object->owners[1].block_deletion);
    CHECK(object->name.ptr > object->base.data &&
          object->name.ptr < object->base.data + object->base.len);
    object_unref(object);
}

TEST(object, labels_are_sorted_and_escaped_ones_are_decoded)
{
    struct object *object = object_from(
        POD_HEAD "{\"name\":\"p\",\"labels\":{\"b\":\"2\",\"a\\nb\":\"\\t\",\"a\":\"\\\"x\\\"\","
                 "\"c\":null}}}");

    CHECK_INT(object->label_count, 4);
    CHECK_TEXT(object->labels[0].key, "a");
    CHECK_TEXT(object->labels[0].value, "\"x\"");
    CHECK_TEXT(object->labels[1].key, "a\nb");
    CHECK_TEXT(object->labels[1].value, "\t");
    CHECK_TEXT(object->labels[2].value, "2");
    CHECK_TEXT(object->labels[3].value, "");
    for (uint32_t i = 0; i < object->label_count; i++)
        CHECK(is_inside(object, object->labels[i].key) &&
              is_inside(object, object->labels[i].value));
    object_unref(object);
}

TEST(object, fields_are_scalars_as_text_or_their_fallback)
{
    struct object *object =
        object_from(POD_HEAD "{\"name\":\"p\"},\"spec\":{\"hostNetwork\":true,\"priority\":1000},"
                             "\"status\":{\"phase\":{\"not\":\"scalar\"}}}");

    CHECK_INT(object->field_count, POD_FIELDS);
    CHECK_TEXT(object->fields[0], "");
    CHECK_TEXT(object->fields[1], "");
    CHECK_TEXT(object->fields[2], "true");
    CHECK_TEXT(object->fields[3], "1000");
    CHECK(is_inside(object, object->fields[2]));
    object_unref(object);
    object = object_from(POD_HEAD "{\"name\":\"p\"}}");
    CHECK_TEXT(object->fields[2], "false");
    object_unref(object);
}

TEST(object, field_selectors_match_by_value)
{
    struct object *object = object_from(
        POD_HEAD "{\"name\":\"p\",\"namespace\":\"ns\"},\"status\":{\"phase\":\"Running\"}}");
    static const struct {
        const char *field, *value;
        bool negated, matches;
    } cases[] = {
        {"metadata.name", "p", false, true},
        {"metadata.name", "q", false, false},
        {"metadata.namespace", "ns", true, false},
        {"status.phase", "Running", false, true},
        {"status.phase", "Failed", true, true},
        {"spec.nodeName", "", false, true},
        {"no.such", "", false, true},
        {"no.such", "x", false, false},
    };
    struct field_selector *selector = malloc(sizeof(*selector) + 2 * sizeof(selector->terms[0]));

    selector->terms[0] = (struct field_term){BYTES("metadata.name"), BYTES("p"), false};
    selector->count = 2;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        selector->terms[1] = (struct field_term){bytes_str(cases[i].field),
                                                 bytes_str(cases[i].value), cases[i].negated};
        CHECK(object_matches_fields(object, selector, pod_fields, POD_FIELDS) == cases[i].matches);
    }
    CHECK(object_matches_fields(object, NULL, pod_fields, POD_FIELDS));
    free(selector);
    object_unref(object);
}

TEST(object, the_image_is_the_same_if_only_the_resource_version_differs)
{
    struct object *a = object_from(POD_HEAD "{\"name\":\"p\",\"resourceVersion\":\"1\"}}");
    struct object *b = object_from(POD_HEAD "{\"resourceVersion\":\"2\",\"name\":\"p\"}}");
    struct object *c = object_from(POD_HEAD "{\"name\":\"p\"},\"spec\":{}}");

    CHECK(bytes_eq(value_bytes(&a->base), value_bytes(&b->base)));
    CHECK(!bytes_eq(value_bytes(&a->base), value_bytes(&c->base)));
    object_unref(a);
    object_unref(b);
    object_unref(c);
}

TEST(object, the_last_reference_frees)
{
    struct object *object = object_from(POD_HEAD "{\"name\":\"p\"}}");

    object_ref(object);
    CHECK(object_unref(object) == NULL);
    CHECK_TEXT(object->name, "p");
    object_unref(object);
    CHECK(object_unref(NULL) == NULL);
}

/* ---- refusing ---- */

TEST(object, metadata_of_the_wrong_type_is_refused_in_the_words_of_the_apiserver)
{
    static const struct {
        const char *metadata, *message;
    } cases[] = {
        {"1", "json: cannot unmarshal number into Go struct field Pod.metadata of type "
              "v1.ObjectMeta"},
        {"{\"name\":1}", "json: cannot unmarshal number into Go struct field "
                         "ObjectMeta.metadata.name of type string"},
        {"{\"uid\":true}", "json: cannot unmarshal bool into Go struct field "
                           "ObjectMeta.metadata.uid of type types.UID"},
        {"{\"resourceVersion\":7}", "json: cannot unmarshal number into Go struct field "
                                    "ObjectMeta.metadata.resourceVersion of type string"},
        {"{\"labels\":\"x\"}", "json: cannot unmarshal string into Go struct field "
                               "ObjectMeta.metadata.labels of type map[string]string"},
        {"{\"labels\":{\"a\":1}}", "json: cannot unmarshal number into Go struct field "
                                   "ObjectMeta.metadata.labels of type string"},
        {"{\"annotations\":{\"a\":[]}}", "json: cannot unmarshal array into Go struct field "
                                         "ObjectMeta.metadata.annotations of type string"},
        {"{\"finalizers\":{}}", "json: cannot unmarshal object into Go struct field "
                                "ObjectMeta.metadata.finalizers of type []string"},
        {"{\"finalizers\":[1]}", "json: cannot unmarshal number into Go struct field "
                                 "ObjectMeta.metadata.finalizers of type string"},
        {"{\"generation\":1.5}", "json: cannot unmarshal number 1.5 into Go struct field "
                                 "ObjectMeta.metadata.generation of type int64"},
        {"{\"generation\":\"1\"}", "json: cannot unmarshal string into Go struct field "
                                   "ObjectMeta.metadata.generation of type int64"},
        {"{\"ownerReferences\":{}}", "json: cannot unmarshal object into Go struct field "
                                     "ObjectMeta.metadata.ownerReferences of type "
                                     "[]v1.OwnerReference"},
        {"{\"ownerReferences\":[1]}", "json: cannot unmarshal number into Go struct field "
                                      "ObjectMeta.metadata.ownerReferences of type "
                                      "v1.OwnerReference"},
        {"{\"ownerReferences\":[{\"name\":1}]}",
         "json: cannot unmarshal number into Go struct field "
         "OwnerReference.metadata.ownerReferences.name of type string"},
        {"{\"ownerReferences\":[{\"controller\":\"yes\"}]}",
         "json: cannot unmarshal string into Go struct field "
         "OwnerReference.metadata.ownerReferences.controller of type bool"},
        {"{\"managedFields\":[{\"manager\":1}]}",
         "json: cannot unmarshal number into Go struct field "
         "ManagedFieldsEntry.metadata.managedFields.manager of type string"},
        {"{\"creationTimestamp\":1}", "json: cannot unmarshal number into Go value of type string"},
        {"{\"deletionTimestamp\":\"soon\"}",
         "parsing time \"soon\" as \"2006-01-02T15:04:05Z07:00\": not a time of RFC 3339"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};

        check_refused(arena_printf(&arena, POD_HEAD "%s}", cases[i].metadata).ptr,
                      cases[i].message);
        arena_release(&arena);
    }
}

TEST(object, null_is_nothing_everywhere_in_metadata)
{
    struct object *object = object_from(
        POD_HEAD "{\"name\":\"p\",\"uid\":null,\"labels\":null,\"finalizers\":[null],"
                 "\"ownerReferences\":[null,{\"uid\":null}],\"generation\":null,"
                 "\"creationTimestamp\":null,\"deletionTimestamp\":null,\"managedFields\":null}}");

    CHECK(object->uid.len == 0 && object->label_count == 0 && object->created_s == 0);
    CHECK(object->finalizer_count == 1 && object->finalizers[0].len == 0);
    CHECK(object->owner_count == 2 && object->owners[1].uid.len == 0);
    object_unref(object);
}

TEST(object, what_is_no_object_of_a_kind_is_refused)
{
    check_refused("[]", "json: cannot unmarshal array into an object");
    check_refused("{\"apiVersion\":\"v1\"}", "Object 'Kind' is missing");
    check_refused("{\"kind\":\"Pod\",\"apiVersion\":\"\"}", "Object 'apiVersion' is missing");
    check_refused("{\"kind\":1,\"apiVersion\":\"v1\"}",
                  "json: cannot unmarshal number into Go struct field .kind of type string");
}

TEST(object, a_tree_too_deep_to_be_read_again_is_refused)
{
    struct arena arena = {0};
    struct json *tree = NULL, *deep = json_new_array(&arena);
    struct object *object = NULL;
    struct error err = {0};

    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        struct json *around = json_new_array(&arena);

        json_append(around, deep);
        deep = around;
    }
    CHECK(json_parse(&arena, BYTES(POD_HEAD "{\"name\":\"p\"}}"), &tree, NULL, NULL) == STATUS_OK);
    json_set(tree, BYTES("spec"), deep);
    CHECK(object_new(tree, NULL, 0, &object, &err) == STATUS_BAD_REQUEST);
    CHECK(strstr(error_message(&err), "exceeded max depth of 512") != NULL);
    error_release(&err);
    arena_release(&arena);
}

/* ---- loading ---- */

TEST(object, what_was_stored_is_loaded_with_the_same_index)
{
    struct object *made = object_from(
        POD_HEAD "{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u\",\"labels\":{\"b\":\"1\",\"a\":"
                 "\"\\n\"}},\"status\":{\"phase\":\"Running\"}}");
    struct object *loaded = NULL;

    CHECK(object_load(value_bytes(&made->base), 12, pod_fields, POD_FIELDS, &loaded, NULL) ==
          STATUS_OK);
    CHECK(bytes_eq(value_bytes(&loaded->base), value_bytes(&made->base)));
    CHECK_INT(loaded->base.rev, 12);
    CHECK(loaded->base.data != made->base.data);
    CHECK_INT(loaded->rv_at, made->rv_at);
    CHECK_TEXT(loaded->labels[0].value, "\n");
    CHECK_TEXT(loaded->fields[0], "Running");
    object_unref(made);
    CHECK_TEXT(loaded->name, "p");
    object_unref(loaded);
}

TEST(object, an_image_alone_is_shown_as_the_object_it_is_of)
{
    struct object *made = object_from(POD_HEAD "{\"name\":\"p\",\"labels\":{\"a\":\"1\"}}}");
    struct object *image = NULL;
    struct buf shown = {0}, expected = {0};

    CHECK(object_load_image(value_bytes(&made->base), 12, &image, NULL) == STATUS_OK);
    object_write(&shown, image, 0, BYTES("v2"));
    object_write(&expected, made, 12, BYTES("v2"));
    CHECK_TEXT(buf_bytes(&shown),
               "{\"apiVersion\":\"v2\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","
               "\"resourceVersion\":\"12\",\"labels\":{\"a\":\"1\"}}}");
    CHECK(bytes_eq(buf_bytes(&shown), buf_bytes(&expected)));
    CHECK_INT(image->base.rev, 12);
    buf_release(&shown);
    buf_release(&expected);
    object_unref(made);
    object_unref(image);
    CHECK(object_load_image(BYTES("{\"kind\":\"Pod\"}"), 12, &image, NULL) == STATUS_CORRUPT);
}

TEST(object, stored_bytes_that_are_not_canonical_are_corrupt)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"apiVersion\":\"v1\"",
        POD_HEAD "{\"name\":\"p\"}",                            /* cut */
        POD_HEAD "{\"name\":\"p\"}}}",                          /* more behind */
        " " POD_HEAD "{\"name\":\"p\"}}",                       /* a blank */
        POD_HEAD " {\"name\":\"p\"}}",                          /* a blank */
        POD_HEAD "{}}",                                         /* no member to splice at */
        POD_HEAD "{\"name\":1}}",                               /* a wrong type */
        POD_HEAD "{\"uid\":\"u\",\"name\":\"p\"}}",             /* out of order */
        POD_HEAD "{\"name\":null}}",                            /* not written like that */
        POD_HEAD "{\"name\":\"p\",\"resourceVersion\":\"1\"}}", /* has a version */
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"}}",
        "{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"},\"kind\":\"Pod\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct object *object = NULL;
        struct error err = {0};

        CHECK(object_load(bytes_str(bad[i]), 1, NULL, 0, &object, &err) == STATUS_CORRUPT);
        CHECK(object == NULL && err.status == STATUS_CORRUPT && err.message != NULL);
        error_release(&err);
    }
}
