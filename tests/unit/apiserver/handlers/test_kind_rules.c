#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define SECRETS "/api/v1/namespaces/default/secrets"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"

TEST(kind_rules, a_secret_takes_string_data_into_data)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", SECRETS,
                  "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"YQ==\",\"l\":\"Yg==\\n\"},"
                  "\"stringData\":{\"k\":\"x\",\"m\":\"y\"}}"),
              201);
    CHECK_TEXT(field(&h, "type"), "Opaque");
    CHECK_TEXT(field(&h, "data.k"), "eA==");
    CHECK_TEXT(field(&h, "data.l"), "Yg==");
    CHECK_TEXT(field(&h, "data.m"), "eQ==");
    CHECK(!contains(h.text, "YQ==")); /* replaced, not hidden behind a second one */
    CHECK(node_at(&h, "stringData") == NULL);
    CHECK_INT(ask(&h, "POST", SECRETS, "{\"metadata\":{\"name\":\"b\"},\"data\":{\"k\":\"?\"}}"),
              400);
    harness_stop(&h);
}

TEST(kind_rules, the_type_of_a_secret_stays)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", SECRETS, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(ask(&h, "PUT", SECRETS "/a", "{\"metadata\":{\"name\":\"a\"},\"type\":\"x\"}"), 422);
    CHECK_TEXT(field(&h, "message"),
               "Secret \"a\" is invalid: type: Invalid value: \"x\": field is immutable");
    harness_stop(&h);
}

TEST(kind_rules, immutable_data_stays)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM,
                  "{\"metadata\":{\"name\":\"a\"},\"immutable\":true,\"data\":{\"k\":\"1\"}}"),
              201);
    CHECK_INT(ask(&h, "PUT", CM "/a",
                  "{\"metadata\":{\"name\":\"a\"},\"immutable\":true,\"data\":{\"k\":\"2\"}}"),
              422);
    CHECK_TEXT(field(&h, "message"),
               "ConfigMap \"a\" is invalid: data: Forbidden: field is immutable "
               "when `immutable` is set");
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}"),
              422);
    CHECK_TEXT(field(&h, "details.causes.0.field"), "immutable");
    CHECK_INT(ask(&h, "PUT", CM "/a",
                  "{\"metadata\":{\"name\":\"a\",\"labels\":{\"l\":\"1\"}},\"immutable\":true,"
                  "\"data\":{\"k\":\"1\"}}"),
              200);
    harness_stop(&h);
}

TEST(kind_rules, data_has_a_bound_and_keys_have_a_form)
{
    enum { SIZE = 1024 * 1024 };
    struct harness h;
    struct buf body = {0};
    char *big = malloc(SIZE);

    memset(big, 'x', SIZE);
    harness_start(&h);
    buf_append_str(&body, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"");
    buf_append(&body, big, SIZE);
    buf_append_str(&body, "\"}}");
    CHECK_INT(call_end(call_begin(&h, "POST", CM, NULL, buf_bytes(&body))), 201);
    body.len -= strlen("\"}}");
    buf_append_str(&body, "x\"}}");
    CHECK_INT(call_end(call_begin(&h, "POST", CM, NULL, buf_bytes(&body))), 422);
    CHECK_TEXT(field(&h, "message"),
               "ConfigMap \"a\" is invalid: []: Too long: may not be more than 1048576 bytes");
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"b\"},\"data\":{\"a b\":\"1\"}}"), 422);
    CHECK_TEXT(field(&h, "details.causes.0.field"), "data[a b]");
    buf_release(&body);
    free(big);
    harness_stop(&h);
}

TEST(kind_rules, annotations_have_a_bound)
{
    enum { SIZE = 256 * 1024 };
    struct harness h;
    struct buf body = {0};
    char *big = malloc(SIZE);

    memset(big, 'x', SIZE);
    harness_start(&h);
    buf_append_str(&body, "{\"metadata\":{\"name\":\"a\",\"annotations\":{\"X.io/k\":\"");
    buf_append(&body, big, SIZE);
    buf_append_str(&body, "\"}}}");
    CHECK_INT(call_end(call_begin(&h, "POST", CM, NULL, buf_bytes(&body))), 422);
    CHECK_TEXT(field(&h, "message"),
               "ConfigMap \"a\" is invalid: metadata.annotations: Too long: may "
               "not be more than 262144 bytes");
    buf_release(&body);
    free(big);
    harness_stop(&h);
}

