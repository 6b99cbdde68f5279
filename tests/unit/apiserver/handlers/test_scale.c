#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"

static void make_deployment(struct harness *h)
{
    CHECK_INT(
        ask(h, "POST", DEPLOYMENTS,
            "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"replicas\":3,\"selector\":{"
            "\"matchLabels\":{\"x\":\"1\"}},\"template\":{\"metadata\":{\"labels\":{\"x\":\"1\"}},"
            "\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}}"),
        201);
}

TEST(scale, shows_replicas_and_selector)
{
    struct harness h;

    harness_start(&h);
    make_deployment(&h);
    CHECK_INT(ask(&h, "GET", DEPLOYMENTS "/a/scale", NULL), 200);
    CHECK_TEXT(field(&h, "kind"), "Scale");
    CHECK_TEXT(field(&h, "apiVersion"), "autoscaling/v1");
    CHECK_TEXT(field(&h, "metadata.name"), "a");
    CHECK(answer_rev(&h) != 0);
    CHECK_TEXT(field(&h, "spec.replicas"), "3");
    CHECK_TEXT(field(&h, "status.replicas"), "0");
    CHECK_TEXT(field(&h, "status.selector"), "x=1");
    harness_stop(&h);
}

TEST(scale, a_put_changes_the_object_and_its_generation)
{
    struct harness h;

    harness_start(&h);
    make_deployment(&h);
    CHECK_INT(ask(&h, "PUT", DEPLOYMENTS "/a/scale",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"replicas\":5}}"),
              200);
    CHECK_TEXT(field(&h, "kind"), "Scale");
    CHECK_TEXT(field(&h, "spec.replicas"), "5");
    CHECK_INT(ask(&h, "GET", DEPLOYMENTS "/a", NULL), 200);
    CHECK_TEXT(field(&h, "spec.replicas"), "5");
    CHECK_TEXT(field(&h, "metadata.generation"), "2");
    harness_stop(&h);
}

TEST(scale, a_patch_changes_it_too)
{
    struct harness h;

    harness_start(&h);
    make_deployment(&h);
    CHECK_INT(ask_as(&h, "PATCH", DEPLOYMENTS "/a/scale", "application/merge-patch+json",
                     "{\"spec\":{\"replicas\":7}}"),
              200);
    CHECK_TEXT(field(&h, "spec.replicas"), "7");
    harness_stop(&h);
}

TEST(scale, below_zero_and_old_versions_are_refused)
{
    struct harness h;

    harness_start(&h);
    make_deployment(&h);
    CHECK_INT(ask(&h, "PUT", DEPLOYMENTS "/a/scale",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"replicas\":-1}}"),
              422);
    CHECK_TEXT(field(&h, "message"), "Scale.autoscaling \"a\" is invalid: spec.replicas: Invalid "
                                     "value: -1: must be greater than or equal to 0");
    CHECK_INT(
        ask(&h, "PUT", DEPLOYMENTS "/a/scale",
            "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"},\"spec\":{\"replicas\":2}}"),
        409);
    CHECK_INT(ask(&h, "PUT", DEPLOYMENTS "/a/scale",
                  "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"a\"}}"),
              400);
    harness_stop(&h);
}

TEST(scale, of_a_custom_kind_is_where_its_definition_says)
{
    static const char foos[] = "/apis/example.com/v1/namespaces/default/foos";
    struct harness h;

    harness_start(&h);
    CHECK_INT(
        ask(&h, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "{\"metadata\":{\"name\":\"foos.example.com\"},\"spec\":{\"group\":\"example.com\","
            "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},"
            "\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,"
            "\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":\".spec.size.n\","
            "\"statusReplicasPath\":\".status.n\"}},\"schema\":{\"openAPIV3Schema\":{"
            "\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"),
        201);
    CHECK_INT(ask(&h, "POST", foos, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    CHECK_INT(ask(&h, "GET", "/apis/example.com/v1/namespaces/default/foos/a/scale", NULL), 500);
    CHECK_TEXT(field(&h, "message"), "the spec replicas field \".spec.size.n\" does not exist");
    CHECK_INT(ask(&h, "PUT", "/apis/example.com/v1/namespaces/default/foos/a/scale",
                  "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"replicas\":4}}"),
              200);
    CHECK_TEXT(field(&h, "spec.replicas"), "4");
    CHECK_INT(ask(&h, "GET", "/apis/example.com/v1/namespaces/default/foos/a", NULL), 200);
    CHECK_TEXT(field(&h, "spec.size.n"), "4");
    CHECK_TEXT(field(&h, "metadata.generation"), "2");
    harness_stop(&h);
}
