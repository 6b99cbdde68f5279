#include "apiserver/handlers/defaults.h"

/* `path` is dotted; "[]" behind a name stands for each element of that list. */
struct default_rule {
    const char *path;
    const char *value;     /* JSON */
    const char *when, *is; /* only if the text at `when`, from the same root, is `is` */
};

static const struct default_rule pod_spec[] = {
    {"restartPolicy", "\"Always\"", NULL, NULL},
    {"dnsPolicy", "\"ClusterFirst\"", NULL, NULL},
    {"terminationGracePeriodSeconds", "30", NULL, NULL},
    {"schedulerName", "\"default-scheduler\"", NULL, NULL},
    {"securityContext", "{}", NULL, NULL},
    {"containers[].resources", "{}", NULL, NULL},
    {"containers[].terminationMessagePath", "\"/dev/termination-log\"", NULL, NULL},
    {"containers[].terminationMessagePolicy", "\"File\"", NULL, NULL},
    {"containers[].ports[].protocol", "\"TCP\"", NULL, NULL},
    {"initContainers[].resources", "{}", NULL, NULL},
    {"initContainers[].terminationMessagePath", "\"/dev/termination-log\"", NULL, NULL},
    {"initContainers[].terminationMessagePolicy", "\"File\"", NULL, NULL},
    {"initContainers[].ports[].protocol", "\"TCP\"", NULL, NULL},
};

static const struct default_rule pod[] = {
    {"spec.enableServiceLinks", "true", NULL, NULL},
    {"status.phase", "\"Pending\"", NULL, NULL},
};

static const struct default_rule service[] = {
    {"spec.type", "\"ClusterIP\"", NULL, NULL},
    {"spec.sessionAffinity", "\"None\"", NULL, NULL},
    {"spec.internalTrafficPolicy", "\"Cluster\"", "spec.type", "ClusterIP"},
    {"spec.internalTrafficPolicy", "\"Cluster\"", "spec.type", "NodePort"},
    {"spec.internalTrafficPolicy", "\"Cluster\"", "spec.type", "LoadBalancer"},
    {"spec.externalTrafficPolicy", "\"Cluster\"", "spec.type", "NodePort"},
    {"spec.externalTrafficPolicy", "\"Cluster\"", "spec.type", "LoadBalancer"},
    {"spec.allocateLoadBalancerNodePorts", "true", "spec.type", "LoadBalancer"},
    {"spec.ports[].protocol", "\"TCP\"", NULL, NULL},
    {"status.loadBalancer", "{}", NULL, NULL},
};

static const struct default_rule namespace[] = {
    {"spec.finalizers", "[\"kubernetes\"]", NULL, NULL},
    {"status.phase", "\"Active\"", NULL, NULL},
};

static const struct default_rule secret[] = {
    {"type", "\"Opaque\"", NULL, NULL},
};

static const struct default_rule replicas[] = {
    {"spec.replicas", "1", NULL, NULL},
};

static const struct default_rule deployment[] = {
    {"spec.replicas", "1", NULL, NULL},
    {"spec.strategy.type", "\"RollingUpdate\"", NULL, NULL},
    {"spec.strategy.rollingUpdate.maxUnavailable", "\"25%\"", "spec.strategy.type",
     "RollingUpdate"},
    {"spec.strategy.rollingUpdate.maxSurge", "\"25%\"", "spec.strategy.type", "RollingUpdate"},
    {"spec.revisionHistoryLimit", "10", NULL, NULL},
    {"spec.progressDeadlineSeconds", "600", NULL, NULL},
};

static const struct default_rule stateful_set[] = {
    {"spec.replicas", "1", NULL, NULL},
    {"spec.podManagementPolicy", "\"OrderedReady\"", NULL, NULL},
    {"spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "\"Retain\"", NULL, NULL},
    {"spec.persistentVolumeClaimRetentionPolicy.whenScaled", "\"Retain\"", NULL, NULL},
    {"spec.updateStrategy.type", "\"RollingUpdate\"", NULL, NULL},
    {"spec.updateStrategy.rollingUpdate.partition", "0", "spec.updateStrategy.type",
     "RollingUpdate"},
    {"spec.revisionHistoryLimit", "10", NULL, NULL},
};

static const struct default_rule daemon_set[] = {
    {"spec.updateStrategy.type", "\"RollingUpdate\"", NULL, NULL},
    {"spec.updateStrategy.rollingUpdate.maxUnavailable", "1", "spec.updateStrategy.type",
     "RollingUpdate"},
    {"spec.updateStrategy.rollingUpdate.maxSurge", "0", "spec.updateStrategy.type",
     "RollingUpdate"},
    {"spec.revisionHistoryLimit", "10", NULL, NULL},
};

static const struct default_rule job[] = {
    {"spec.parallelism", "1", NULL, NULL},
    {"spec.completions", "1", NULL, NULL},
    {"spec.backoffLimit", "6", NULL, NULL},
    {"spec.completionMode", "\"NonIndexed\"", NULL, NULL},
    {"spec.suspend", "false", NULL, NULL},
    {"spec.podReplacementPolicy", "\"TerminatingOrFailed\"", NULL, NULL},
};

static const struct default_rule cron_job[] = {
    {"spec.concurrencyPolicy", "\"Allow\"", NULL, NULL},
    {"spec.suspend", "false", NULL, NULL},
    {"spec.successfulJobsHistoryLimit", "3", NULL, NULL},
    {"spec.failedJobsHistoryLimit", "1", NULL, NULL},
};

static const struct default_rule volume[] = {
    {"spec.volumeMode", "\"Filesystem\"", NULL, NULL},
    {"spec.persistentVolumeReclaimPolicy", "\"Retain\"", NULL, NULL},
    {"status.phase", "\"Pending\"", NULL, NULL},
};

