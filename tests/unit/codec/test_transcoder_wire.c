/* Bytes by hand: what the wire may hold that no encoder of ours writes. */
#include "unit/codec/trees.h"

#include <protobuf-c/protobuf-c.h>
#include <time.h>

#include "codec/framer.h"
#include "codec/protobuf_scan.h"
#include "codec/transcoder.h"
#include "proto/apiextensions_v1.pb-c.h"
#include "proto/core_v1.pb-c.h"

#define WIRE(literal) BYTES(literal)

static const char schema_name[] =
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

static const struct message_type *message(const char *name)
{
    const struct message_type *type = transcoder_find_message(bytes_str(name));

    if (type == NULL)
        fail_msg("no message %s", name);
    return type;
}

static void check_read(const char *name, struct bytes raw, const char *expected)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *tree = NULL;

    if (transcoder_to_json(&arena, message(name), raw, &tree, NULL, &err) != STATUS_OK)
        fail_msg("%s: %s", expected, error_message(&err));
    CHECK_TEXT(text_of(&arena, tree), expected);
    arena_release(&arena);
}

static void check_refused(const char *name, struct bytes raw, enum status expected, const char *why)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *tree = NULL;
    clock_t start = clock(); /* of the processor: others may be running */

    CHECK_INT(transcoder_to_json(&arena, message(name), raw, &tree, NULL, &err), expected);
    CHECK(clock() - start < CLOCKS_PER_SEC / 100);
    CHECK(bytes_ends_with(bytes_str(error_message(&err)), bytes_str(why)));
    CHECK(tree == NULL);
    error_release(&err);
    arena_release(&arena);
}

TEST(wire, of_a_single_field_the_last_counts)
{
    check_read("k8s.io.api.apps.v1.ReplicaSetSpec", WIRE("\x08\x01\x08\x07"), "{'replicas':7}");
}

TEST(wire, of_a_message_all_are_merged)
{
    check_read("k8s.io.api.core.v1.PersistentVolumeClaim",
               WIRE("\x0a\x03\x0a\x01"
                    "a"
                    "\x0a\x03\x1a\x01"
                    "b"),
               "{'metadata':{'name':'a','namespace':'b'}}");
}

TEST(wire, of_a_key_the_last_entry_counts)
{
    check_read("k8s.io.api.core.v1.ConfigMap",
               WIRE("\x12\x06\x0a\x01k\x12\x01"
                    "1"
                    "\x12\x06\x0a\x01"
                    "a\x12\x01"
                    "2"
                    "\x12\x06\x0a\x01k\x12\x01"
                    "3"),
               "{'data':{'k':'3','a':'2'}}");
}

TEST(wire, an_entry_may_lack_its_key_and_value)
{
    check_read("k8s.io.api.core.v1.ConfigMap", WIRE("\x12\x00"), "{'data':{'':''}}");
}

TEST(wire, repeated_numbers_may_be_packed)
{
    check_read("k8s.io.api.core.v1.PodSecurityContext", WIRE("\x22\x03\x01\x80\x01\x20\x05"),
               "{'supplementalGroups':[1,128,5]}");
}

