#include "unit/codec/trees.h"

#include "codec/transcoder_custom.h"

static const char schema_text[] =
    "{'type':'object','properties':{'apiVersion':{'type':'string'},'kind':{'type':'string'},"
    "'metadata':{'type':'object'},'spec':{'type':'object','properties':{"
    "'cron-spec':{'type':'string'},'replicas':{'type':'integer'},'ratio':{'type':'number'},"
    "'suspend':{'type':'boolean'},'port':{'x-kubernetes-int-or-string':true},"
    "'labels':{'type':'object','additionalProperties':{'type':'string'}},"
    "'images':{'type':'array','items':{'type':'object','properties':{'name':{'type':'string'}}}},"
    "'byName':{'type':'object','additionalProperties':{'type':'object','properties':{"
    "'n':{'type':'integer'}}}},"
    "'matrix':{'type':'array','items':{'type':'array','items':{'type':'integer'}}},"
    "'lists':{'type':'object','additionalProperties':{'type':'array','items':{'type':'object',"
    "'properties':{'a':{'type':'string'}}}}},"
    "'anything':{'x-kubernetes-preserve-unknown-fields':true},"
    "'mixed':{'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{"
    "'a':{'type':'string'}}},'maps':{'type':'array','items':{'type':'object',"
    "'additionalProperties':{'type':'string'}}},'empty':{'type':'object'}}},"
    "'status':{'type':'object','properties':{'phase':{'type':'string'}}},"
    "'extra':{'type':'string'}}}";

static const char object_text[] =
    "{'apiVersion':'example.com/v1','kind':'Cron','metadata':{'name':'a','generation':3},"
    "'spec':{'cron-spec':'','replicas':0,'ratio':0.5,'suspend':false,'port':'http',"
    "'labels':{'a':'','b':'c'},'images':[{'name':'x'},{}],'byName':{'k':{'n':-1}},"
    "'matrix':[[1,2],[],[3]],'lists':{'l':[{'a':'b'},{}]},"
    "'anything':[1,{'deep':[null,1.50]}],'mixed':{'a':'b','other':12345678901234567890},"
    "'maps':[{'a':'b'}],'empty':{'x':1}},'status':{'phase':'Ready'},'extra':'e'}";

static enum status make(struct arena *arena, const char *schema, const char *numbers,
                        struct custom_messages **ret, struct error *err)
{
    return custom_messages_new(BYTES("example.com"), BYTES("v1"), BYTES("Cron"),
                               tree_of(arena, schema),
                               numbers != NULL ? tree_of(arena, numbers) : NULL, ret, err);
}

static struct custom_messages *made(const char *schema, const char *numbers)
{
    struct custom_messages *messages = NULL;
    struct arena arena = {0};
    struct error err = {0};

    if (make(&arena, schema, numbers, &messages, &err) != STATUS_OK)
        fail_msg("%s", error_message(&err));
    arena_release(&arena);
    return messages;
}

TEST(custom, an_object_comes_back_as_it_was)
{
    struct custom_messages *messages = made(schema_text, NULL);
    struct transcoder_report report = {0};
    struct arena arena = {0};
    struct json *tree = tree_of(&arena, object_text), *again = NULL;
    struct error err = {0};
    struct buf out = {0};

    if (transcoder_write_as(&out, custom_messages_kind(messages), tree, &report, &err) !=
            STATUS_OK ||
        transcoder_read_as(&arena, custom_messages_kind(messages), buf_bytes(&out), BYTES(""),
                           BYTES(""), &again, &report, &err) != STATUS_OK)
        fail_msg("%s", error_message(&err));
    CHECK_INT(report.count, 0);
    if (!json_equal(tree, again))
        CHECK_TEXT(text_of(&arena, again), object_text);
    buf_release(&out);
    arena_release(&arena);
    custom_messages_free(messages);
}

TEST(custom, a_list_has_the_items_of_its_kind)
{
    struct custom_messages *messages = made(schema_text, NULL);
    struct arena arena = {0};
    struct json *again = NULL;
    struct buf out = {0};
    static const char list[] = "{'metadata':{'resourceVersion':'7'},'items':[{'extra':'e'}]}";

    CHECK(transcoder_from_json(&out, custom_messages_list(messages), tree_of(&arena, list), NULL,
                               NULL) == STATUS_OK);
    CHECK(transcoder_to_json(&arena, custom_messages_list(messages), buf_bytes(&out), &again, NULL,
                             NULL) == STATUS_OK);
    CHECK_TEXT(text_of(&arena, again), list);
    buf_release(&out);
    arena_release(&arena);
    custom_messages_free(messages);
}

static struct bytes raw_of(struct arena *arena, const char *schema, const char *numbers,
                           const char *object)
{
    struct custom_messages *messages = made(schema, numbers);
    struct buf out = {0};
    struct bytes raw;

    CHECK(transcoder_from_json(&out, custom_messages_kind(messages), tree_of(arena, object), NULL,
                               NULL) == STATUS_OK);
    raw = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    custom_messages_free(messages);
    return raw;
}