TEST(kind_rules, a_namespace_is_active_labelled_and_held)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}"), 201);
    CHECK_TEXT(field(&h, "status.phase"), "Active");
    CHECK_TEXT(field(&h, "spec.finalizers.0"), "kubernetes");
    CHECK(contains(h.text, "\"kubernetes.io/metadata.name\":\"n\""));
    CHECK_INT(ask(&h, "PUT", "/api/v1/namespaces/n",
                  "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"finalizers\":[]}}"),
              200);
    CHECK_TEXT(field(&h, "spec.finalizers.0"), "kubernetes");
    harness_stop(&h);
}

TEST(kind_rules, a_pod_and_a_service_get_their_defaults)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(
        ask(&h, "POST", "/api/v1/namespaces/default/pods",
            "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
            "\"h:5000/i\",\"ports\":[{\"containerPort\":80}]},{\"name\":\"d\",\"image\":"
            "\"i@sha256:x\"}]},\"status\":{\"phase\":\"Running\"}}"),
        201);
    CHECK_TEXT(field(&h, "status.phase"), "Pending");
    CHECK_TEXT(field(&h, "spec.restartPolicy"), "Always");
    CHECK_TEXT(field(&h, "spec.terminationGracePeriodSeconds"), "30");
    CHECK_TEXT(field(&h, "spec.containers.0.imagePullPolicy"), "Always");
    CHECK_TEXT(field(&h, "spec.containers.0.ports.0.protocol"), "TCP");
    CHECK_TEXT(field(&h, "spec.containers.1.imagePullPolicy"), "IfNotPresent");
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/default/services",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[{\"port\":80}]}}"),
              201);
    CHECK_TEXT(field(&h, "spec.type"), "ClusterIP");
    CHECK_TEXT(field(&h, "spec.ports.0.targetPort"), "80");
    CHECK_TEXT(field(&h, "spec.ports.0.protocol"), "TCP");
    harness_stop(&h);
}

TEST(kind_rules, a_node_brings_its_status_with_it)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/nodes",
                  "{\"metadata\":{\"name\":\"n\"},\"status\":{\"nodeInfo\":{\"kubeletVersion\":"
                  "\"v1\"}}}"),
              201);
    CHECK_TEXT(field(&h, "status.nodeInfo.kubeletVersion"), "v1");
    harness_stop(&h);
}

TEST(kind_rules, the_selector_of_a_workload_matches_its_template_and_stays)
{
    static const char format[] =
        "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"selector\":%s,\"template\":{\"metadata\":{"
        "\"labels\":{\"x\":\"1\",\"y\":\"2\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}}";
    static const struct {
        const char *selector, *words;
    } cases[] = {
        {"null", "spec.selector: Required value"},
        {"{}", "empty selector is invalid for deployment"},
        {"{\"matchLabels\":{\"x\":\"2\"}}", "`selector` does not match template `labels`"},
        {"{\"matchExpressions\":[{\"key\":\"x\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}",
         "`selector` does not match template `labels`"},
        {"{\"matchExpressions\":[{\"key\":\"x\",\"operator\":\"Is\"}]}",
         "not a valid selector operator"},
        {"{\"matchExpressions\":[{\"key\":\"x\",\"operator\":\"In\"}]}",
         "must be specified when `operator` is 'In' or 'NotIn'"},
    };
    struct harness h;
    char body[512];

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(body, sizeof(body), format, cases[i].selector);
        CHECK_INT(ask(&h, "POST", DEPLOYMENTS, body), 422);
        CHECK(contains(field(&h, "message"), cases[i].words));
    }
    snprintf(
        body, sizeof(body), format,
        "{\"matchLabels\":{\"x\":\"1\"},\"matchExpressions\":[{\"key\":\"y\",\"operator\":\"In\","
        "\"values\":[\"2\",\"3\"]}]}");
    CHECK_INT(ask(&h, "POST", DEPLOYMENTS, body), 201);
    CHECK_TEXT(field(&h, "spec.replicas"), "1");
    CHECK_TEXT(field(&h, "spec.strategy.rollingUpdate.maxSurge"), "25%");
    CHECK_TEXT(field(&h, "spec.template.spec.restartPolicy"), "Always");
    snprintf(body, sizeof(body), format, "{\"matchLabels\":{\"x\":\"1\"}}");
    CHECK_INT(ask(&h, "PUT", DEPLOYMENTS "/a", body), 422);
    CHECK(contains(field(&h, "message"), "field is immutable"));
    harness_stop(&h);
}
