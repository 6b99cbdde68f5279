#include "objects.h"

#define FOO FOO_CRD("foos", "Foo", VERSION("v1", "true", ""))

/* What crd_prepare() makes of `text`, as an update of `old` (NULL: a create), as text. */
static enum status prepare(const struct registry *registry, struct arena *arena, const char *text,
                           const struct json *old, struct json **ret_crd, struct error *reterr)
{
    struct json *tree;

    CHECK(json_parse(arena, bytes_str(text), &tree, NULL, NULL) == STATUS_OK);
    *ret_crd = tree;
    return crd_prepare(registry, arena, tree, old, reterr);
}

/* The message of the refusal. */
static void check_refused(const char *text, const char *expected)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct error err = {0};
    struct json *crd;
    enum status st = prepare(registry, &arena, text, NULL, &crd, &err);

    if (st == STATUS_OK || strstr(error_message(&err), expected) == NULL)
        fprintf(stderr, "got:      %s\nexpected: %s\n", error_message(&err), expected);
    CHECK(st == STATUS_INVALID || st == STATUS_BAD_REQUEST);
    CHECK(strstr(error_message(&err), expected) != NULL);
    if (st == STATUS_INVALID) {
        CHECK(err.cause_count > 0);
        CHECK_TEXT(bytes_str(err.kind), "CustomResourceDefinition");
        CHECK_TEXT(bytes_str(err.group), "apiextensions.k8s.io");
    }
    error_release(&err);
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, what_was_left_out_is_filled_in)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct json *crd;
    const struct json *names;

    CHECK(prepare(registry, &arena, FOO, NULL, &crd, NULL) == STATUS_OK);
    names = json_at(crd, "spec", "names", NULL);
    CHECK_TEXT(json_get_text(names, "singular"), "foo");
    CHECK_TEXT(json_get_text(names, "listKind"), "FooList");
    CHECK_TEXT(json_text(json_at(crd, "spec", "conversion", "strategy", NULL)), "None");
    arena_release(&arena);
    registry_free(registry);
}

static const struct json *condition(const struct json *crd, const char *type)
{
    json_each(json_at(crd, "status", "conditions", NULL), it) {
        if (bytes_eq_str(json_get_text(it, "type"), type))
            return it;
    }
    return NULL;
}

static void check_condition(const struct json *crd, const char *type, const char *status,
                            const char *reason, const char *message)
{
    const struct json *found = condition(crd, type);
    int64_t at_s;

    CHECK_TEXT(json_get_text(found, "status"), status);
    CHECK_TEXT(json_get_text(found, "reason"), reason);
    CHECK_TEXT(json_get_text(found, "message"), message);
    CHECK(rfc3339_parse(json_get_text(found, "lastTransitionTime"), &at_s));
}

