#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

TEST(create, a_new_object_gets_what_only_the_server_sets)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM,
                  "{\"metadata\":{\"name\":\"a\",\"uid\":\"mine\",\"generation\":7,"
                  "\"creationTimestamp\":null,\"deletionTimestamp\":\"2020-01-01T00:00:00Z\","
                  "\"selfLink\":\"/x\",\"managedFields\":[]},\"data\":{\"k\":\"v\"}}"),
              201);
    CHECK_TEXT(field(&h, "kind"), "ConfigMap");
    CHECK_TEXT(field(&h, "apiVersion"), "v1");
    CHECK_TEXT(field(&h, "metadata.name"), "a");
    CHECK_TEXT(field(&h, "metadata.namespace"), "default");
    CHECK_INT(field(&h, "metadata.uid").len, UUID_LEN);
    CHECK_INT(field(&h, "metadata.creationTimestamp").len, 20);
    CHECK(answer_rev(&h) != 0);
    CHECK(node_at(&h, "metadata.generation") == NULL);
    CHECK(node_at(&h, "metadata.deletionTimestamp") == NULL);
    CHECK(node_at(&h, "metadata.selfLink") == NULL);
    CHECK(node_at(&h, "metadata.managedFields") == NULL);
    CHECK_TEXT(field(&h, "data.k"), "v");
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    CHECK_TEXT(field(&h, "data.k"), "v");
    harness_stop(&h);
}

TEST(create, a_name_that_is_taken_is_a_conflict)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 409);
    CHECK_TEXT(field(&h, "reason"), "AlreadyExists");
    CHECK_TEXT(field(&h, "message"), "configmaps \"a\" already exists");
    harness_stop(&h);
}

TEST(create, of_two_at_once_exactly_one_wins)
{
    struct harness h;
    struct call *calls[8];
    unsigned created = 0, refused = 0;

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        calls[i] = call_begin(&h, "POST", CM, NULL, BYTES("{\"metadata\":{\"name\":\"a\"}}"));
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        int code = call_end(calls[i]);

        created += code == 201;
        refused += code == 409;
    }
    CHECK_INT(created, 1);
    CHECK_INT(refused, ARRAY_LEN(calls) - 1);
    harness_stop(&h);
}

TEST(create, a_name_is_generated_from_its_prefix)
{
    struct harness h;
    char first[64] = "";

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"generateName\":\"app-\"}}"), 201);
    CHECK_INT(field(&h, "metadata.name").len, strlen("app-") + 5);
    CHECK(bytes_starts_with(field(&h, "metadata.name"), BYTES("app-")));
    CHECK_TEXT(field(&h, "metadata.generateName"), "app-");
    snprintf(first, sizeof(first), "%.*s", BYTES_FMT(field(&h, "metadata.name")));
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"generateName\":\"app-\"}}"), 201);
    CHECK(!bytes_eq_str(field(&h, "metadata.name"), first));
    harness_stop(&h);
}

TEST(create, a_long_prefix_leaves_room_for_the_generated_part)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM,
                  "{\"metadata\":{\"generateName\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}"),
              201);
    CHECK_INT(field(&h, "metadata.name").len, 63);
    harness_stop(&h);
}

TEST(create, a_missing_name_is_required)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}"), 422);
    CHECK_TEXT(field(&h, "message"), "ConfigMap \"\" is invalid: metadata.name: Required value: "
                                     "name or generateName is required");
    CHECK_TEXT(field(&h, "details.causes.0.reason"), "FieldValueRequired");
    CHECK_TEXT(field(&h, "details.causes.0.field"), "metadata.name");
    harness_stop(&h);
}

TEST(create, every_kind_has_its_rule_for_names)
{
    static const struct {
        const char *target, *name;
        int code;
    } cases[] = {
        {CM, "A", 422},
        {CM, "a.b", 201},
        {"/api/v1/namespaces", "a.b", 422},
        {"/api/v1/namespaces", "1a", 201},
        {"/api/v1/namespaces/default/services", "1a", 422},
        {"/api/v1/namespaces/default/services", "a1", 201},
        {"/apis/rbac.authorization.k8s.io/v1/clusterroles", "system:Admin", 201},
        {"/apis/rbac.authorization.k8s.io/v1/clusterroles", "a/b", 422},
        {"/apis/rbac.authorization.k8s.io/v1/clusterroles", "..", 422},
    };
    struct harness h;
    char body[128];

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", cases[i].name);
        CHECK_INT(ask(&h, "POST", cases[i].target, body), cases[i].code);
    }
    CHECK_TEXT(field(&h, "message"), "ClusterRole.rbac.authorization.k8s.io \"..\" is invalid: "
                                     "metadata.name: Invalid value: \"..\": may not be '..'");
    harness_stop(&h);
}

