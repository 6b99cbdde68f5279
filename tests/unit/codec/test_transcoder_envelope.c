#include "unit/codec/trees.h"

#include "codec/framer.h"
#include "codec/transcoder.h"

static void check_refused(struct bytes text, enum status expected, const char *message)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *tree = NULL;

    CHECK_INT(transcoder_read(&arena, text, BYTES(""), BYTES(""), &tree, NULL, &err), expected);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
    arena_release(&arena);
}

TEST(envelope, bytes_without_an_envelope_are_refused)
{
    static const char no_magic[] = "provided data does not appear to be a protobuf message, "
                                   "expected prefix [107 56 115 0]";

    check_refused(BYTES(""), STATUS_BAD_REQUEST, no_magic);
    check_refused(BYTES("k8s"), STATUS_BAD_REQUEST, no_magic);
    check_refused(BYTES("{\"kind\":\"Pod\"}"), STATUS_BAD_REQUEST, no_magic);
    check_refused(BYTES("k8s\0"), STATUS_BAD_REQUEST, "empty data");
    check_refused(BYTES("k8s\0\x0a"), STATUS_BAD_REQUEST, "runtime.Unknown: a number is cut short");
    check_refused(BYTES("k8s\0\x08\x01"), STATUS_BAD_REQUEST,
                  "runtime.Unknown: a string or message has another wire type");
    check_refused(BYTES("k8s\0\x12\x00"), STATUS_BAD_REQUEST,
                  "no kind \"\" is registered for version \"\" in protobuf");
}

TEST(envelope, other_encodings_inside_are_refused)
{
    check_refused(BYTES("k8s\0\x1a\x04gzip"), STATUS_UNSUPPORTED_MEDIA_TYPE,
                  "runtime.Unknown: content encoding \"gzip\" is not supported");
    check_refused(BYTES("k8s\0\x22\x10"
                        "application/json"),
                  STATUS_UNSUPPORTED_MEDIA_TYPE,
                  "runtime.Unknown: content type \"application/json\" is not supported");
}

TEST(envelope, without_a_kind_it_is_what_the_reader_expects)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    CHECK(transcoder_read(&arena, BYTES("k8s\0\x12\x00"), BYTES("v1"), BYTES("ConfigMap"), &tree,
                          NULL, NULL) == STATUS_OK);
    CHECK_TEXT(text_of(&arena, tree), "{'apiVersion':'v1','kind':'ConfigMap'}");
    arena_release(&arena);
}

/* The bytes that apimachinery's serializer writes. */
TEST(envelope, is_gos)
{
    struct arena arena = {0};
    struct buf out = {0};

    CHECK(transcoder_write(&out, tree_of(&arena, "{'apiVersion':'v1','kind':'Pod'}"), NULL, NULL) ==
          STATUS_OK);
    CHECK(bytes_eq(buf_bytes(&out),
                   BYTES("k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x00\x1a\x00\"\x00")));
    buf_release(&out);
    arena_release(&arena);
}

TEST(envelope, a_list_can_be_spliced_of_its_items)
{
    struct arena arena = {0};
    struct buf spliced = {0}, item = {0}, whole = {0};
    struct json *list = tree_of(&arena, "{'metadata':{'resourceVersion':'7'},'items':["
                                        "{'metadata':{'name':'a'}},{'metadata':{'name':'b'}}]}");
    struct json *items = json_at(list, "items", NULL);
    const struct message_type *lists = transcoder_find(BYTES("v1"), BYTES("PodList"));
    const struct message_type *pods = transcoder_find(BYTES("v1"), BYTES("Pod"));

    CHECK(transcoder_from_json(&whole, lists, list, NULL, NULL) == STATUS_OK);
    json_remove(list, BYTES("items"));
    CHECK(transcoder_from_json(&spliced, lists, list, NULL, NULL) == STATUS_OK);
    json_each(items, it) {
        item.len = 0;
        CHECK(transcoder_from_json(&item, pods, it, NULL, NULL) == STATUS_OK);
        protobuf_list_item_write(&spliced, buf_bytes(&item));
    }
    CHECK(bytes_eq(buf_bytes(&spliced), buf_bytes(&whole)));
    buf_release(&spliced);
    buf_release(&item);
    buf_release(&whole);
    arena_release(&arena);
}