TEST(wire, negative_numbers_of_both_sizes)
{
    check_read("k8s.io.api.core.v1.ContainerStateTerminated",
               WIRE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "{'exitCode':-1}");
    check_read("k8s.io.api.core.v1.ContainerStateTerminated", WIRE("\x08\xff\xff\xff\xff\x0f"),
               "{'exitCode':-1}");
    check_read("k8s.io.api.core.v1.ContainerImage",
               WIRE("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
               "{'sizeBytes':-9223372036854775808,'names':[]}");
}

TEST(wire, unknown_fields_are_passed_over_and_counted)
{
    struct arena arena = {0};
    struct transcoder_report report = {0};
    struct json *tree = NULL;
    /* of each wire type; then a known one */
    struct bytes raw = WIRE("\xf8\x07\x01\xf9\x07"
                            "12345678\xfa\x07\x01x\xfd\x07"
                            "1234\x08\x01");

    CHECK(transcoder_to_json(&arena, message("k8s.io.api.apps.v1.ReplicaSetSpec"), raw, &tree,
                             &report, NULL) == STATUS_OK);
    CHECK_TEXT(text_of(&arena, tree), "{'replicas':1}");
    CHECK_INT(report.count, 4);
    CHECK_TEXT(report.paths[0], "#127");
    transcoder_report_release(&report);
    arena_release(&arena);
}

TEST(wire, a_byte_that_is_no_utf8_is_found_wherever_it_stands)
{
    char raw[64] = {'\x0a', 0, '\x0a'}; /* metadata, and its name */

    for (size_t len = 1; len <= 40; len++) {
        raw[1] = (char)(len + 2);
        raw[3] = (char)len;
        memset(raw + 4, 'a', len);
        for (size_t at = 0; at < len; at++) {
            raw[4 + at] = '\xff';
            check_refused("k8s.io.api.core.v1.PersistentVolumeClaim", bytes_of(raw, len + 4),
                          STATUS_BAD_REQUEST, "metadata.name: a string is not UTF-8");
            raw[4 + at] = 'a';
        }
    }
    check_read("k8s.io.api.core.v1.Secret", WIRE("\x1a\x0a\x0a\x1f\x7f abcd\xc3\xa9"),
               "{'type':'\\n\\u001f\x7f abcd\xc3\xa9'}");
}

TEST(wire, broken_bytes_are_refused_with_the_reason)
{
    static const char name[] = "k8s.io.api.core.v1.PersistentVolumeClaim";

    check_refused(name, WIRE("\x0a"), STATUS_BAD_REQUEST, "a number is cut short");
    check_refused(name, WIRE("\x0a\x05"), STATUS_BAD_REQUEST, "a length goes past the end");
    check_refused(name, WIRE("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), STATUS_BAD_REQUEST,
                  "a length goes past the end"); /* 2^63 */
    check_refused(name, WIRE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), STATUS_BAD_REQUEST,
                  "a length goes past the end"); /* 2^64 - 1 */
    check_refused(name, WIRE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), STATUS_BAD_REQUEST,
                  "a number has more than 64 bits");
    check_refused(name, WIRE("\x0b\x0c"), STATUS_BAD_REQUEST, "a wire type is not known");
    check_refused(name, WIRE("\x02\x00"), STATUS_BAD_REQUEST, "a field number is out of range");
    check_refused(name, WIRE("\x08\x01"), STATUS_BAD_REQUEST,
                  "metadata: a field has another wire type");
    check_refused(name, WIRE("\x0a\x03\x0a\x01\xff"), STATUS_BAD_REQUEST,
                  "metadata.name: a string is not UTF-8");
    check_refused("k8s.io.apimachinery.pkg.apis.meta.v1.Time",
                  WIRE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), STATUS_BAD_REQUEST,
                  "a time is out of range");
}

/* `levels` schemas, each the `not` of the one around it. */
static struct bytes nested_schemas(struct arena *arena, size_t levels)
{
    size_t capacity = levels * 6, at = capacity;
    char *text = arena_alloc(arena, capacity);

    for (size_t i = 0; i < levels; i++) {
        uint64_t len = capacity - at;
        char header[8] = "\xe2\x01"; /* field 28, bytes */
        size_t used = 2;

        for (; len >= 0x80; len >>= 7)
            header[used++] = (char)(len | 0x80);
        header[used++] = (char)len;
        at -= used;
        memcpy(text + at, header, used);
    }
    return bytes_of(text + at, capacity - at);
}

TEST(wire, messages_nest_to_the_limit_and_no_deeper)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    CHECK(transcoder_to_json(&arena, message(schema_name),
                             nested_schemas(&arena, PROTOBUF_DEPTH_MAX - 1), &tree, NULL,
                             NULL) == STATUS_OK);
    check_refused(schema_name, nested_schemas(&arena, PROTOBUF_DEPTH_MAX), STATUS_TOO_LARGE,
                  "messages nest too deep");
    check_refused(schema_name, nested_schemas(&arena, 500000), STATUS_TOO_LARGE,
                  "messages nest too deep");
    arena_release(&arena);
}