TEST(create, a_resource_version_is_refused)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}"),
              400);
    CHECK_TEXT(field(&h, "message"), "resourceVersion should not be set on objects to be created");
    harness_stop(&h);
}

TEST(create, the_namespace_must_be_that_of_the_url)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"other\"}}"), 400);
    CHECK_TEXT(field(&h, "message"), "the namespace of the provided object does not match the "
                                     "namespace sent on the request");
    harness_stop(&h);
}

TEST(create, the_namespace_must_exist)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(
        ask(&h, "POST", "/api/v1/namespaces/nowhere/configmaps", "{\"metadata\":{\"name\":\"a\"}}"),
        404);
    CHECK_TEXT(field(&h, "message"), "namespaces \"nowhere\" not found");
    CHECK_TEXT(field(&h, "details.kind"), "namespaces");
    harness_stop(&h);
}

TEST(create, what_is_no_object_of_the_kind_is_refused)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v2\",\"metadata\":{\"name\":\"a\"}}",
         "the API version in the data (v2) does not match the expected API version (v1)"},
        {"{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}}",
         "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to "
         "(v1.ConfigMap): unknown conversion"},
        {"{\"metadata\":{\"name\":5}}",
         "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal "
         "number into Go struct field ObjectMeta.metadata.name of type string"},
        {"{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":1}}",
         "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal "
         "number into Go struct field ConfigMap.data of type string"},
    };
    struct harness h;

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_INT(ask(&h, "POST", CM, cases[i].body), 400);
        CHECK_TEXT(field(&h, "message"), cases[i].message);
        CHECK_TEXT(field(&h, "reason"), "BadRequest");
    }
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":"), 400);
    CHECK(contains(field(&h, "message"),
                   "the object provided is unrecognized (must be of type "
                   "ConfigMap): couldn't get version/kind; json parse error"));
    CHECK_INT(ask(&h, "POST", CM, ""), 400);
    CHECK(contains(field(&h, "message"), "unexpected end of JSON input (<empty>)"));
    CHECK_INT(ask(&h, "POST", CM, "[]"), 400);
    CHECK_INT(ask_as(&h, "POST", CM, "text/plain", "{}"), 415);
    harness_stop(&h);
}

TEST(create, a_body_may_be_yaml)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask_as(&h, "POST", CM, "application/yaml", "metadata:\n  name: a\ndata:\n  k: v\n"),
              201);
    CHECK_TEXT(field(&h, "data.k"), "v");
    harness_stop(&h);
}

