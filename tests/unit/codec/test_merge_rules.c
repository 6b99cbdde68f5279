#include "unit/test.h"

#include "codec/merge_rules.h"

static const struct merge_rule *find(const char *group, const char *kind, const char *path)
{
    size_t count;
    const struct merge_rule *rules = merge_rules_for(bytes_str(group), bytes_str(kind), &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].path, path) == 0)
            return &rules[i];
    return NULL;
}

static void check_key(const char *group, const char *kind, const char *path, const char *key)
{
    const struct merge_rule *rule = find(group, kind, path);

    if (rule == NULL)
        fail_msg("%s has no rule for %s", kind, path);
    CHECK_TEXT(bytes_str(rule->merge_key), key);
}

TEST(merge_rules, every_kind_merges_owners_by_uid_and_finalizers_as_a_set)
{
    static const char *const kinds[][2] = {{"", "Pod"},
                                           {"", "ConfigMap"},
                                           {"apps", "Deployment"},
                                           {"rbac.authorization.k8s.io", "Role"}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        check_key(kinds[i][0], kinds[i][1], "**.metadata.ownerReferences", "uid");
        CHECK(find(kinds[i][0], kinds[i][1], "**.metadata.finalizers")->merge_key == NULL);
    }
}

TEST(merge_rules, every_kind_with_a_pod_template_has_the_rules_of_a_pod_spec)
{
    static const char *const kinds[][2] = {
        {"", "Pod"},
        {"", "PodTemplate"},
        {"", "ReplicationController"},
        {"apps", "Deployment"},
        {"apps", "ReplicaSet"},
        {"apps", "StatefulSet"},
        {"apps", "DaemonSet"},
        {"batch", "Job"},
        {"batch", "CronJob"},
    };
    static const char *const rules[][2] = {
        {"**.spec.containers", "name"},
        {"**.spec.containers.ports", "containerPort"},
        {"**.spec.containers.env", "name"},
        {"**.spec.containers.volumeMounts", "mountPath"},
        {"**.spec.containers.volumeDevices", "devicePath"},
        {"**.spec.initContainers", "name"},
        {"**.spec.initContainers.env", "name"},
        {"**.spec.ephemeralContainers", "name"},
        {"**.spec.ephemeralContainers.ports", "containerPort"},
        {"**.spec.volumes", "name"},
        {"**.spec.imagePullSecrets", "name"},
        {"**.spec.hostAliases", "ip"},
        {"**.spec.topologySpreadConstraints", "topologyKey"},
        {"**.spec.schedulingGates", "name"},
        {"**.spec.resourceClaims", "name"},
    };

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t r = 0; r < ARRAY_LEN(rules); r++)
            check_key(kinds[k][0], kinds[k][1], rules[r][0], rules[r][1]);
    CHECK(find("", "Pod", "**.spec.volumes")->retain_keys);
    CHECK(!find("", "Pod", "**.spec.containers")->retain_keys);
    CHECK(find("", "Pod", "**.spec.tolerations") == NULL);
}

TEST(merge_rules, statuses_merge_their_conditions_by_type)
{
    static const char *const kinds[][2] = {
        {"", "Pod"},
        {"", "Node"},
        {"", "Namespace"},
        {"", "Service"},
        {"", "PersistentVolumeClaim"},
        {"apps", "Deployment"},
        {"batch", "Job"},
        {"autoscaling", "HorizontalPodAutoscaler"},
        {"policy", "PodDisruptionBudget"},
        {"flowcontrol.apiserver.k8s.io", "FlowSchema"},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        check_key(kinds[i][0], kinds[i][1], "status.conditions", "type");
    CHECK(find("networking.k8s.io", "Ingress", "status.conditions") == NULL);
}

TEST(merge_rules, kinds_have_rules_of_their_own)
{
    check_key("", "Service", "spec.ports", "port");
    check_key("", "ServiceAccount", "secrets", "name");
    check_key("", "Node", "status.addresses", "type");
    check_key("", "Pod", "status.podIPs", "ip");
    check_key("storage.k8s.io", "CSINode", "spec.drivers", "name");
    check_key("resource.k8s.io", "ResourceClaim", "status.reservedFor", "uid");
    check_key("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "webhooks", "name");
    check_key("apps", "StatefulSet", "spec.volumeClaimTemplates.status.conditions", "type");
    CHECK(find("", "Node", "spec.podCIDRs")->merge_key == NULL);
    CHECK(find("apps", "Deployment", "spec.strategy")->retain_keys);
    CHECK(find("policy", "PodDisruptionBudget", "spec.selector")->replace);
}

TEST(merge_rules, the_group_matters)
{
    CHECK(find("example.com", "Service", "spec.ports") == NULL);
    CHECK(find("", "Deployment", "spec.strategy") == NULL);
}
