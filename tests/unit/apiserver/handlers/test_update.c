#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define FOOS "/apis/example.com/v1/namespaces/default/foos"
#define FOO_CRD                                                                                    \
    "{\"metadata\":{\"name\":\"foos.example.com\"},\"spec\":{\"group\":\"example.com\","           \
    "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":["     \
    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"subresources\":{\"status\":{}},"          \
    "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","                                        \
    "\"x-kubernetes-preserve-unknown-fields\":true}}},"                                            \
    "{\"name\":\"v2\",\"served\":true,\"storage\":false,\"subresources\":{\"status\":{}},"         \
    "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","                                        \
    "\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"

static void make(struct harness *h, const char *target, const char *body)
{
    int code = ask(h, "POST", target, body);

    if (code != 201)
        fprintf(stderr, "%.*s\n", BYTES_FMT(h->text));
    CHECK_INT(code, 201);
}

/* PUT of a body whose one %s is the resourceVersion. */
static int put_at(struct harness *h, const char *target, const char *format, uint64_t rev)
{
    char body[2048], text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)rev);
    snprintf(body, sizeof(body), format, text);
    return ask(h, "PUT", target, body);
}

TEST(update, a_put_at_the_right_version_replaces_the_object)
{
    struct harness h;
    uint64_t first;
    char uid[UUID_LEN + 1];

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}");
    first = answer_rev(&h);
    snprintf(uid, sizeof(uid), "%.*s", BYTES_FMT(field(&h, "metadata.uid")));
    CHECK_INT(
        put_at(&h, CM "/a",
               "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\"},\"data\":{\"k\":\"2\"}}",
               first),
        200);
    CHECK(answer_rev(&h) > first);
    CHECK_TEXT(field(&h, "data.k"), "2");
    CHECK_TEXT(field(&h, "metadata.uid"), uid);
    harness_stop(&h);
}

TEST(update, a_put_at_an_old_version_is_a_conflict)
{
    struct harness h;
    uint64_t first;

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"}}");
    first = answer_rev(&h);
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}"),
              200);
    CHECK_INT(
        put_at(&h, CM "/a", "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\"}}", first),
        409);
    CHECK_TEXT(field(&h, "reason"), "Conflict");
    CHECK_TEXT(field(&h, "message"),
               "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
               "please apply your changes to the latest version and try again");
    harness_stop(&h);
}

TEST(update, of_several_at_one_version_exactly_one_wins)
{
    struct harness h;
    struct call *calls[8];
    char body[256];
    unsigned won = 0, lost = 0;
    uint64_t first;

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"}}");
    first = answer_rev(&h);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        snprintf(
            body, sizeof(body),
            "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%llu\"},\"data\":{\"k\":\"%zu\"}}",
            (unsigned long long)first, i);
        calls[i] = call_begin(&h, "PUT", CM "/a", NULL, bytes_str(body));
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        int code = call_end(calls[i]);

        won += code == 200;
        lost += code == 409;
    }
    CHECK_INT(won, 1);
    CHECK_INT(lost, ARRAY_LEN(calls) - 1);
    harness_stop(&h);
}

TEST(update, an_unconditional_put_is_tried_again_until_it_wins)
{
    struct harness h;
    struct call *calls[8];

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"}}");
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        char body[128];

        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"%zu\"}}", i);
        calls[i] = call_begin(&h, "PUT", CM "/a", NULL, bytes_str(body));
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        CHECK_INT(call_end(calls[i]), 200);
    harness_stop(&h);
}

TEST(update, a_put_that_changes_nothing_writes_nothing)
{
    struct harness h;
    uint64_t first, before;

    harness_start(&h);
    make(&h, CM,
         "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\",\"y\":\"2\"}},\"data\":{\"k\":"
         "\"1\"}}");
    first = answer_rev(&h);
    before = storage_committed(h.worker.storage);
    CHECK_INT(ask(&h, "PUT", CM "/a",
                  "{\"data\":{\"k\":\"1\"},\"metadata\":{\"labels\":{\"y\":\"2\",\"x\":\"1\"},"
                  "\"name\":\"a\"}}"),
              200);
    CHECK_INT(answer_rev(&h), first);
    CHECK_INT(storage_committed(h.worker.storage), before);
    harness_stop(&h);
}