TEST(crd, names_nobody_has_are_accepted_at_once)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct json *crd;

    CHECK(prepare(registry, &arena, FOO, NULL, &crd, NULL) == STATUS_OK);
    check_condition(crd, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
    check_condition(crd, "Established", "True", "InitialNamesAccepted",
                    "the initial names have been accepted");
    CHECK_TEXT(json_text(json_at(crd, "status", "acceptedNames", "plural", NULL)), "foos");
    CHECK_TEXT(json_text(json_at(crd, "status", "acceptedNames", "listKind", NULL)), "FooList");
    CHECK_TEXT(json_text(json_index(json_at(crd, "status", "storedVersions", NULL), 0)), "v1");
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, a_kind_that_is_taken_in_its_group_is_not_established)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct json *crd;

    serve_crd(registry, FOO);
    CHECK(prepare(registry, &arena, FOO_CRD("others", "Foo", VERSION("v1", "true", "")), NULL, &crd,
                  NULL) == STATUS_OK);
    check_condition(crd, "NamesAccepted", "False", "ListKindConflict",
                    "\"FooList\" is already in use");
    check_condition(crd, "Established", "False", "NotAccepted", "not all names are accepted");
    CHECK_TEXT(json_text(json_at(crd, "status", "acceptedNames", "plural", NULL)), "others");
    CHECK(json_at(crd, "status", "acceptedNames", "kind", NULL) == NULL);
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, its_own_names_are_no_conflict_when_it_is_written_again)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct json *old, *crd;
    struct bytes since = BYTES("2020-01-01T00:00:00Z");

    serve_crd(registry, FOO);
    CHECK(prepare(registry, &arena, FOO, NULL, &old, NULL) == STATUS_OK);
    json_set_text(&arena, json_index(json_at(old, "status", "conditions", NULL), 0),
                  "lastTransitionTime", since);
    CHECK(prepare(registry, &arena, FOO, old, &crd, NULL) == STATUS_OK);
    check_condition(crd, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
    CHECK_TEXT(json_get_text(condition(crd, "NamesAccepted"), "lastTransitionTime"),
               "2020-01-01T00:00:00Z");
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, every_version_that_was_ever_stored_is_remembered)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct error err = {0};
    struct json *old, *crd;

    CHECK(prepare(registry, &arena, FOO, NULL, &old, NULL) == STATUS_OK);
    CHECK(prepare(registry, &arena,
                  FOO_CRD("foos", "Foo", VERSION("v1", "false", "") "," VERSION("v2", "true", "")),
                  old, &crd, NULL) == STATUS_OK);
    CHECK_INT(json_at(crd, "status", "storedVersions", NULL)->count, 2);
    CHECK_TEXT(json_text(json_index(json_at(crd, "status", "storedVersions", NULL), 1)), "v2");
    CHECK(prepare(registry, &arena, FOO_CRD("foos", "Foo", VERSION("v2", "true", "")), crd, &old,
                  &err) == STATUS_INVALID);
    CHECK(strstr(err.message, "status.storedVersions[0]: Invalid value: \"v1\": missing from "
                              "spec.versions; v1 was previously a storage version") != NULL);
    error_release(&err);
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, what_an_established_one_is_cannot_be_changed)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct error err = {0};
    struct json *old, *crd;

    CHECK(prepare(registry, &arena, FOO, NULL, &old, NULL) == STATUS_OK);
    CHECK(prepare(registry, &arena, FOO_CRD("foos", "Bar", VERSION("v1", "true", "")), old, &crd,
                  &err) == STATUS_INVALID);
    CHECK(strstr(err.message, "spec.names.kind: Invalid value: \"Bar\": field is immutable") !=
          NULL);
    error_release(&err);
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, mistakes_are_worded_as_the_real_server_words_them)
{
#define CRD(name, spec)                                                                            \
    "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","           \
    "\"metadata\":{\"name\":\"" name "\"},\"spec\":{" spec "}}"
#define GOOD_NAMES "\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"}"
#define GOOD_HEAD "\"group\":\"example.com\",\"scope\":\"Cluster\"," GOOD_NAMES
    check_refused(
        CRD("bars.example.com", GOOD_HEAD ",\"versions\":[" VERSION("v1", "true", "") "]"),
        "CustomResourceDefinition.apiextensions.k8s.io \"bars.example.com\" is invalid: "
        "metadata.name: Invalid value: \"bars.example.com\": must be "
        "spec.names.plural+\".\"+spec.group");
    check_refused(CRD("foos.example.com", GOOD_HEAD),
                  "spec.versions: Invalid value: null: must have exactly one version marked as "
                  "storage version");
    check_refused(
        CRD("foos.example.com", GOOD_HEAD ",\"versions\":[]"),
        "status.storedVersions: Invalid value: []: must have at least one stored version");
    check_refused(FOO_CRD("foos", "Foo", VERSION("v1", "true", "") "," VERSION("v1", "false", "")),
                  "must contain unique version names");
    check_refused(FOO_CRD("foos", "Foo", VERSION("v1", "true", "") "," VERSION("v2", "true", "")),
                  "must have exactly one version marked as storage version");
    check_refused(FOO_CRD("foos", "Foo", VERSION("1v", "true", "")),
                  "spec.versions[0].name: Invalid value: \"1v\": a DNS-1035 label must consist of");
    check_refused(FOO_CRD("foos", "Foo", "{\"name\":\"v1\",\"storage\":true}"),
                  "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required");
    check_refused(FOO_CRD("foos", "Foo",
                          "{\"name\":\"v1\",\"storage\":true,\"schema\":{\"openAPIV3Schema\":{}}}"),
                  "spec.versions[0].schema.openAPIV3Schema.type: Required value: must not be empty "
                  "at the root");
    check_refused(CRD("foos.example.com",
                      "\"group\":\"example.com\",\"scope\":\"Nowhere\"," GOOD_NAMES
                      ",\"versions\":[" VERSION("v1", "true", "") "]"),
                  "spec.scope: Unsupported value: \"Nowhere\": supported values: \"Cluster\", "
                  "\"Namespaced\"");
    check_refused(CRD("foos.com", "\"group\":\"com\",\"scope\":\"Cluster\"," GOOD_NAMES
                                  ",\"versions\":[" VERSION("v1", "true", "") "]"),
                  "spec.group: Invalid value: \"com\": should be a domain with at least one dot");
    check_refused(
        CRD("foos.example.com", GOOD_HEAD
            ",\"preserveUnknownFields\":true,\"versions\":[" VERSION("v1", "true", "") "]"),
        "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set "
        "x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
    check_refused(
        CRD("Foos.example.com",
            "\"group\":\"example.com\",\"scope\":\"Cluster\",\"names\":"
            "{\"plural\":\"Foos\",\"kind\":\"Foo\"},\"versions\":[" VERSION("v1", "true", "") "]"),
        "spec.names.plural: Invalid value: \"Foos\": a DNS-1035 label");
    check_refused(CRD("foos.apps.k8s.io",
                      "\"group\":\"apps.k8s.io\",\"scope\":\"Cluster\"," GOOD_NAMES
                      ",\"versions\":[" VERSION("v1", "true", "") "]"),
                  "metadata.annotations[api-approved.kubernetes.io]: Required value: protected "
                  "groups must have approval annotation \"api-approved.kubernetes.io\"");
    check_refused(CRD("foos.example.com", "\"group\":7"),
                  "json: cannot unmarshal number into Go struct field "
                  "CustomResourceDefinitionSpec.spec.group of type string");
}

TEST(crd, names_that_came_in_with_the_status_are_checked_too)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct error err = {0};
    struct json *old, *crd;

    CHECK(prepare(registry, &arena, FOO, NULL, &old, NULL) == STATUS_OK);
    CHECK(json_parse(&arena, bytes_str(FOO), &crd, NULL, NULL) == STATUS_OK);
    json_set(crd, BYTES("status"), json_copy(&arena, json_get(old, BYTES("status"))));
    json_set_text(&arena, json_at(crd, "status", "acceptedNames", NULL), "plural", BYTES("a\"b"));
    CHECK(crd_prepare(registry, &arena, crd, old, &err) == STATUS_INVALID);
    CHECK(strstr(err.message, "status.acceptedNames.plural: Invalid value: \"a\\\"b\"") != NULL);
    error_release(&err);
    arena_release(&arena);
    registry_free(registry);
}

