#include "unit/test.h"

#include <sched.h>

#include "apiserver/handlers/create.h"
#include "apiserver/handlers/delete.h"
#include "unit/apiserver/handlers/harness.h"

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define FOOS "/apis/example.com/v1/namespaces/default/foos"

static void make_namespace(struct harness *h)
{
    CHECK_INT(ask(h, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}"), 201);
}

static void make_crd(struct harness *h)
{
    CHECK_INT(
        ask(h, "POST", CRDS,
            "{\"metadata\":{\"name\":\"foos.example.com\"},\"spec\":{\"group\":\"example.com\","
            "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},"
            "\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
            "\"openAPIV3Schema\":{\"type\":\"object\"}}},{\"name\":\"v2\",\"served\":true,"
            "\"storage\":false,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}"),
        201);
}

static size_t count(struct bytes text, const char *part)
{
    size_t found = 0;

    for (const char *at = text.ptr;
         (at = memmem(at, (size_t)(text.ptr + text.len - at), part, strlen(part))) != NULL; at++)
        found++;
    return found;
}

TEST(lifecycle, the_first_namespaces_are_made_at_the_start)
{
    static const char *const names[] = {"default", "kube-system", "kube-public", "kube-node-lease"};
    struct harness h;
    char target[64];

    harness_start(&h);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(target, sizeof(target), "/api/v1/namespaces/%s", names[i]);
        CHECK_INT(ask(&h, "GET", target, NULL), 200);
        CHECK_TEXT(field(&h, "status.phase"), "Active");
    }
    harness_stop(&h);
}

TEST(lifecycle, only_missing_namespaces_are_made_again)
{
    struct harness h;
    uint64_t before;

    harness_start(&h);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/kube-node-lease", NULL), 200);
    wait_until_gone(&h, "core/namespaces/kube-node-lease");
    before = storage_committed(h.worker.storage);
    lifecycle_free(h.worker.lifecycle);
    h.ready = false;
    h.worker.lifecycle = lifecycle_new(&h.worker, harness_ready, &h);
    run_loop(&h);
    CHECK(h.ready);
    CHECK_INT(storage_committed(h.worker.storage), before + 1);
    harness_stop(&h);
}

TEST(lifecycle, an_empty_namespace_goes_by_itself)
{
    struct harness h;

    harness_start(&h);
    make_namespace(&h);
    h.events.len = 0;
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    CHECK_TEXT(field(&h, "status.phase"), "Terminating");
    CHECK(field(&h, "metadata.deletionTimestamp").len != 0);
    wait_until_gone(&h, "core/namespaces/n");
    CHECK_TEXT(buf_bytes(&h.events), "PUT core/namespaces/n\nDELETE core/namespaces/n\n");
    harness_stop(&h);
}

TEST(lifecycle, a_namespace_takes_all_that_is_in_it_and_nothing_else)
{
    enum { COUNT = 600 };
    struct harness h;
    char body[64];

    harness_start(&h);
    make_crd(&h);
    make_namespace(&h);
    for (int i = 0; i < COUNT; i++) {
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"c%d\"}}", i);
        CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps", body), 201);
    }
    CHECK_INT(
        ask(&h, "POST", "/api/v1/namespaces/n/pods",
            "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"x\",\"containers\":[]}}"),
        201);
    CHECK_INT(ask(&h, "POST", "/apis/example.com/v1/namespaces/n/foos",
                  "{\"metadata\":{\"name\":\"f\"}}"),
              201);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"other\"}}"), 201);
    h.events.len = 0;
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    wait_until_gone(&h, "core/namespaces/n");
    CHECK_INT(count(buf_bytes(&h.events), "DELETE core/configmaps/n/c"), COUNT);
    CHECK_INT(count(buf_bytes(&h.events), "DELETE core/pods/n/p\n"), 1);
    CHECK_INT(count(buf_bytes(&h.events), "DELETE custom/example.com/foos/n/f\n"), 1);
    CHECK(bytes_ends_with(buf_bytes(&h.events), BYTES("DELETE core/namespaces/n\n")));
    CHECK_INT(ask(&h, "GET", CM "/other", NULL), 200);
    harness_stop(&h);
}