TEST(create, a_dry_run_leaves_no_trace)
{
    struct harness h;
    uint64_t before;

    harness_start(&h);
    before = storage_committed(h.worker.storage);
    CHECK_INT(ask(&h, "POST", CM "?dryRun=All", "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(field(&h, "metadata.uid").len, UUID_LEN);
    CHECK(node_at(&h, "metadata.resourceVersion") == NULL);
    CHECK_INT(storage_committed(h.worker.storage), before);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 404);
    harness_stop(&h);
}

TEST(create, options_are_checked)
{
    static const struct {
        const char *query, *message;
    } cases[] = {
        {"dryRun=Some", "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: "
                        "[\"Some\"]: supported values: \"All\""},
        {"fieldValidation=Loud",
         "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Loud\": "
         "supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""},
        {"fieldManager=a%07b", "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid "
                               "value: \"a\\u0007b\": invalid character U+0007 (at position 1)"},
    };
    struct harness h;
    char target[256], manager[130];

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(target, sizeof(target), CM "?%s", cases[i].query);
        CHECK_INT(ask(&h, "POST", target, "{\"metadata\":{\"name\":\"a\"}}"), 422);
        CHECK_TEXT(field(&h, "message"), cases[i].message);
    }
    memset(manager, 'm', sizeof(manager) - 1);
    manager[sizeof(manager) - 1] = '\0';
    snprintf(target, sizeof(target), CM "?fieldManager=%s", manager);
    CHECK_INT(ask(&h, "POST", target, "{\"metadata\":{\"name\":\"a\"}}"), 422);
    CHECK_TEXT(field(&h, "message"), "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too "
                                     "long: may not be more than 128 bytes");
    harness_stop(&h);
}

TEST(create, a_duplicate_field_is_warned_of_or_refused_as_asked)
{
    static const char body[] =
        "{\"metadata\":{\"name\":\"%s\"},\"data\":{\"k\":\"1\",\"k\":\"2\"}}";
    struct harness h;
    char text[128];

    harness_start(&h);
    snprintf(text, sizeof(text), body, "a");
    CHECK_INT(ask(&h, "POST", CM, text), 201);
    CHECK_TEXT(h.warning, "299 - \"duplicate field \\\"data.k\\\"\"");
    CHECK_TEXT(field(&h, "data.k"), "2");
    snprintf(text, sizeof(text), body, "b");
    CHECK_INT(ask(&h, "POST", CM "?fieldValidation=Ignore", text), 201);
    CHECK_INT(h.warning.len, 0);
    snprintf(text, sizeof(text), body, "c");
    CHECK_INT(ask(&h, "POST", CM "?fieldValidation=Strict", text), 400);
    CHECK_TEXT(field(&h, "message"),
               "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: "
               "strict decoding error: duplicate field \"data.k\"");
    harness_stop(&h);
}

TEST(create, an_unknown_field_is_dropped_and_warned_of_or_refused_as_asked)
{
    static const char body[] = "{\"colour\":\"red\",\"metadata\":{\"name\":\"%s\",\"nick\":1}}";
    struct harness h;
    char text[128];

    harness_start(&h);
    snprintf(text, sizeof(text), body, "a");
    CHECK_INT(ask(&h, "POST", CM, text), 201);
    CHECK_TEXT(h.warning, "299 - \"unknown field \\\"metadata.nick\\\"\""); /* the last */
    CHECK(node_at(&h, "colour") == NULL);
    CHECK(node_at(&h, "metadata.nick") == NULL);
    snprintf(text, sizeof(text), body, "b");
    CHECK_INT(ask(&h, "POST", CM "?fieldValidation=Ignore", text), 201);
    CHECK_INT(h.warning.len, 0);
    CHECK(node_at(&h, "colour") == NULL);
    snprintf(text, sizeof(text), body, "c");
    CHECK_INT(ask(&h, "POST", CM "?fieldValidation=Strict", text), 400);
    CHECK_TEXT(
        field(&h, "message"),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
        "unknown field \"colour\", unknown field \"metadata.nick\"");
    harness_stop(&h);
}

TEST(create, metadata_is_validated)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM,
                  "{\"metadata\":{\"name\":\"a\",\"labels\":{\"k\":\"bad value\"},"
                  "\"finalizers\":[\"plain\"],"
                  "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"X\",\"name\":\"x\"}]}}"),
              422);
    CHECK_TEXT(field(&h, "details.causes.0.field"), "metadata.labels");
    CHECK_TEXT(field(&h, "details.causes.1.field"), "metadata.ownerReferences.uid");
    CHECK_TEXT(field(&h, "details.causes.1.message"), "Invalid value: \"\": must not be empty");
    CHECK_TEXT(field(&h, "details.causes.2.field"), "metadata.finalizers");
    CHECK_TEXT(
        field(&h, "details.causes.2.message"),
        "Invalid value: \"plain\": name is neither a standard finalizer name nor is it fully "
        "qualified");
    harness_stop(&h);
}

TEST(create, a_client_that_leaves_does_not_undo_its_write)
{
    struct harness h;
    struct call *call;

    harness_start(&h);
    call = call_begin(&h, "POST", CM, NULL, BYTES("{\"metadata\":{\"name\":\"a\"}}"));
    call_hang_up(call);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"b\"}}"), 201);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    call_free(call);
    harness_stop(&h);
}