TEST(custom, a_number_depends_on_its_own_name_alone)
{
    struct arena arena = {0};
    struct bytes before = raw_of(&arena,
                                 "{'type':'object','properties':{'spec':{'type':'object',"
                                 "'properties':{'b':{'type':'string'}}}}}",
                                 NULL, "{'spec':{'b':'x'}}");
    struct bytes after = raw_of(&arena,
                                "{'type':'object','properties':{'spec':{'type':'object',"
                                "'properties':{'a':{'type':'string'},'b':{'type':'string'},"
                                "'c':{'type':'integer'}}},'aaa':{'type':'string'}}}",
                                NULL, "{'spec':{'b':'x'}}");

    CHECK(bytes_eq(before, after));
    arena_release(&arena);
}

TEST(custom, given_numbers_are_used)
{
    struct arena arena = {0};

    CHECK(bytes_eq(raw_of(&arena, schema_text,
                          "{'spec.replicas':5,'spec.images.name':6,"
                          "'spec.images':7}",
                          "{'spec':{'replicas':1,'images':[{'name':'x'}]}}"),
                   BYTES("\x12\x07\x28\x01\x3a\x03\x32\x01x")));
    arena_release(&arena);
}

static void check_numbers(const char *numbers, const char *message)
{
    struct custom_messages *messages = NULL;
    struct arena arena = {0};
    struct error err = {0};

    CHECK(make(&arena, schema_text, numbers, &messages, &err) == STATUS_INVALID);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    CHECK(messages == NULL);
    error_release(&err);
    arena_release(&arena);
}

TEST(custom, wrong_numbers_are_refused)
{
    check_numbers("{'spec.replicas':0}", "spec.replicas: no number of a protobuf field");
    check_numbers("{'spec.replicas':19000}", "spec.replicas: no number of a protobuf field");
    check_numbers("{'spec.replicas':536870912}", "spec.replicas: no number of a protobuf field");
    check_numbers("{'spec.replicas':'1'}", "spec.replicas: no number of a protobuf field");
    check_numbers("{'spec.replicas':4,'spec.ratio':4}",
                  "spec: the fields \"replicas\" and \"ratio\" have the same number, 4");
    check_numbers("{'extra':2}", "object: the fields \"spec\" and \"extra\" have the same number, "
                                 "2");
}

TEST(custom, a_root_that_preserves_unknown_fields_has_no_protobuf)
{
    struct custom_messages *messages = NULL;
    struct arena arena = {0};

    CHECK(make(&arena, "{'type':'object','x-kubernetes-preserve-unknown-fields':true}", NULL,
               &messages, NULL) == STATUS_NOT_ACCEPTABLE);
    arena_release(&arena);
}

TEST(custom, the_proto_says_what_is_on_the_wire)
{
    struct custom_messages *messages =
        made("{'type':'object','properties':{'spec':{'type':'object','properties':{"
             "'cron-spec':{'type':'string'},'Cron_spec':{'type':'array','items':{'type':'array',"
             "'items':{'type':'number'}}},'m':{'type':'object','additionalProperties':{"
             "'type':'boolean'}}}}}}",
             "{'spec.cron-spec':1,'spec.Cron_spec':2,'spec.m':3}");
    struct buf out = {0};

    custom_messages_write_proto(&out, messages);
    CHECK_TEXT(buf_bytes(&out),
               "syntax = \"proto2\";\n"
               "\n"
               "package example.com.v1;\n"
               "\n"
               "import \"meta_v1.proto\";\n"
               "\n"
               "message Cron {\n"
               "  optional .k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta metadata = 1;\n"
               "  optional SpecMessage spec = 2;\n"
               "\n"
               "  message SpecMessage {\n"
               "    optional string cron_spec = 1 [json_name = \"cron-spec\"];\n"
               "    repeated CronSpec2Message Cron_spec_2 = 2 [json_name = \"Cron_spec\"];\n"
               "    map<string, bool> m = 3;\n"
               "\n"
               "    message CronSpec2Message {\n"
               "      repeated double items = 1;\n"
               "    }\n"
               "  }\n"
               "}\n"
               "\n"
               "message CronList {\n"
               "  optional .k8s.io.apimachinery.pkg.apis.meta.v1.ListMeta metadata = 1;\n"
               "  repeated Cron items = 2;\n"
               "}\n");
    buf_release(&out);
    custom_messages_free(messages);
}

TEST(custom, more_than_a_screenful_of_fields)
{
    struct arena arena = {0};
    struct json *schema = tree_of(&arena, "{'type':'object','properties':{'spec':{'type':'object',"
                                          "'properties':{}}}}");
    struct json *object = tree_of(&arena, "{'spec':{}}"), *again = NULL;
    struct custom_messages *messages = NULL;
    struct buf out = {0};

    for (unsigned i = 0; i < CUSTOM_FIELDS_MAX; i++) {
        struct bytes name = arena_printf(&arena, "field%u", i);

        json_add(json_at(schema, "properties", "spec", "properties", NULL), name,
                 tree_of(&arena, "{'type':'integer'}"));
        json_add(json_at(object, "spec", NULL), name, json_new_int(&arena, i));
    }
    CHECK(custom_messages_new(BYTES("g"), BYTES("v1"), BYTES("K"), schema, NULL, &messages, NULL) ==
          STATUS_OK);
    CHECK(transcoder_from_json(&out, custom_messages_kind(messages), object, NULL, NULL) ==
          STATUS_OK);
    CHECK(transcoder_to_json(&arena, custom_messages_kind(messages), buf_bytes(&out), &again, NULL,
                             NULL) == STATUS_OK);
    CHECK(json_equal(object, again));
    buf_release(&out);
    arena_release(&arena);
    custom_messages_free(messages);
}
