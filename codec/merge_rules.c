#include "codec/merge_rules.h"

/* The rows, by strategy. */
#define BY_KEY(path, key)                                                                          \
    {                                                                                              \
        path, key, false, false                                                                    \
    }
#define BY_KEY_RETAINING(path, key)                                                                \
    {                                                                                              \
        path, key, true, false                                                                     \
    }
#define AS_SET(path)                                                                               \
    {                                                                                              \
        path, NULL, false, false                                                                   \
    }
#define RETAINING(path)                                                                            \
    {                                                                                              \
        path, NULL, true, false                                                                    \
    }
#define REPLACED(path)                                                                             \
    {                                                                                              \
        path, NULL, false, true                                                                    \
    }

/* metav1.ObjectMeta, also that of templates inside an object. */
#define METADATA_RULES                                                                             \
    BY_KEY("**.metadata.ownerReferences", "uid"), AS_SET("**.metadata.finalizers")

#define CONDITION_RULE BY_KEY("status.conditions", "type")

/* core/v1 Container and EphemeralContainer, in the list `containers` of a PodSpec. */
#define CONTAINER_RULES(containers)                                                                \
    BY_KEY("**.spec." containers, "name"),                                                         \
        BY_KEY("**.spec." containers ".ports", "containerPort"),                                   \
        BY_KEY("**.spec." containers ".env", "name"),                                              \
        BY_KEY("**.spec." containers ".volumeMounts", "mountPath"),                                \
        BY_KEY("**.spec." containers ".volumeDevices", "devicePath")

/* core/v1 PodSpec, under `spec`, `spec.template.spec` or `spec.jobTemplate.spec.template.spec`. */
#define POD_SPEC_RULES                                                                             \
    CONTAINER_RULES("containers"), CONTAINER_RULES("initContainers"),                              \
        CONTAINER_RULES("ephemeralContainers"), BY_KEY_RETAINING("**.spec.volumes", "name"),       \
        BY_KEY("**.spec.imagePullSecrets", "name"), BY_KEY("**.spec.hostAliases", "ip"),           \
        BY_KEY("**.spec.topologySpreadConstraints", "topologyKey"),                                \
        BY_KEY("**.spec.schedulingGates", "name"),                                                 \
        BY_KEY_RETAINING("**.spec.resourceClaims", "name")

/* core/v1 ContainerStatus. */
#define CONTAINER_STATUS_RULES(statuses)                                                           \
    BY_KEY("status." statuses ".volumeMounts", "mountPath"),                                       \
        BY_KEY("status." statuses ".allocatedResourcesStatus", "name")

static const struct merge_rule metadata_rules[] = {METADATA_RULES};
static const struct merge_rule condition_rules[] = {METADATA_RULES, CONDITION_RULE};
static const struct merge_rule pod_template_rules[] = {METADATA_RULES, CONDITION_RULE,
                                                       POD_SPEC_RULES};
static const struct merge_rule pod_rules[] = {
    METADATA_RULES,
    CONDITION_RULE,
    POD_SPEC_RULES,
    CONTAINER_STATUS_RULES("containerStatuses"),
    CONTAINER_STATUS_RULES("initContainerStatuses"),
    CONTAINER_STATUS_RULES("ephemeralContainerStatuses"),
    BY_KEY("status.podIPs", "ip"),
    BY_KEY("status.hostIPs", "ip"),
    BY_KEY_RETAINING("status.resourceClaimStatuses", "name"),
};
static const struct merge_rule deployment_rules[] = {METADATA_RULES, CONDITION_RULE, POD_SPEC_RULES,
                                                     RETAINING("spec.strategy")};
static const struct merge_rule stateful_set_rules[] = {
    METADATA_RULES,
    CONDITION_RULE,
    POD_SPEC_RULES,
    BY_KEY("spec.volumeClaimTemplates.status.conditions", "type"),
};
static const struct merge_rule service_rules[] = {METADATA_RULES, CONDITION_RULE,
                                                  BY_KEY("spec.ports", "port")};