TEST(wire, what_is_written_can_be_read)
{
    struct arena arena = {0};
    const struct message_type *type = message(schema_name);
    struct json *tree = tree_of(&arena, "{'type':'string'}"), *again = NULL;
    struct error err = {0};
    enum status st = STATUS_OK;
    struct buf out = {0};

    for (int levels = 0; levels < 200 && st == STATUS_OK; levels++) {
        struct json *outer = json_new_object(&arena);

        out.len = 0;
        st = transcoder_from_json(&out, type, tree, NULL, &err);
        if (st == STATUS_OK)
            CHECK(transcoder_to_json(&arena, type, arena_dup(&arena, buf_bytes(&out)), &again, NULL,
                                     NULL) == STATUS_OK &&
                  json_equal(tree, again));
        json_add(outer, levels % 2 ? BYTES("not") : BYTES("items"), tree);
        tree = outer;
    }
    CHECK(st == STATUS_BAD_REQUEST);
    CHECK(bytes_ends_with(bytes_str(error_message(&err)),
                          BYTES("expected fewer levels of messages, found object")));
    error_release(&err);
    buf_release(&out);
    arena_release(&arena);
}

TEST(wire, fields_are_counted)
{
    struct arena arena = {0};
    size_t len = 2 * (PROTOBUF_FIELDS_MAX + 1);
    char *text = arena_alloc(&arena, len);

    struct json *tree = NULL;

    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 ? 0 : 0x12; /* items of a list, each empty */
    CHECK(transcoder_to_json(&arena, message("k8s.io.api.core.v1.ConfigMapList"),
                             bytes_of(text, len), &tree, NULL, NULL) == STATUS_TOO_LARGE);
    CHECK(arena.used < 200u * 1024 * 1024);
    arena_release(&arena);
}

/* Each key compared with all before it would outlast the test's time limit. */
TEST(wire, a_map_of_unsorted_keys_is_read_in_linear_time)
{
    enum { ENTRIES = 200000 };
    struct arena arena = {0};
    struct json *tree = NULL;
    struct buf raw = {0};

    for (unsigned i = ENTRIES; i-- > 0;)
        buf_appendf(&raw, "\x12\x0b\x0a\x06%06u\x12\x01v", i);
    CHECK(transcoder_to_json(&arena, message("k8s.io.api.core.v1.ConfigMap"), buf_bytes(&raw),
                             &tree, NULL, NULL) == STATUS_OK);
    CHECK_INT(json_at(tree, "data", NULL)->count, ENTRIES);
    buf_release(&raw);
    arena_release(&arena);
}

/* ---- forms ---- */

static void check_form(const char *name, const char *json, const char *expected)
{
    struct arena arena = {0};
    struct json *again = NULL;
    struct error err = {0};
    struct buf out = {0};

    if (transcoder_from_json(&out, message(name), tree_of(&arena, json), NULL, &err) != STATUS_OK)
        fail_msg("%s: %s", json, error_message(&err));
    CHECK(transcoder_to_json(&arena, message(name), buf_bytes(&out), &again, NULL, &err) ==
          STATUS_OK);
    CHECK_TEXT(text_of(&arena, again), expected);
    buf_release(&out);
    arena_release(&arena);
}

TEST(forms, durations_are_gos)
{
    static const char *const pairs[][2] = {
        {"'0s'", "'0s'"},
        {"'0'", "'0s'"},
        {"'1ns'", "'1ns'"},
        {"'1100ns'", "'1.1\u00b5s'"},
        {"'2200us'", "'2.2ms'"},
        {"'3300ms'", "'3.3s'"},
        {"'5m5s'", "'5m5s'"},
        {"'5m5001ms'", "'5m5.001s'"},
        {"'1.5h'", "'1h30m0s'"},
        {"'-1h'", "'-1h0m0s'"},
        {"'+.5s'", "'500ms'"},
        {"'-9223372036854775808ns'", "'-2562047h47m16.854775808s'"},
        {"'100h1m1s'", "'100h1m1s'"}};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        check_form("k8s.io.apimachinery.pkg.apis.meta.v1.Duration", pairs[i][0], pairs[i][1]);
}