/* What a server sends and a client reads: frame, event, envelope, object. */
TEST(envelope, a_watch_frame_is_read_back)
{
    struct arena arena = {0};
    struct framer framer;
    struct json *tree = tree_of(&arena, "{'apiVersion':'v1','kind':'ConfigMap','data':{'a':'b'}}");
    struct json *event = NULL;
    struct buf object = {0}, out = {0};
    struct bytes frame;

    CHECK(transcoder_write(&object, tree, NULL, NULL) == STATUS_OK);
    protobuf_watch_frame_write(&out, BYTES("MODIFIED"), buf_bytes(&object));
    framer_init(&framer, FRAMER_LENGTH, 1000);
    framer_push(&framer, buf_bytes(&out));
    CHECK(framer_next(&framer, &frame) == STATUS_OK);
    CHECK(transcoder_to_json(&arena, transcoder_find(BYTES("v1"), BYTES("WatchEvent")), frame,
                             &event, NULL, NULL) == STATUS_OK);
    CHECK_TEXT(text_of(&arena, event), "{'type':'MODIFIED','object':{'apiVersion':'v1','kind':"
                                       "'ConfigMap','data':{'a':'b'}}}");
    CHECK(framer_is_empty(&framer));
    framer_release(&framer);
    buf_release(&object);
    buf_release(&out);
    arena_release(&arena);
}

/* An envelope in an extension in an envelope ..: the only way around the descriptors. */
TEST(envelope, envelopes_in_envelopes_end_at_the_depth_limit)
{
    struct buf outer = {0}, raw = {0};
    struct bytes inner = BYTES("k8s\0\x12\x00");
    struct protobuf_envelope env = {BYTES("apps/v1"), BYTES("ControllerRevision"), {NULL, 0}};
    struct arena arena = {0};
    struct error err = {0};
    struct json *tree = NULL;

    for (int i = 0; i < PROTOBUF_DEPTH_MAX; i++) {
        raw.len = outer.len = 0;
        protobuf_watch_event_write(&raw, BYTES(""), inner);
        env.raw = bytes_from(buf_bytes(&raw), 2); /* field 2 is RawExtension in both */
        protobuf_envelope_write(&outer, &env);
        inner = arena_dup(&arena, buf_bytes(&outer));
    }
    CHECK(transcoder_read(&arena, inner, BYTES(""), BYTES(""), &tree, NULL, &err) ==
          STATUS_TOO_LARGE);
    error_release(&err);
    buf_release(&outer);
    buf_release(&raw);
    arena_release(&arena);
}

TEST(envelope, wraps_a_message_where_it_stands)
{
    for (size_t len = 0; len < 40000; len = len * 3 + 1) {
        struct buf message = {0}, expected = {0};
        struct protobuf_envelope env = {BYTES("apps/v1"), BYTES("DeploymentList"), {0}};

        for (size_t i = 0; i < len; i++)
            buf_append_char(&message, (char)i);
        env.raw = buf_bytes(&message);
        protobuf_envelope_write(&expected, &env);
        protobuf_envelope_wrap(&message, env.api_version, env.kind);
        CHECK(bytes_eq(buf_bytes(&message), buf_bytes(&expected)));
        buf_release(&expected);
        buf_release(&message);
    }
}

TEST(envelope, of_text_leaves_out_what_has_no_place)
{
    struct arena arena = {0};
    struct json *tree = NULL;
    struct buf out = {0};

    transcoder_write_text(&out, NULL,
                          BYTES("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"none\":1,"
                                "\"data\":{\"a\":\"b\",\"c\":7}}"));
    CHECK(!out.failed);
    CHECK(transcoder_read(&arena, buf_bytes(&out), BYTES(""), BYTES(""), &tree, NULL, NULL) ==
          STATUS_OK);
    CHECK_TEXT(text_of(&arena, tree), "{'apiVersion':'v1','kind':'ConfigMap','data':{'a':'b'}}");
    buf_release(&out);
    arena_release(&arena);
}

TEST(envelope, of_text_that_is_no_object_fails)
{
    static const char *const texts[] = {"", "{", "[]",
                                        "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\"}"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf out = {0};

        transcoder_write_text(&out, NULL, bytes_str(texts[i]));
        CHECK(out.failed);
        buf_release(&out);
    }
}
