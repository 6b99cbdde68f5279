#include "objects.h"

TEST(kind, every_built_in_kind_is_there_once)
{
    static const char *const wanted[] = {"configmaps",
                                         "endpoints",
                                         "events",
                                         "limitranges",
                                         "namespaces",
                                         "nodes",
                                         "persistentvolumeclaims",
                                         "persistentvolumes",
                                         "pods",
                                         "podtemplates",
                                         "replicationcontrollers",
                                         "resourcequotas",
                                         "secrets",
                                         "serviceaccounts",
                                         "services",
                                         "controllerrevisions.apps",
                                         "daemonsets.apps",
                                         "deployments.apps",
                                         "replicasets.apps",
                                         "statefulsets.apps",
                                         "cronjobs.batch",
                                         "jobs.batch",
                                         "leases.coordination.k8s.io",
                                         "events.events.k8s.io",
                                         "endpointslices.discovery.k8s.io",
                                         "ingresses.networking.k8s.io",
                                         "ingressclasses.networking.k8s.io",
                                         "networkpolicies.networking.k8s.io",
                                         "poddisruptionbudgets.policy",
                                         "roles.rbac.authorization.k8s.io",
                                         "rolebindings.rbac.authorization.k8s.io",
                                         "clusterroles.rbac.authorization.k8s.io",
                                         "clusterrolebindings.rbac.authorization.k8s.io",
                                         "priorityclasses.scheduling.k8s.io",
                                         "storageclasses.storage.k8s.io",
                                         "customresourcedefinitions.apiextensions.k8s.io",
                                         "selfsubjectreviews.authentication.k8s.io",
                                         "tokenreviews.authentication.k8s.io",
                                         "localsubjectaccessreviews.authorization.k8s.io",
                                         "selfsubjectaccessreviews.authorization.k8s.io",
                                         "selfsubjectrulesreviews.authorization.k8s.io",
                                         "subjectaccessreviews.authorization.k8s.io"};
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    CHECK_INT(count, ARRAY_LEN(wanted));
    for (size_t w = 0; w < ARRAY_LEN(wanted); w++) {
        size_t found = 0;

        for (size_t i = 0; i < count; i++)
            found += strcmp(kinds[i]->group_resource, wanted[w]) == 0 ? 1 : 0;
        CHECK_INT(found, 1);
    }
}

TEST(kind, every_column_has_a_way_to_its_cell)
{
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        CHECK(kinds[i]->column_count > 0 || kinds[i]->review);
        for (size_t c = 0; c < kinds[i]->column_count; c++)
            CHECK((kinds[i]->columns[c].path != NULL) != (kinds[i]->columns[c].cell != NULL));
    }
}

TEST(kind, keys_of_kinds_and_namespaces_do_not_run_into_each_other)
{
    const struct kind *pods = builtin_kind("", "pods");
    const struct kind *deployments = builtin_kind("apps", "deployments");
    struct arena arena = {0};

    CHECK_TEXT(kind_key(pods, &arena, BYTES("ns"), BYTES("a")), "core/pods/ns/a");
    CHECK_TEXT(kind_key(deployments, &arena, BYTES("ns"), BYTES("a")), "apps/deployments/ns/a");
    CHECK_TEXT(kind_key(builtin_kind("", "nodes"), &arena, BYTES(""), BYTES("n")), "core/nodes/n");
    CHECK_TEXT(kind_key_prefix(pods, &arena, BYTES("")), "core/pods/");
    CHECK_TEXT(kind_key_prefix(pods, &arena, BYTES("foo")), "core/pods/foo/");
    CHECK(!bytes_starts_with(kind_key(pods, &arena, BYTES("foos"), BYTES("a")),
                             kind_key_prefix(pods, &arena, BYTES("foo"))));
    CHECK_INT(kind_key(pods, &arena, BYTES("ns"), BYTES("a\0b")).len, strlen("core/pods/ns/") + 3);
    arena_release(&arena);
}

TEST(kind, a_key_leads_back_to_its_kind)
{
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};

        CHECK(kind_of_key(kind_key(kinds[i], &arena, BYTES("ns"), BYTES("x"))) == kinds[i]);
        arena_release(&arena);
    }
    CHECK(kind_of_key(BYTES("core/pods/")) == builtin_kind("", "pods"));
    CHECK(kind_of_key(BYTES("core/podss/ns/x")) == NULL);
    CHECK(kind_of_key(BYTES("core/pod")) == NULL);
    CHECK(kind_of_key(BYTES("custom/example.com/pods/x")) == NULL);
    CHECK(kind_of_key(BYTES("")) == NULL);
    CHECK(kind_of_key(BYTES("zzz")) == NULL);
    CHECK(kind_of_key(BYTES("apiextensions.k8s.io/customresourcedefinitions/x")) ==
          builtin_kind("apiextensions.k8s.io", "customresourcedefinitions"));
}

static bool matches(const char *group, const char *plural, const char *json, const char *selector)
{
    const struct kind *kind = builtin_kind(group, plural);
    struct object *object = object_from(kind, json);
    struct field_selector *parsed = NULL;
    bool matched;

    CHECK(field_selector_parse(bytes_str(selector), &parsed, NULL) == STATUS_OK);
    matched = kind_matches_fields(kind, object, parsed);
    field_selector_free(parsed);
    object_unref(object);
    return matched;
}

TEST(kind, fields_that_are_absent_have_the_value_the_server_would_give_them)
{
#define BARE(kind) "{\"apiVersion\":\"v1\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"x\"}}"
    CHECK(matches("", "nodes", BARE("Node"), "spec.unschedulable=false"));
    CHECK(!matches("", "nodes", BARE("Node"), "spec.unschedulable=true"));
    CHECK(matches("", "pods", BARE("Pod"), "spec.nodeName="));
    CHECK(matches("", "pods", BARE("Pod"), "spec.hostNetwork=false,metadata.name=x"));
    CHECK(
        matches("", "replicationcontrollers", BARE("ReplicationController"), "status.replicas=0"));
    CHECK(matches("batch", "jobs", BARE("Job"), "status.successful=0"));
    CHECK(matches("", "secrets",
                  "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"x\"},"
                  "\"type\":\"Opaque\"}",
                  "type!=helm.sh/release.v1"));
}

TEST(kind, only_known_fields_can_be_selected)
{
    const struct kind *pods = builtin_kind("", "pods");

    CHECK(kind_has_field(pods, BYTES("spec.nodeName")));
    CHECK(kind_has_field(pods, BYTES("metadata.namespace")));
    CHECK(!kind_has_field(pods, BYTES("spec.nodeNames")));
    CHECK(!kind_has_field(builtin_kind("", "configmaps"), BYTES("data.x")));
    CHECK(kind_has_field(builtin_kind("", "events"), BYTES("involvedObject.uid")));
    CHECK(kind_has_field(builtin_kind("events.k8s.io", "events"), BYTES("regarding.uid")));
}
