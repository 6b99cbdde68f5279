#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define PODS "/api/v1/namespaces/default/pods"

static void make_pod(struct harness *h, const char *node)
{
    char body[256];

    snprintf(
        body, sizeof(body),
        "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":"
        "\"c\"}]}}",
        node);
    CHECK_INT(ask(h, "POST", PODS, body), 201);
}

TEST(delete, answers_with_a_status_that_has_the_uid)
{
    struct harness h;
    char uid[UUID_LEN + 1];

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    snprintf(uid, sizeof(uid), "%.*s", BYTES_FMT(field(&h, "metadata.uid")));
    CHECK_INT(ask(&h, "DELETE", CM "/a", "{\"propagationPolicy\":\"Background\"}"), 200);
    CHECK_TEXT(field(&h, "kind"), "Status");
    CHECK_TEXT(field(&h, "status"), "Success");
    CHECK_TEXT(field(&h, "details.name"), "a");
    CHECK_TEXT(field(&h, "details.kind"), "configmaps");
    CHECK_TEXT(field(&h, "details.uid"), uid);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 404);
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 404);
    harness_stop(&h);
}

TEST(delete, some_kinds_answer_with_the_object)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/default/services",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[{\"port\":80}]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/default/services/a", NULL), 200);
    CHECK_TEXT(field(&h, "kind"), "Service");
    CHECK_TEXT(field(&h, "metadata.name"), "a");
    harness_stop(&h);
}

TEST(delete, a_finalizer_holds_the_object_and_marks_it_once)
{
    struct harness h;
    char stamp[32];
    uint64_t rev;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    h.events.len = 0;
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 200);
    CHECK_TEXT(field(&h, "kind"), "ConfigMap");
    CHECK_TEXT(field(&h, "metadata.deletionGracePeriodSeconds"), "0");
    snprintf(stamp, sizeof(stamp), "%.*s", BYTES_FMT(field(&h, "metadata.deletionTimestamp")));
    CHECK_INT(strlen(stamp), 20);
    rev = answer_rev(&h);
    CHECK_TEXT(buf_bytes(&h.events), "PUT core/configmaps/default/a\n");
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 200);
    CHECK_INT(answer_rev(&h), rev);
    CHECK_TEXT(field(&h, "metadata.deletionTimestamp"), stamp);
    harness_stop(&h);
}

TEST(delete, an_update_cannot_take_the_mark_away)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 200);
    CHECK_INT(
        ask(&h, "PUT", CM "/a",
            "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]},\"data\":{\"k\":\"1\"}}"),
        200);
    CHECK(field(&h, "metadata.deletionTimestamp").len != 0);
    CHECK_TEXT(field(&h, "metadata.deletionGracePeriodSeconds"), "0");
    harness_stop(&h);
}

TEST(delete, preconditions_must_hold)
{
    struct harness h;
    char body[128];
    uint64_t rev;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    rev = answer_rev(&h);
    CHECK_INT(ask(&h, "DELETE", CM "/a", "{\"preconditions\":{\"uid\":\"x\"}}"), 409);
    CHECK(contains(field(&h, "message"), "the UID in the precondition (x) does not match"));
    CHECK_INT(ask(&h, "DELETE", CM "/a", "{\"preconditions\":{\"resourceVersion\":\"1\"}}"), 409);
    snprintf(body, sizeof(body), "{\"preconditions\":{\"resourceVersion\":\"%llu\"}}",
             (unsigned long long)rev);
    CHECK_INT(ask(&h, "DELETE", CM "/a", body), 200);
    harness_stop(&h);
}

TEST(delete, propagation_policies_leave_their_finalizer)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(ask(&h, "DELETE", CM "/a?propagationPolicy=Foreground", NULL), 200);
    CHECK_TEXT(field(&h, "metadata.finalizers.0"), "foregroundDeletion");
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"b\"}}"), 201);
    CHECK_INT(ask(&h, "DELETE", CM "/b", "{\"propagationPolicy\":\"Orphan\"}"), 200);
    CHECK_TEXT(field(&h, "metadata.finalizers.0"), "orphan");
    CHECK_INT(ask(&h, "DELETE", CM "/b", "{\"propagationPolicy\":\"Whatever\"}"), 422);
    CHECK_TEXT(
        field(&h, "message"),
        "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
        "\"Whatever\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
    harness_stop(&h);
}