static const struct merge_rule service_account_rules[] = {METADATA_RULES,
                                                          BY_KEY("secrets", "name")};
static const struct merge_rule node_rules[] = {
    METADATA_RULES, CONDITION_RULE, AS_SET("spec.podCIDRs"), BY_KEY("status.addresses", "type")};
static const struct merge_rule component_status_rules[] = {METADATA_RULES,
                                                           BY_KEY("conditions", "type")};
static const struct merge_rule disruption_budget_rules[] = {METADATA_RULES, CONDITION_RULE,
                                                            REPLACED("spec.selector")};
static const struct merge_rule webhook_rules[] = {
    METADATA_RULES,
    BY_KEY("webhooks", "name"),
    BY_KEY("webhooks.matchConditions", "name"),
};
static const struct merge_rule admission_policy_rules[] = {
    METADATA_RULES,
    BY_KEY("spec.matchConditions", "name"),
    BY_KEY("spec.variables", "name"),
};
static const struct merge_rule resource_claim_rules[] = {METADATA_RULES,
                                                         BY_KEY("status.reservedFor", "uid")};
static const struct merge_rule csi_node_rules[] = {METADATA_RULES, BY_KEY("spec.drivers", "name")};

#define ADMISSION "admissionregistration.k8s.io"
#define FLOW_CONTROL "flowcontrol.apiserver.k8s.io"
#define RULES(rules) rules, ARRAY_LEN(rules)

static const struct kind_rules {
    const char *group, *kind;
    const struct merge_rule *rules;
    size_t count;
} kinds[] = {
    {"", "Pod", RULES(pod_rules)},
    {"", "PodTemplate", RULES(pod_template_rules)},
    {"", "ReplicationController", RULES(pod_template_rules)},
    {"", "Service", RULES(service_rules)},
    {"", "ServiceAccount", RULES(service_account_rules)},
    {"", "Node", RULES(node_rules)},
    {"", "Namespace", RULES(condition_rules)},
    {"", "PersistentVolumeClaim", RULES(condition_rules)},
    {"", "ComponentStatus", RULES(component_status_rules)},
    {"apps", "Deployment", RULES(deployment_rules)},
    {"apps", "ReplicaSet", RULES(pod_template_rules)},
    {"apps", "StatefulSet", RULES(stateful_set_rules)},
    {"apps", "DaemonSet", RULES(pod_template_rules)},
    {"batch", "Job", RULES(pod_template_rules)},
    {"batch", "CronJob", RULES(pod_template_rules)},
    {"autoscaling", "HorizontalPodAutoscaler", RULES(condition_rules)},
    {"networking.k8s.io", "ServiceCIDR", RULES(condition_rules)},
    {"policy", "PodDisruptionBudget", RULES(disruption_budget_rules)},
    {"resource.k8s.io", "ResourceClaim", RULES(resource_claim_rules)},
    {"storage.k8s.io", "CSINode", RULES(csi_node_rules)},
    {ADMISSION, "ValidatingWebhookConfiguration", RULES(webhook_rules)},
    {ADMISSION, "MutatingWebhookConfiguration", RULES(webhook_rules)},
    {ADMISSION, "ValidatingAdmissionPolicy", RULES(admission_policy_rules)},
    {ADMISSION, "MutatingAdmissionPolicy", RULES(admission_policy_rules)},
    {"certificates.k8s.io", "PodCertificateRequest", RULES(condition_rules)},
    {"storagemigration.k8s.io", "StorageVersionMigration", RULES(condition_rules)},
    {FLOW_CONTROL, "FlowSchema", RULES(condition_rules)},
    {FLOW_CONTROL, "PriorityLevelConfiguration", RULES(condition_rules)},
};

const struct merge_rule *merge_rules_for(struct bytes group, struct bytes kind, size_t *ret_count)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!bytes_eq_str(kind, kinds[i].kind) || !bytes_eq_str(group, kinds[i].group))
            continue;
        *ret_count = kinds[i].count;
        return kinds[i].rules;
    }
    *ret_count = ARRAY_LEN(metadata_rules);
    return metadata_rules;
}