TEST(update, a_put_without_resource_version_is_refused_for_custom_kinds)
{
    struct harness h;

    harness_start(&h);
    make(&h, CRDS, FOO_CRD);
    make(&h, FOOS, "{\"metadata\":{\"name\":\"a\"}}");
    CHECK_INT(ask(&h, "PUT", FOOS "/a", "{\"metadata\":{\"name\":\"a\"},\"spec\":{}}"), 422);
    CHECK_TEXT(
        field(&h, "message"),
        "foos.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must "
        "be specified for an update");
    harness_stop(&h);
}

TEST(update, the_name_must_be_that_of_the_url)
{
    struct harness h;

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"}}");
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"b\"}}"), 400);
    CHECK_TEXT(field(&h, "message"),
               "the name of the object (b) does not match the name on the URL (a)");
    CHECK_INT(ask(&h, "PUT", CM "/a", "{}"), 400);
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"}}"), 400);
    harness_stop(&h);
}

TEST(update, another_uid_is_a_conflict)
{
    struct harness h;

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"}}");
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\",\"uid\":\"other\"}}"), 409);
    CHECK(contains(field(&h, "message"), "Precondition failed: UID in precondition: other"));
    harness_stop(&h);
}

TEST(update, a_put_to_a_missing_name_creates_only_where_the_kind_allows_it)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\"}}"), 404);
    CHECK_INT(ask(&h, "PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/a",
                  "{\"metadata\":{\"name\":\"a\"}}"),
              201);
    CHECK_INT(ask(&h, "PUT", "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases/a",
                  "{\"metadata\":{\"name\":\"a\"}}"),
              404);
    CHECK_INT(ask(&h, "PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/b",
                  "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"7\"}}"),
              409);
    harness_stop(&h);
}

TEST(update, generation_counts_changes_of_the_spec_alone)
{
    static const char deployment[] =
        "{\"metadata\":{\"name\":\"a\"%s},\"spec\":{\"replicas\":%d,\"selector\":{\"matchLabels\":{"
        "\"x\":\"1\"}},\"template\":{\"metadata\":{\"labels\":{\"x\":\"1\"}},\"spec\":{"
        "\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}]}}},\"status\":{\"replicas\":9}}";
    struct harness h;
    char body[512];

    harness_start(&h);
    snprintf(body, sizeof(body), deployment, "", 1);
    make(&h, "/apis/apps/v1/namespaces/default/deployments", body);
    CHECK_TEXT(field(&h, "metadata.generation"), "1");
    CHECK(node_at(&h, "status.replicas") == NULL);
    snprintf(body, sizeof(body), deployment, ",\"labels\":{\"l\":\"1\"}", 1);
    CHECK_INT(ask(&h, "PUT", "/apis/apps/v1/namespaces/default/deployments/a", body), 200);
    CHECK_TEXT(field(&h, "metadata.generation"), "1");
    CHECK(node_at(&h, "status.replicas") == NULL);
    snprintf(body, sizeof(body), deployment, "", 2);
    CHECK_INT(ask(&h, "PUT", "/apis/apps/v1/namespaces/default/deployments/a", body), 200);
    CHECK_TEXT(field(&h, "metadata.generation"), "2");
    harness_stop(&h);
}