TEST(lifecycle, a_namespace_waits_for_finalizers_without_polling)
{
    struct harness h;

    harness_start(&h);
    make_crd(&h);
    make_namespace(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps",
                  "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "POST", "/apis/example.com/v2/namespaces/n/foos",
                  "{\"metadata\":{\"name\":\"f\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    CHECK_INT(ask(&h, "GET", "/api/v1/namespaces/n/configmaps/a", NULL), 200);
    CHECK_INT(
        ask(&h, "PUT", "/api/v1/namespaces/n/configmaps/a", "{\"metadata\":{\"name\":\"a\"}}"),
        200);
    CHECK_INT(ask(&h, "GET", "/api/v1/namespaces/n", NULL), 200);
    CHECK_INT(ask_as(&h, "PATCH", "/apis/example.com/v1/namespaces/n/foos/f",
                     "application/merge-patch+json", "{\"metadata\":{\"finalizers\":null}}"),
              200);
    wait_until_gone(&h, "core/namespaces/n");
    harness_stop(&h);
}

TEST(lifecycle, nothing_new_is_made_in_a_namespace_that_ends)
{
    struct harness h;

    harness_start(&h);
    make_namespace(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps",
                  "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"b\"}}"),
              403);
    CHECK_TEXT(field(&h, "message"),
               "configmaps \"b\" is forbidden: unable to create new content in "
               "namespace n because it is being terminated");
    CHECK_TEXT(field(&h, "details.causes.0.reason"), "NamespaceTerminating");
    CHECK_TEXT(field(&h, "details.causes.0.message"), "namespace n is being terminated");
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    harness_stop(&h);
}

/* A create whose namespace begins to end between its plan and its write. */
struct late {
    struct write_job job; /* first */
    struct write_job ending;
    bool began;
    enum status result;
    struct harness *harness;
};

static enum status plan_ending(struct write_job *job, struct error *reterr)
{
    static const struct delete_options none = {0};

    return delete_plan(job, &none, reterr);
}

static void on_ending(struct write_job *job, enum status st, struct error *err)
{
    CHECK_INT(st, STATUS_OK);
    error_release(err);
    write_release(job);
}

static enum status plan_late(struct write_job *job, struct error *reterr)
{
    struct late *late = (struct late *)job;
    struct storage *storage = job->worker->storage;
    uint64_t before = storage_committed(storage);
    struct json *tree = json_new_object(&job->arena);
    enum status st;

    json_set_text(&job->arena, json_ensure_object(&job->arena, tree, "metadata"), "name",
                  BYTES("a"));
    st = create_plan(job, tree, reterr);
    if (late->began)
        return st;
    late->began = true;
    CHECK_INT(st, STATUS_OK);
    write_start(&late->ending);
    worker_submit_all(job->worker);
    while (storage_committed(storage) == before)
        sched_yield(); /* the test's time limit bounds this */
    return st;
}

static void on_late(struct write_job *job, enum status st, struct error *err)
{
    struct late *late = (struct late *)job;

    late->result = st;
    error_release(err);
    write_release(job);
    loop_stop(late->harness->worker.loop);
}

TEST(lifecycle, a_create_that_races_with_the_end_of_its_namespace_loses_cleanly)
{
    struct harness h;
    struct late late = {.harness = &h, .result = STATUS_OK};
    struct worker *w = &h.worker;

    harness_start(&h);
    make_namespace(&h);
    late.job = (struct write_job){
        .worker = w,
        .kind = registry_find(w->registry, BYTES(""), BYTES("v1"), BYTES("configmaps")),
        .namespace = BYTES("n"),
        .name = BYTES("a"),
        .plan = plan_late,
        .on_done = on_late};
    late.ending = (struct write_job){
        .worker = w,
        .kind = registry_find(w->registry, BYTES(""), BYTES("v1"), BYTES("namespaces")),
        .name = BYTES("n"),
        .plan = plan_ending,
        .on_done = on_ending};
    write_start(&late.job);
    run_loop(&h);
    CHECK(late.result == STATUS_FORBIDDEN || late.result == STATUS_NOT_FOUND);
    wait_until_gone(&h, "core/namespaces/n");
    CHECK_INT(count(buf_bytes(&h.events), "core/configmaps/n/"), 0);
    harness_stop(&h);
}

TEST(lifecycle, finalize_takes_the_finalizers_of_a_namespace)
{
    struct harness h;

    harness_start(&h);
    make_namespace(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps",
                  "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    CHECK_INT(ask(&h, "PUT", "/api/v1/namespaces/n/finalize",
                  "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"finalizers\":[]}}"),
              200);
    CHECK_INT(ask(&h, "GET", "/api/v1/namespaces/n", NULL), 404);
    harness_stop(&h);
}