TEST(crd, mistakes_inside_a_version_are_found)
{
#define V1(more) FOO_CRD("foos", "Foo", VERSION("v1", "true", "," more))
    check_refused(V1("\"subresources\":{\"scale\":{\"statusReplicasPath\":\".status.n\"}}"),
                  "spec.versions[0].subresources.scale.specReplicasPath: Required value");
    check_refused(V1("\"subresources\":{\"scale\":{\"specReplicasPath\":\".status.n\","
                     "\"statusReplicasPath\":\".status.n\"}}"),
                  "Invalid value: \".status.n\": should be a json path under .spec");
    check_refused(
        V1("\"additionalPrinterColumns\":[{\"name\":\"A\",\"type\":\"text\",\"jsonPath\":"
           "\".a\"}]"),
        "spec.versions[0].additionalPrinterColumns[0].type: Invalid value: \"text\": must "
        "be one of boolean,date,integer,number,string");
    check_refused(V1("\"additionalPrinterColumns\":[{\"name\":\"A\",\"type\":\"string\"}]"),
                  "spec.versions[0].additionalPrinterColumns[0].jsonPath: Required value");
    check_refused(
        V1("\"selectableFields\":[{\"jsonPath\":\".spec.none\"}]"),
        "spec.versions[0].selectableFields[0].jsonPath: Invalid value: \".spec.none\": is "
        "an invalid path");
    check_refused(V1("\"deprecationWarning\":\"x\""),
                  "spec.versions[0].deprecationWarning: Invalid value: \"x\": can only be set for "
                  "deprecated versions");
}

TEST(crd, several_mistakes_are_told_together)
{
    struct registry *registry = registry_new();
    struct error err = {0};

    CHECK(prepared_crd(registry,
                       "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
                       "\"CustomResourceDefinition\",\"metadata\":{\"name\":\"x\"}}",
                       &err) == NULL);
    CHECK(err.status == STATUS_INVALID && err.cause_count >= 8);
    CHECK(strstr(err.message, "is invalid: [metadata.name: Invalid value: \"x\"") != NULL);
    CHECK_TEXT(bytes_str(err.causes[1].field), "spec.group");
    CHECK_TEXT(bytes_str(err.causes[1].message), "Required value");
    CHECK_TEXT(bytes_str(err.causes[1].reason), "FieldValueRequired");
    error_release(&err);
    registry_free(registry);
}

#define NUMBERED(numbers)                                                                          \
    "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","           \
    "\"metadata\":{\"name\":\"foos.example.com\",\"annotations\":{"                                \
    "\"tidewatch.dev/protobuf-field-numbers\":\"" numbers "\"}},\"spec\":{\"group\":"              \
    "\"example.com\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},"   \
    "\"versions\":[" VERSION("v1", "true", "") "]}}"
#define NUMBERS_FIELD "metadata.annotations[tidewatch.dev/protobuf-field-numbers]: Invalid value: "

TEST(crd, field_numbers_that_cannot_be_are_refused)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    struct json *crd;

    check_refused(NUMBERED("7"), NUMBERS_FIELD "\"7\": version v1: must be a JSON object");
    check_refused(NUMBERED("{"), NUMBERS_FIELD);
    check_refused(NUMBERED("{\\\"spec.size\\\":0}"), NUMBERS_FIELD);
    check_refused(NUMBERED("{\\\"spec.size\\\":5,\\\"spec.color\\\":5}"), NUMBERS_FIELD);
    CHECK(prepare(registry, &arena, NUMBERED("{\\\"spec.size\\\":5,\\\"gone\\\":5}"), NULL, &crd,
                  NULL) == STATUS_OK);
    arena_release(&arena);
    registry_free(registry);
}
