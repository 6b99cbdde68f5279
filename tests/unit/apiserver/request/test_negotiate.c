#include "unit/test.h"

#include "apiserver/request/negotiate.h"

static struct arena arena;

#define TABLE "application/json;as=Table;v=v1;g=meta.k8s.io"
#define METADATA "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"

static enum status ask(const char *accept, struct negotiated *ret)
{
    return negotiate(&arena, bytes_str(accept), false, ret, NULL);
}

TEST(negotiate, the_first_clause_that_can_be_made_wins)
{
    static const struct {
        const char *accept;
        enum negotiated_as as;
        bool v1beta1;
    } rows[] = {
        {"", AS_OBJECT, false},
        {"*/*", AS_OBJECT, false},
        {"application/json", AS_OBJECT, false},
        {"application/json;stream=watch", AS_OBJECT, false},
        {TABLE "," METADATA, AS_TABLE, false},
        {"application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", AS_TABLE, true},
        {"application/json;as=Table;v=v9;g=meta.k8s.io,application/json", AS_OBJECT, false},
        {"application/json;as=Table;v=v1;g=other,application/json", AS_OBJECT, false},
        {"application/vnd.kubernetes.protobuf,application/json", AS_OBJECT, false},
        {"application/vnd.kubernetes.protobuf, */*", AS_OBJECT, false},
        {METADATA, AS_METADATA, false},
        {"text/html,application/json;q=0.9,*/*;q=0.1", AS_OBJECT, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct negotiated n;

        CHECK_INT(ask(rows[i].accept, &n), STATUS_OK);
        CHECK_INT(n.as, rows[i].as);
        CHECK(n.v1beta1 == rows[i].v1beta1);
    }
    arena_release(&arena);
}

TEST(negotiate, what_cannot_be_made_is_406)
{
    struct negotiated n;

    CHECK_INT(ask("image/png", &n), STATUS_NOT_ACCEPTABLE);
    CHECK_INT(ask("application/json;as=Table;v=v9;g=meta.k8s.io", &n), STATUS_NOT_ACCEPTABLE);
    arena_release(&arena);
}

TEST(negotiate, the_form_is_what_the_first_usable_clause_names)
{
    static const struct {
        const char *accept;
        bool streaming;
        enum negotiated_form form;
    } rows[] = {
        {"application/yaml", false, FORM_YAML},
        {"application/yaml,application/json", false, FORM_YAML},
        {"application/yaml,application/json", true, FORM_JSON},
        {"text/event-stream", true, FORM_EVENT_STREAM},
        {"text/event-stream, */*", false, FORM_JSON},
        {"*/*, text/event-stream", true, FORM_JSON},
        {"application/yaml;as=Table;v=v9;g=meta.k8s.io,application/json", false, FORM_JSON},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct negotiated n;

        CHECK_INT(negotiate(&arena, bytes_str(rows[i].accept), rows[i].streaming, &n, NULL),
                  STATUS_OK);
        CHECK_INT(n.form, rows[i].form);
    }
    arena_release(&arena);
}

TEST(negotiate, a_stream_is_no_yaml_and_an_answer_no_event_stream)
{
    struct negotiated n;

    CHECK_INT(negotiate(&arena, BYTES("application/yaml"), true, &n, NULL), STATUS_NOT_ACCEPTABLE);
    CHECK_INT(negotiate(&arena, BYTES("text/event-stream"), false, &n, NULL),
              STATUS_NOT_ACCEPTABLE);
    CHECK_INT(n.form, FORM_JSON);
    arena_release(&arena);
}

TEST(negotiate, a_projection_is_all_paths_of_the_clause_that_is_taken)
{
    struct negotiated n;

    CHECK_INT(ask("image/png;drop=x, application/json;drop=a.b;fields=c;drop=d|e", &n), STATUS_OK);
    CHECK_TEXT(projection_text(n.projection), "a.b|d|e c");
    projection_unref(n.projection);
    CHECK_INT(ask("application/json", &n), STATUS_OK);
    CHECK(n.projection == NULL);
    CHECK_INT(ask("application/json;drop=a..b, */*", &n), STATUS_BAD_REQUEST);
    CHECK(n.projection == NULL);
    arena_release(&arena);
}

TEST(negotiate, discovery_is_aggregated_for_those_who_can_read_it)
{
#define AGGREGATED(v) "application/json;g=apidiscovery.k8s.io;v=" v ";as=APIGroupDiscoveryList"
    static const struct {
        const char *accept;
        enum negotiated_discovery wanted;
        enum negotiated_form form;
    } rows[] = {
        {AGGREGATED("v2") "," AGGREGATED("v2beta1"), NEGOTIATED_V2, FORM_JSON},
        {AGGREGATED("v2beta1") ",application/json", NEGOTIATED_V2BETA1, FORM_JSON},
        {AGGREGATED("v9") "," PROTOBUF_MEDIA_TYPE, NEGOTIATED_LEGACY, FORM_PROTOBUF},
        {PROTOBUF_MEDIA_TYPE ",application/json", NEGOTIATED_LEGACY, FORM_PROTOBUF},
        {PROTOBUF_MEDIA_TYPE ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
         NEGOTIATED_LEGACY, FORM_JSON},
        {"application/json", NEGOTIATED_LEGACY, FORM_JSON},
        {"", NEGOTIATED_LEGACY, FORM_JSON},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum negotiated_form form;

        CHECK_INT(negotiate_discovery(&arena, bytes_str(rows[i].accept), &form), rows[i].wanted);
        CHECK_INT(form, rows[i].form);
    }
    arena_release(&arena);
}

TEST(negotiate, a_body_is_json_or_yaml)
{
    CHECK_INT(negotiate_body(BYTES(""), NULL), STATUS_OK);
    CHECK_INT(negotiate_body(BYTES("application/json; charset=utf-8"), NULL), STATUS_OK);
    CHECK_INT(negotiate_body(BYTES("text/plain"), NULL), STATUS_UNSUPPORTED_MEDIA_TYPE);
}

TEST(negotiate, yaml_is_for_answers_and_not_for_streams)
{
    struct negotiated n;

    CHECK_INT(ask("application/yaml", &n), STATUS_OK);
    CHECK(n.form == FORM_YAML);
    CHECK_INT(ask("application/yaml;as=Table;v=v1;g=meta.k8s.io", &n), STATUS_OK);
    CHECK(n.form == FORM_YAML && n.as == AS_TABLE);
    CHECK_INT(ask("application/json, application/yaml", &n), STATUS_OK);
    CHECK(n.form != FORM_YAML);
    CHECK_INT(negotiate(&arena, BYTES("application/yaml"), true, &n, NULL), STATUS_NOT_ACCEPTABLE);
    CHECK_INT(negotiate(&arena, BYTES("application/yaml,*/*"), true, &n, NULL), STATUS_OK);
    CHECK(n.form != FORM_YAML);
    arena_release(&arena);
}

#define PROTOBUF PROTOBUF_MEDIA_TYPE
#define IN_PROTOBUF(as) PROTOBUF ";as=" as ";v=v1;g=meta.k8s.io"

TEST(negotiate, protobuf_is_offered_by_what_there_is_of_it)
{
    enum { NONE = -1, PART = OFFER_PROTOBUF_METADATA, STREAM = OFFER_STREAM };
    static const struct {
        const char *accept;
        unsigned offers;
        int form;
    } rows[] = {
        {PROTOBUF, OFFER_PROTOBUF, FORM_PROTOBUF},
        {PROTOBUF ",application/json", OFFER_PROTOBUF, FORM_PROTOBUF},
        {PROTOBUF ";q=0.5,application/json", OFFER_PROTOBUF, FORM_JSON},
        {"application/json;q=0.5," PROTOBUF ";q=0.9", OFFER_PROTOBUF, FORM_PROTOBUF},
        {"*/*", OFFER_PROTOBUF, FORM_JSON},
        {"application/*", OFFER_PROTOBUF, FORM_JSON},
        {PROTOBUF, PART, NONE},
        {PROTOBUF, 0, NONE},
        {PROTOBUF ",application/json", PART, FORM_JSON},
        {IN_PROTOBUF("PartialObjectMetadata"), PART, FORM_PROTOBUF},
        {IN_PROTOBUF("PartialObjectMetadataList"), OFFER_PROTOBUF, FORM_PROTOBUF},
        {IN_PROTOBUF("PartialObjectMetadata") ",application/json", 0, FORM_JSON},
        {IN_PROTOBUF("Table"), OFFER_PROTOBUF, NONE},
        {IN_PROTOBUF("Table") "," TABLE, OFFER_PROTOBUF, FORM_JSON},
        {PROTOBUF ";stream=watch", STREAM | OFFER_PROTOBUF, FORM_PROTOBUF},
        {PROTOBUF, STREAM | OFFER_PROTOBUF, FORM_PROTOBUF},
        {PROTOBUF ",text/event-stream", STREAM, FORM_EVENT_STREAM},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct negotiated n;
        enum status st = negotiate(&arena, bytes_str(rows[i].accept), rows[i].offers, &n, NULL);

        CHECK_INT(st, rows[i].form == NONE ? STATUS_NOT_ACCEPTABLE : STATUS_OK);
        CHECK(rows[i].form == NONE || (int)n.form == rows[i].form);
    }
    arena_release(&arena);
}

TEST(negotiate, what_is_not_acceptable_is_told_by_what_would_be)
{
    static const struct {
        unsigned offers;
        const char *accepted;
    } rows[] = {
        {0, "application/json, application/yaml"},
        {OFFER_PROTOBUF, "application/json, application/yaml, " PROTOBUF},
        {OFFER_STREAM, "application/json;stream=watch, text/event-stream"},
        {OFFER_STREAM | OFFER_PROTOBUF,
         "application/json;stream=watch, " PROTOBUF ";stream=watch, text/event-stream"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};
        struct negotiated n;

        CHECK_INT(negotiate(&arena, BYTES("image/png"), rows[i].offers, &n, &err),
                  STATUS_NOT_ACCEPTABLE);
        CHECK_TEXT(bytes_from(bytes_str(error_message(&err)),
                              strlen("only the following media types are accepted: ")),
                   rows[i].accepted);
        error_release(&err);
    }
    arena_release(&arena);
}

TEST(negotiate, a_failure_is_told_in_the_best_form_there_is_of_it)
{
    static const struct {
        const char *accept;
        enum negotiated_form form;
    } rows[] = {
        {"", FORM_JSON},
        {"image/png", FORM_JSON},
        {"text/event-stream", FORM_JSON},
        {PROTOBUF ",application/json", FORM_PROTOBUF},
        {PROTOBUF ";stream=watch", FORM_PROTOBUF},
        {"application/yaml", FORM_YAML},
        {IN_PROTOBUF("PartialObjectMetadata"), FORM_JSON}, /* a Status is never that */
        {IN_PROTOBUF("PartialObjectMetadata") "," PROTOBUF, FORM_PROTOBUF},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_INT(negotiate_failure(&arena, bytes_str(rows[i].accept)), rows[i].form);
    arena_release(&arena);
}
