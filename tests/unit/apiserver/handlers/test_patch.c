#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define MERGE "application/merge-patch+json"
#define JSON_PATCH "application/json-patch+json"
#define STRATEGIC "application/strategic-merge-patch+json"
#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

TEST(patch, a_merge_patch_changes_what_it_names)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(
        ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\",\"l\":\"1\"}}"),
        201);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"data\":{\"k\":\"2\",\"l\":null}}"), 200);
    CHECK_TEXT(field(&h, "data.k"), "2");
    CHECK(node_at(&h, "data.l") == NULL);
    harness_stop(&h);
}

TEST(patch, a_json_patch_is_applied_whole_or_not_at_all)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}"), 201);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", JSON_PATCH,
                     "[{\"op\":\"replace\",\"path\":\"/data/k\",\"value\":\"2\"},"
                     "{\"op\":\"test\",\"path\":\"/data/k\",\"value\":\"3\"}]"),
              422);
    CHECK_TEXT(field(&h, "message"),
               "the server rejected our request due to an error in our request");
    CHECK_TEXT(field(&h, "details.causes.0.reason"), "UnexpectedServerResponse");
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    CHECK_TEXT(field(&h, "data.k"), "1");
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", JSON_PATCH,
                     "[{\"op\":\"replace\",\"path\":\"/data/k\",\"value\":\"2\"}]"),
              200);
    CHECK_TEXT(field(&h, "data.k"), "2");
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", JSON_PATCH, "{}"), 400);
    harness_stop(&h);
}

TEST(patch, a_strategic_patch_merges_lists_by_key)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/default/pods",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"containers\":["
                  "{\"name\":\"c\",\"image\":\"i:1\"},{\"name\":\"d\",\"image\":\"i:1\"}]}}"),
              201);
    CHECK_INT(ask_as(&h, "PATCH", "/api/v1/namespaces/default/pods/a", STRATEGIC,
                     "{\"spec\":{\"containers\":[{\"name\":\"d\",\"image\":\"i:2\"}]}}"),
              200);
    CHECK_INT(node_at(&h, "spec.containers")->count, 2);
    CHECK_TEXT(field(&h, "spec.containers.0.image"), "i:1");
    CHECK_TEXT(field(&h, "spec.containers.1.image"), "i:2");
    harness_stop(&h);
}

TEST(patch, the_types_a_kind_takes_are_named)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", "application/json", "{}"), 415);
    CHECK_TEXT(field(&h, "message"),
               "the body of the request was in an unknown format - accepted media types include: "
               "application/json-patch+json, application/merge-patch+json, "
               "application/strategic-merge-patch+json");
    CHECK_INT(
        ask(&h, "POST", CRDS,
            "{\"metadata\":{\"name\":\"foos.example.com\"},\"spec\":{\"group\":\"example.com\","
            "\"scope\":\"Cluster\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":"
            "[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
            "\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}"),
        201);
    CHECK_INT(ask_as(&h, "PATCH", "/apis/example.com/v1/foos/a", STRATEGIC, "{}"), 415);
    CHECK_TEXT(field(&h, "message"),
               "the body of the request was in an unknown format - accepted media types include: "
               "application/json-patch+json, application/merge-patch+json");
    harness_stop(&h);
}

TEST(patch, a_missing_object_is_not_made)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{}"), 404);
    CHECK_TEXT(field(&h, "message"), "configmaps \"a\" not found");
    harness_stop(&h);
}

TEST(patch, patches_at_once_all_take_effect)
{
    struct harness h;
    struct call *calls[16];
    char body[64];

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        snprintf(body, sizeof(body), "{\"data\":{\"k%zu\":\"v\"}}", i);
        calls[i] = call_begin(&h, "PATCH", CM "/a", MERGE, bytes_str(body));
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        CHECK_INT(call_end(calls[i]), 200);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    CHECK_INT(node_at(&h, "data")->count, ARRAY_LEN(calls));
    harness_stop(&h);
}

TEST(patch, a_resource_version_in_the_patch_is_a_lock)
{
    struct harness h;
    char body[128];
    uint64_t rev;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    rev = answer_rev(&h);
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"resourceVersion\":\"%llu\"},\"data\":{\"k\":\"1\"}}",
             (unsigned long long)rev);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, body), 200);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, body), 409);
    harness_stop(&h);
}

TEST(patch, a_patch_cannot_rename_or_retype)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"metadata\":{\"name\":\"b\"}}"), 400);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"kind\":\"Secret\"}"), 400);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"apiVersion\":\"v2\"}"), 400);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"metadata\":{\"labels\":5}}"), 422);
    CHECK(contains(field(&h, "message"), " \"\" is invalid: patch: Invalid value: "));
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"metadata\":{\"uid\":\"x\"}}"), 409);
    harness_stop(&h);
}

TEST(patch, one_that_changes_nothing_writes_nothing)
{
    struct harness h;
    uint64_t rev;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}"), 201);
    rev = answer_rev(&h);
    h.events.len = 0;
    CHECK_INT(ask_as(&h, "PATCH", CM "/a", MERGE, "{\"data\":{\"k\":\"1\"}}"), 200);
    CHECK_INT(answer_rev(&h), rev);
    CHECK_INT(h.events.len, 0);
    harness_stop(&h);
}

TEST(patch, options_are_checked)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask_as(&h, "PATCH", CM "/a?force=true", MERGE, "{}"), 422);
    CHECK_TEXT(field(&h, "message"),
               "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may "
               "not be specified for non-apply patch");
    CHECK_INT(
        ask_as(&h, "PATCH", CM "/a?fieldValidation=Strict", MERGE, "{\"data\":{},\"data\":{}}"),
        400);
    CHECK_TEXT(field(&h, "message"), "strict decoding error: duplicate field \"data\"");
    harness_stop(&h);
}

TEST(patch, too_many_operations_are_too_large)
{
    struct harness h;
    struct buf body = {0};

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    buf_append_char(&body, '[');
    for (int i = 0; i <= 10000; i++)
        buf_append_str(&body,
                       i == 0 ? "{\"op\":\"test\",\"path\":\"/kind\",\"value\":\"ConfigMap\"}"
                              : ",{\"op\":\"test\",\"path\":\"/kind\",\"value\":\"ConfigMap\"}");
    buf_append_char(&body, ']');
    CHECK_INT(call_end(call_begin(&h, "PATCH", CM "/a", JSON_PATCH, buf_bytes(&body))), 413);
    buf_release(&body);
    harness_stop(&h);
}

TEST(patch, the_status_subresource_is_patched_alone)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/default/pods",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"containers\":[{\"name\":\"c\"}]}}"),
              201);
    CHECK_TEXT(field(&h, "status.phase"), "Pending");
    CHECK_INT(ask_as(&h, "PATCH", "/api/v1/namespaces/default/pods/a/status", STRATEGIC,
                     "{\"status\":{\"phase\":\"Running\"},\"spec\":{\"nodeName\":\"n\"}}"),
              200);
    CHECK_TEXT(field(&h, "status.phase"), "Running");
    CHECK(node_at(&h, "spec.nodeName") == NULL);
    CHECK_INT(ask_as(&h, "PATCH", "/api/v1/namespaces/default/pods/a", STRATEGIC,
                     "{\"status\":{\"phase\":\"Failed\"}}"),
              200);
    CHECK_TEXT(field(&h, "status.phase"), "Running");
    harness_stop(&h);
}