static const struct default_rule volume_claim[] = {
    {"spec.volumeMode", "\"Filesystem\"", NULL, NULL},
    {"status.phase", "\"Pending\"", NULL, NULL},
};

static const struct default_rule storage_class[] = {
    {"reclaimPolicy", "\"Delete\"", NULL, NULL},
    {"volumeBindingMode", "\"Immediate\"", NULL, NULL},
};

static const struct default_rule priority_class[] = {
    {"preemptionPolicy", "\"PreemptLowerPriority\"", NULL, NULL},
};

static const struct default_rule endpoint_slice[] = {
    {"ports[].name", "\"\"", NULL, NULL},
    {"ports[].protocol", "\"TCP\"", NULL, NULL},
};

static const struct default_rule endpoints[] = {
    {"subsets[].ports[].protocol", "\"TCP\"", NULL, NULL},
};

static const struct default_rule network_policy[] = {
    {"spec.ingress[].ports[].protocol", "\"TCP\"", NULL, NULL},
    {"spec.egress[].ports[].protocol", "\"TCP\"", NULL, NULL},
};

static const struct default_rule role_binding[] = {
    {"roleRef.apiGroup", "\"rbac.authorization.k8s.io\"", NULL, NULL},
};

/* `root` is where the paths of the rules begin; a kind may have several rows. A root that is not
 * there gets no defaults. */
static const struct default_set {
    const char *group_resource, *root;
    const struct default_rule *rules;
    size_t count;
} sets[] = {
#define SET(group_resource, root, rules)                                                           \
    {                                                                                              \
        group_resource, root, rules, ARRAY_LEN(rules)                                              \
    }
    SET("pods", "spec", pod_spec),
    SET("pods", "", pod),
    SET("services", "", service),
    SET("namespaces", "", namespace),
    SET("secrets", "", secret),
    SET("replicationcontrollers", "", replicas),
    SET("replicationcontrollers", "spec.template.spec", pod_spec),
    SET("replicasets.apps", "", replicas),
    SET("replicasets.apps", "spec.template.spec", pod_spec),
    SET("deployments.apps", "", deployment),
    SET("deployments.apps", "spec.template.spec", pod_spec),
    SET("statefulsets.apps", "", stateful_set),
    SET("statefulsets.apps", "spec.template.spec", pod_spec),
    SET("daemonsets.apps", "", daemon_set),
    SET("daemonsets.apps", "spec.template.spec", pod_spec),
    SET("jobs.batch", "", job),
    SET("jobs.batch", "spec.template.spec", pod_spec),
    SET("cronjobs.batch", "", cron_job),
    SET("cronjobs.batch", "spec.jobTemplate.spec.template.spec", pod_spec),
    SET("podtemplates", "template.spec", pod_spec),
    SET("storageclasses.storage.k8s.io", "", storage_class),
    SET("priorityclasses.scheduling.k8s.io", "", priority_class),
    SET("endpointslices.discovery.k8s.io", "", endpoint_slice),
    SET("endpoints", "", endpoints),
    SET("networkpolicies.networking.k8s.io", "", network_policy),
    SET("rolebindings.rbac.authorization.k8s.io", "", role_binding),
    SET("clusterrolebindings.rbac.authorization.k8s.io", "", role_binding),
    SET("persistentvolumes", "", volume),
    SET("persistentvolumeclaims", "", volume_claim),
#undef SET
};

/* The node at a path without lists, or NULL. */
static struct json *find(struct json *root, const char *path)
{
    struct bytes rest = bytes_str(path);

    while (root != NULL && rest.len != 0)
        root = json_get(root, bytes_cut(&rest, '.'));
    return root;
}

static bool holds(const struct default_rule *rule, struct json *root)
{
    return rule->when == NULL || bytes_eq_str(json_text(find(root, rule->when)), rule->is);
}

static void set_default(struct arena *arena, struct json *object, struct bytes name,
                        const char *value)
{
    const struct json *now = json_get(object, name);
    struct json *node;

    if (object->type != JSON_OBJECT || (now != NULL && now->type != JSON_NULL))
        return;
    if (json_parse(arena, bytes_str(value), &node, NULL, NULL) == STATUS_OK)
        json_set(object, name, node);
}

/* Goes down one name a time; missing objects on the way are made, missing lists are not. */
static void apply_rule(struct arena *arena, struct json *at, struct bytes path, const char *value)
{
    while (at != NULL && at->type == JSON_OBJECT) {
        struct bytes name = bytes_cut(&path, '.');

        if (bytes_ends_with(name, BYTES("[]"))) {
            struct json *list = json_get(at, bytes_of(name.ptr, name.len - 2));

            if (json_is(list, JSON_ARRAY))
                json_each(list, it)
                    apply_rule(arena, it, path, value);
            return;
        }
        if (path.ptr == NULL) {
            set_default(arena, at, name, value);
            return;
        }
        at = json_is(json_get(at, name), JSON_NULL) || json_get(at, name) == NULL
                 ? json_ensure_object(arena, at, arena_str(arena, name))
                 : json_get(at, name);
    }
}

void defaults_apply(struct arena *arena, const struct kind *kind, struct json *tree)
{
    for (size_t i = 0; i < ARRAY_LEN(sets) && !kind->custom; i++) {
        struct json *root;

        if (strcmp(sets[i].group_resource, kind->group_resource) != 0)
            continue;
        root = find(tree, sets[i].root);
        for (size_t r = 0; r < sets[i].count && root != NULL; r++)
            if (holds(&sets[i].rules[r], root))
                apply_rule(arena, root, bytes_str(sets[i].rules[r].path), sets[i].rules[r].value);
    }
}