TEST(lifecycle, a_restart_in_the_middle_goes_on)
{
    struct harness h;

    harness_start(&h);
    make_namespace(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"a\"}}"),
              201);
    lifecycle_free(h.worker.lifecycle);
    h.worker.lifecycle = NULL;
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    CHECK_INT(ask(&h, "GET", "/api/v1/namespaces/n", NULL), 200);
    h.ready = false;
    h.worker.lifecycle = lifecycle_new(&h.worker, harness_ready, &h);
    CHECK(h.ready); /* nothing was missing */
    loop_stop(h.worker.loop);
    run_loop(&h);
    wait_until_gone(&h, "core/namespaces/n");
    harness_stop(&h);
}

TEST(lifecycle, a_definition_takes_its_objects_with_it)
{
    struct harness h;
    char body[64];

    harness_start(&h);
    make_crd(&h);
    CHECK(contains(h.text, "customresourcecleanup.apiextensions.k8s.io"));
    for (int i = 0; i < 300; i++) {
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"f%d\"}}", i);
        CHECK_INT(ask(&h, "POST", FOOS, body), 201);
    }
    h.events.len = 0;
    CHECK_INT(ask(&h, "DELETE", CRDS "/foos.example.com", NULL), 200);
    CHECK(contains(h.text, "\"type\":\"Terminating\",\"status\":\"True\""));
    wait_until_gone(&h, "apiextensions.k8s.io/customresourcedefinitions/foos.example.com");
    CHECK_INT(count(buf_bytes(&h.events), "DELETE custom/example.com/foos/default/f"), 300);
    CHECK_INT(ask(&h, "GET", FOOS, NULL), 404);
    harness_stop(&h);
}

TEST(lifecycle, a_definition_that_is_replaced_keeps_its_hold_on_its_objects)
{
    struct harness h;

    harness_start(&h);
    make_crd(&h);
    CHECK_INT(ask_as(&h, "PATCH", CRDS "/foos.example.com", "application/merge-patch+json",
                     "{\"metadata\":{\"finalizers\":null}}"),
              200);
    CHECK_TEXT(field(&h, "metadata.finalizers.0"), "customresourcecleanup.apiextensions.k8s.io");
    harness_stop(&h);
}

TEST(lifecycle, a_definition_that_ends_takes_no_new_objects_and_waits_for_old_ones)
{
    struct harness h;

    harness_start(&h);
    make_crd(&h);
    CHECK_INT(ask(&h, "POST", FOOS, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", CRDS "/foos.example.com", NULL), 200);
    CHECK_INT(ask(&h, "POST", FOOS, "{\"metadata\":{\"name\":\"b\"}}"), 405);
    CHECK_TEXT(field(&h, "message"),
               "create not allowed while custom resource definition is terminating");
    CHECK_INT(ask_as(&h, "PATCH", FOOS "/a", "application/merge-patch+json",
                     "{\"metadata\":{\"finalizers\":[]}}"),
              200);
    wait_until_gone(&h, "apiextensions.k8s.io/customresourcedefinitions/foos.example.com");
    harness_stop(&h);
}

TEST(lifecycle, a_namespace_made_again_is_left_alone)
{
    struct harness h;

    harness_start(&h);
    make_namespace(&h);
    CHECK_INT(ask(&h, "POST", "/api/v1/namespaces/n/configmaps",
                  "{\"metadata\":{\"name\":\"held\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    CHECK_INT(ask(&h, "PUT", "/api/v1/namespaces/n/finalize", "{\"metadata\":{\"name\":\"n\"}}"),
              200);
    make_namespace(&h);
    CHECK_INT(
        ask(&h, "POST", "/api/v1/namespaces/n/configmaps", "{\"metadata\":{\"name\":\"new\"}}"),
        201);
    CHECK_INT(ask_as(&h, "PATCH", "/api/v1/namespaces/n/configmaps/held",
                     "application/merge-patch+json", "{\"metadata\":{\"finalizers\":null}}"),
              200);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"later\"}}"), 201);
    CHECK_INT(ask(&h, "GET", "/api/v1/namespaces/n/configmaps/new", NULL), 200);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces/n", NULL), 200);
    wait_until_gone(&h, "core/namespaces/n");
    CHECK_INT(ask(&h, "GET", "/api/v1/namespaces/n/configmaps/new", NULL), 404);
    harness_stop(&h);
}