TEST(delete, the_query_counts_only_without_a_body)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(ask(&h, "DELETE", CM "/a?dryRun=All", NULL), 200);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    CHECK_INT(ask(&h, "DELETE", CM "/a?gracePeriodSeconds=x", NULL), 400);
    CHECK_INT(ask(&h, "DELETE", CM "/a?dryRun=All", "{\"kind\":\"DeleteOptions\"}"), 200);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 404);
    CHECK_INT(ask(&h, "DELETE", CM "/a", "{\"kind\":\"Pod\"}"), 400);
    CHECK_INT(ask(&h, "DELETE", CM "/a", "{\"gracePeriodSeconds\":\"x\"}"), 400);
    harness_stop(&h);
}

TEST(delete, a_pod_without_a_node_goes_at_once)
{
    struct harness h;

    harness_start(&h);
    make_pod(&h, "");
    CHECK_INT(ask(&h, "DELETE", PODS "/a", NULL), 200);
    CHECK_TEXT(field(&h, "kind"), "Pod");
    CHECK_INT(ask(&h, "GET", PODS "/a", NULL), 404);
    harness_stop(&h);
}

TEST(delete, a_pod_on_a_node_gets_its_time_and_may_be_hurried)
{
    struct harness h;

    harness_start(&h);
    make_pod(&h, "n");
    CHECK_INT(ask(&h, "DELETE", PODS "/a", NULL), 200);
    CHECK_TEXT(field(&h, "metadata.deletionGracePeriodSeconds"), "30");
    CHECK_INT(ask(&h, "DELETE", PODS "/a?gracePeriodSeconds=40", NULL), 200);
    CHECK_TEXT(field(&h, "metadata.deletionGracePeriodSeconds"), "30");
    CHECK_INT(ask(&h, "DELETE", PODS "/a?gracePeriodSeconds=5", NULL), 200);
    CHECK_TEXT(field(&h, "metadata.deletionGracePeriodSeconds"), "5");
    CHECK_INT(ask(&h, "GET", PODS "/a", NULL), 200);
    CHECK_INT(ask(&h, "DELETE", PODS "/a?gracePeriodSeconds=0", NULL), 200);
    CHECK_INT(ask(&h, "GET", PODS "/a", NULL), 404);
    harness_stop(&h);
}

TEST(delete, of_several_at_once_exactly_one_deletes)
{
    struct harness h;
    struct call *calls[8];
    unsigned gone = 0;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    h.events.len = 0;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        calls[i] = call_begin(&h, "DELETE", CM "/a", NULL, BYTES(""));
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        gone += call_end(calls[i]) == 200;
    CHECK_INT(gone, 1);
    CHECK_TEXT(buf_bytes(&h.events), "DELETE core/configmaps/default/a\n");
    harness_stop(&h);
}

TEST(delete, the_namespaces_of_the_system_stay)
{
    static const char *const names[] = {"default", "kube-system", "kube-public"};
    struct harness h;
    char target[64];

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(target, sizeof(target), "/api/v1/namespaces/%s", names[i]);
        CHECK_INT(ask(&h, "DELETE", target, NULL), 403);
        CHECK(contains(field(&h, "message"), "is forbidden: this namespace may not be deleted"));
    }
    harness_stop(&h);
}

TEST(delete, a_recreated_object_has_a_new_uid)
{
    struct harness h;
    char uid[UUID_LEN + 1];

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    snprintf(uid, sizeof(uid), "%.*s", BYTES_FMT(field(&h, "metadata.uid")));
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 200);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK(!bytes_eq_str(field(&h, "metadata.uid"), uid));
    harness_stop(&h);
}