TEST(forms, what_is_no_duration_is_refused)
{
    static const char *const texts[] = {"''",   "'1'",  "'s'",        "'1.s.'", "'-'",
                                        "'.s'", "'1x'", "'3000000h'", "1",      "'1h '"};
    struct arena arena = {0};
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        CHECK(transcoder_from_json(&out, message("k8s.io.apimachinery.pkg.apis.meta.v1.Duration"),
                                   tree_of(&arena, texts[i]), NULL, NULL) == STATUS_BAD_REQUEST);
    arena_release(&arena);
}

TEST(forms, a_schema_may_be_something_simpler)
{
    static const char *const same[] = {
        "{'items':{'type':'string'},'additionalProperties':true}",
        "{'items':[{'type':'string'},{}],'additionalProperties':false}",
        "{'dependencies':{'a':['b','c'],'d':{'type':'object'}}}",
        "{'additionalItems':{'type':'string'},'enum':['a',1,null,{'b':[true]}]}",
        "{'$ref':'#/a','maximum':1e+300,'minimum':0.1,'x-kubernetes-list-map-keys':['a']}"};

    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct arena arena = {0};
        struct json *again = NULL, *tree = tree_of(&arena, same[i]);
        struct buf out = {0};

        CHECK(transcoder_from_json(&out, message(schema_name), tree, NULL, NULL) == STATUS_OK);
        CHECK(transcoder_to_json(&arena, message(schema_name), buf_bytes(&out), &again, NULL,
                                 NULL) == STATUS_OK);
        CHECK(json_equal(tree, again));
        buf_release(&out);
        arena_release(&arena);
    }
}

TEST(forms, a_quantity_has_its_grammar)
{
    static const char *const good[] = {"'0'",    "'1.5Gi'", "'-5m'", "'+1e3'",
                                       "'1E-3'", "'.5'",    "'5.'"};
    static const char *const bad[] = {"''", "'Gi'", "'1gi'", "'1e'", "'1.2.3'", "'1 Gi'", "true"};
    const struct message_type *type = message("k8s.io.apimachinery.pkg.api.resource.Quantity");
    struct arena arena = {0};
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(transcoder_from_json(&out, type, tree_of(&arena, good[i]), NULL, NULL) == STATUS_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(transcoder_from_json(&out, type, tree_of(&arena, bad[i]), NULL, NULL) ==
              STATUS_BAD_REQUEST);
    buf_release(&out);
    arena_release(&arena);
}

/* ---- for protobuf-c's own structs ---- */

TEST(scan, depth_and_sizes_are_checked_before_anything_is_unpacked)
{
    const ProtobufCMessageDescriptor *pods = &k8s__io__api__core__v1__pod_list__descriptor;
    const ProtobufCMessageDescriptor *schema =
        &k8s__io__apiextensions_apiserver__pkg__apis__apiextensions__v1__jsonschema_props__descriptor;
    struct arena arena = {0};
    size_t len = 3 * 1024 * 1024;
    char *text = arena_alloc(&arena, len);

    CHECK(protobuf_scan(pods, WIRE("\x12\x00"), NULL) == STATUS_OK);
    CHECK(protobuf_scan(pods, WIRE("\x12\x7f"), NULL) == STATUS_BAD_REQUEST);
    CHECK(protobuf_scan(pods, WIRE("\x0a\x01\x08"), NULL) == STATUS_BAD_REQUEST);
    CHECK(protobuf_scan(schema, nested_schemas(&arena, PROTOBUF_DEPTH_MAX - 1), NULL) == STATUS_OK);
    CHECK(protobuf_scan(schema, nested_schemas(&arena, PROTOBUF_DEPTH_MAX), NULL) ==
          STATUS_TOO_LARGE);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 ? 0 : 0x12; /* a million and a half empty pods */
    CHECK(protobuf_scan(pods, bytes_of(text, len), NULL) == STATUS_TOO_LARGE);
    arena_release(&arena);
}
