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
    CHECK_INT(negotiate_discovery(&arena, BYTES(AGGREGATED("v2") "," AGGREGATED("v2beta1"))),
              NEGOTIATED_V2);
    CHECK_INT(negotiate_discovery(&arena, BYTES(AGGREGATED("v2beta1") ",application/json")),
              NEGOTIATED_V2BETA1);
    CHECK_INT(negotiate_discovery(&arena, BYTES("application/json")), NEGOTIATED_LEGACY);
    CHECK_INT(negotiate_discovery(&arena, BYTES("")), NEGOTIATED_LEGACY);
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