TEST(update, the_status_subresource_takes_status_alone)
{
    struct harness h;
    uint64_t rev;

    harness_start(&h);
    make(&h, CRDS, FOO_CRD);
    make(&h, FOOS, "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"n\":1},\"status\":{\"s\":1}}");
    CHECK_TEXT(field(&h, "metadata.generation"), "1");
    CHECK(node_at(&h, "status") == NULL);
    rev = answer_rev(&h);
    CHECK_INT(
        put_at(&h, FOOS "/a/status",
               "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\",\"labels\":{\"l\":\"1\"}"
               "},\"spec\":{\"n\":2},\"status\":{\"s\":2}}",
               rev),
        200);
    CHECK_TEXT(field(&h, "spec.n"), "1");
    CHECK_TEXT(field(&h, "status.s"), "2");
    CHECK_TEXT(field(&h, "metadata.generation"), "1");
    CHECK(node_at(&h, "metadata.labels") == NULL);
    rev = answer_rev(&h);
    CHECK_INT(put_at(&h, FOOS "/a",
                     "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\"},\"spec\":{\"n\":1},"
                     "\"status\":{\"s\":3}}",
                     rev),
              200);
    CHECK_TEXT(field(&h, "status.s"), "2");
    CHECK_INT(answer_rev(&h), rev);
    CHECK_INT(ask(&h, "PUT", CM "/a/status", "{}"), 404);
    harness_stop(&h);
}

TEST(update, a_custom_object_is_stored_in_one_version_and_shown_in_each)
{
    struct harness h;

    harness_start(&h);
    make(&h, CRDS, FOO_CRD);
    make(&h, "/apis/example.com/v2/namespaces/default/foos",
         "{\"apiVersion\":\"example.com/v2\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"a\"},"
         "\"spec\":{\"n\":1}}");
    CHECK_TEXT(field(&h, "apiVersion"), "example.com/v2");
    CHECK_INT(ask(&h, "GET", FOOS "/a", NULL), 200);
    CHECK_TEXT(field(&h, "apiVersion"), "example.com/v1");
    CHECK_INT(
        put_at(&h, "/apis/example.com/v2/namespaces/default/foos/a",
               "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\"},\"spec\":{\"n\":1}}",
               answer_rev(&h)),
        200);
    CHECK_TEXT(field(&h, "apiVersion"), "example.com/v2");
    CHECK_INT(ask(&h, "PUT", FOOS "/a",
                  "{\"apiVersion\":\"example.com/v2\",\"metadata\":{\"name\":\"a\"}}"),
              400);
    harness_stop(&h);
}

TEST(update, the_last_finalizer_takes_a_deleted_object_with_it)
{
    struct harness h;

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}");
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 200);
    CHECK_INT(ask(&h, "PUT", CM "/a",
                  "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\",\"x.io/g\"]}}"),
              422);
    CHECK_TEXT(
        field(&h, "message"),
        "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be "
        "added if the object is being deleted, found new finalizers []string{\"x.io/g\"}");
    h.events.len = 0;
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\"}}"), 200);
    CHECK(field(&h, "metadata.deletionTimestamp").len != 0);
    CHECK_TEXT(buf_bytes(&h.events), "DELETE core/configmaps/default/a\n");
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 404);
    harness_stop(&h);
}

TEST(update, a_dry_run_shows_the_result_and_writes_nothing)
{
    struct harness h;
    uint64_t rev;

    harness_start(&h);
    make(&h, CM, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}");
    rev = answer_rev(&h);
    CHECK_INT(ask(&h, "PUT", CM "/a?dryRun=All",
                  "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"2\"}}"),
              200);
    CHECK_TEXT(field(&h, "data.k"), "2");
    CHECK_INT(answer_rev(&h), rev);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    CHECK_TEXT(field(&h, "data.k"), "1");
    harness_stop(&h);
}

TEST(update, an_object_beyond_what_is_stored_is_too_large)
{
    enum { SIZE = 1600 * 1024 };
    struct harness h;
    struct buf body = {0};
    char *big = malloc(SIZE);

    memset(big, 'x', SIZE);
    harness_start(&h);
    make(&h, CRDS, FOO_CRD);
    buf_append_str(&body, "{\"metadata\":{\"name\":\"a\"},\"spec\":\"");
    buf_append(&body, big, SIZE);
    buf_append_str(&body, "\"}");
    CHECK_INT(call_end(call_begin(&h, "POST", FOOS, NULL, buf_bytes(&body))), 413);
    CHECK_TEXT(field(&h, "reason"), "RequestEntityTooLarge");
    buf_release(&body);
    free(big);
    harness_stop(&h);
}
