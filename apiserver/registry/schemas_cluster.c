/* The smaller groups. */
#include "apiserver/registry/openapi_schemas.h"

static const struct field_doc event[] = {
    {"action", "string", "What was done to the object."},
    {"deprecatedCount", "integer", "The count of the core group's event."},
    {"deprecatedFirstTimestamp", "time", "The firstTimestamp of the core group's event."},
    {"deprecatedLastTimestamp", "time", "The lastTimestamp of the core group's event."},
    {"deprecatedSource", "object", "The source of the core group's event."},
    {"eventTime", "micro-time", "When it was first seen."},
    {"note", "string", "What happened, for people."},
    {"reason", "string", "Why, in one word."},
    {"regarding", "&core.v1.ObjectReference", "What the event is about."},
    {"related", "&core.v1.ObjectReference", "A second object it is about."},
    {"reportingController", "string", "The controller that sent it."},
    {"reportingInstance", "string", "Which instance of that controller."},
    {"series", "object", "The series it belongs to: count and lastObservedTime."},
    {"type", "string", "Normal or Warning."},
};
static const struct field_doc lease[] = {
    {"spec", "&coordination.v1.LeaseSpec", "Who holds the lease, and for how long."},
};
static const struct field_doc lease_spec[] = {
    {"acquireTime", "micro-time", "Since when its holder has it."},
    {"holderIdentity", "string", "Who holds it."},
    {"leaseDurationSeconds", "integer", "How long others wait after renewTime."},
    {"leaseTransitions", "integer", "How often it went to another holder."},
    {"preferredHolder", "string", "Who should get it next."},
    {"renewTime", "micro-time", "When its holder renewed it last."},
    {"strategy", "string", "How the next holder is chosen."},
};
static const struct field_doc slice[] = {
    {"addressType", "string", "IPv4, IPv6 or FQDN. It cannot be changed."},
    {"endpoints", "[]object", "The endpoints, at most 1000."},
    {"ports", "[]object", "The ports of every endpoint."},
};
static const struct field_doc ingress[] = {
    {"spec", "&networking.v1.IngressSpec", "Which requests go where."},
    {"status", "object", "Where its load balancer listens."},
};
static const struct field_doc ingress_spec[] = {
    {"defaultBackend", "&networking.v1.IngressBackend", "Where requests go that no rule matches."},
    {"ingressClassName", "string", "The IngressClass it belongs to."},
    {"rules", "[]&networking.v1.IngressRule", "Hosts and paths, and where they go."},
    {"tls", "[]&networking.v1.IngressTLS", "Hosts with the secrets of their certificates."},
};
static const struct field_doc ingress_rule[] = {
    {"host", "string", "The host that is asked for; *. at its front stands for one name."},
    {"http", "&networking.v1.HTTPIngressRuleValue", "Where its paths go."},
};
static const struct field_doc ingress_http[] = {
    {"paths", "[]&networking.v1.HTTPIngressPath", "Paths, and where each goes."},
};
static const struct field_doc ingress_path[] = {
    {"backend", "&networking.v1.IngressBackend", "Where its requests go."},
    {"path", "string", "The path that is asked for; it begins with a slash."},
    {"pathType", "string", "Exact, Prefix or ImplementationSpecific."},
};
static const struct field_doc ingress_backend[] = {
    {"resource", "object", "Another object of the namespace, instead of a service."},
    {"service", "&networking.v1.IngressServiceBackend", "A service of the namespace."},
};
static const struct field_doc ingress_service[] = {
    {"name", "string", "The service."},
    {"port", "object", "The number or the name of its port."},
};
static const struct field_doc ingress_tls[] = {
    {"hosts", "[]string", "The hosts of the certificate."},
    {"secretName", "string", "The secret that holds it."},
};
static const struct field_doc ingress_class[] = {
    {"spec", "object", "The controller of the class, and its parameters."},
};
static const struct field_doc network_policy[] = {
    {"spec", "&networking.v1.NetworkPolicySpec", "Which traffic pods may have."},
};
static const struct field_doc network_policy_spec[] = {
    {"egress", "[]object", "The traffic that may go out."},
    {"ingress", "[]object", "The traffic that may come in."},
    {"podSelector", "&meta.v1.LabelSelector", "Which pods it guards."},
    {"policyTypes", "[]string", "Ingress, Egress or both."},
};
static const struct field_doc budget[] = {
    {"spec", "&policy.v1.PodDisruptionBudgetSpec", "How many pods may be away at once."},
    {"status", "object", "How many pods may be evicted now."},
};
static const struct field_doc budget_spec[] = {
    {"maxUnavailable", "int-or-string", "How many pods may be away."},
    {"minAvailable", "int-or-string", "How many pods must stay."},
    {"selector", "&meta.v1.LabelSelector", "Which pods it counts."},
    {"unhealthyPodEvictionPolicy", "string", "IfHealthyBudget or AlwaysAllow."},
};
static const struct field_doc role[] = {
    {"rules", "[]&rbac.v1.PolicyRule", "What the role allows."},
};
static const struct field_doc cluster_role[] = {
    {"aggregationRule", "object", "Which roles' rules it gathers."},
    {"rules", "[]&rbac.v1.PolicyRule", "What the role allows."},
};
static const struct field_doc policy_rule[] = {
    {"apiGroups", "[]string", "The groups of the resources; \"\" is the core group."},
    {"nonResourceURLs", "[]string", "Paths that are no resources."},
    {"resourceNames", "[]string", "Names of objects; empty is all."},
    {"resources", "[]string", "The resources; * is all."},
    {"verbs", "[]string", "What may be done; * is everything."},
};
static const struct field_doc role_binding[] = {
    {"roleRef", "object", "The role it gives. It cannot be changed."},
    {"subjects", "[]object", "The users, groups and service accounts it gives it to."},
};
static const struct field_doc priority_class[] = {
    {"description", "string", "When to use it."},
    {"globalDefault", "boolean", "Whether pods without a class get it."},
    {"preemptionPolicy", "string", "Never or PreemptLowerPriority."},
    {"value", "integer", "The priority; more is more."},
};
static const struct field_doc storage_class[] = {
    {"allowVolumeExpansion", "boolean", "Whether its volumes may grow."},
    {"allowedTopologies", "[]object", "Where its volumes may be made."},
    {"mountOptions", "[]string", "How its volumes are mounted."},
    {"parameters", "{}string", "Settings for its provisioner."},
    {"provisioner", "string", "Who makes its volumes."},
    {"reclaimPolicy", "string", "Delete or Retain."},
    {"volumeBindingMode", "string", "Immediate or WaitForFirstConsumer."},
};
static const struct field_doc definition[] = {
    {"spec", "&apiextensions.v1.CustomResourceDefinitionSpec", "The kind that is defined."},
    {"status", "&apiextensions.v1.CustomResourceDefinitionStatus", "Whether it is served."},
};
static const struct field_doc definition_spec[] = {
    {"conversion", "object", "How objects go from one version to another."},
    {"group", "string", "The API group of the kind."},
    {"names", "&apiextensions.v1.CustomResourceDefinitionNames", "What the kind is called."},
    {"preserveUnknownFields", "boolean", "Not used any more; must be false."},
    {"scope", "string", "Namespaced or Cluster."},
    {"versions", "[]&apiextensions.v1.CustomResourceDefinitionVersion", "Its versions."},
};
static const struct field_doc definition_names[] = {
    {"categories", "[]string", "Names for groups of resources, such as all."},
    {"kind", "string", "The kind, in CamelCase and singular."},
    {"listKind", "string", "The kind of a list of them."},
    {"plural", "string", "The name in URLs, in lower case."},
    {"shortNames", "[]string", "Short names for it."},
    {"singular", "string", "The name of one of them, in lower case."},
};
static const struct field_doc definition_version[] = {
    {"additionalPrinterColumns", "[]object", "What kubectl get shows."},
    {"deprecated", "boolean", "Whether using it is answered with a warning."},
    {"deprecationWarning", "string", "That warning."},
    {"name", "string", "The version: v1, v1beta1, .."},
    {"schema", "object", "What objects of the version look like."},
    {"selectableFields", "[]object", "The fields that field selectors may name."},
    {"served", "boolean", "Whether clients can use the version."},
    {"storage", "boolean", "Whether objects are stored in it; one version is."},
    {"subresources", "object", "Whether it has /status and /scale."},
};
static const struct field_doc definition_status[] = {
    {"acceptedNames", "&apiextensions.v1.CustomResourceDefinitionNames", "The names in use."},
    {"conditions", "[]object", "NamesAccepted, Established, .."},
    {"storedVersions", "[]string", "The versions that objects were ever stored in."},
};

static const struct field_doc review[] = {
    {"spec", "object", "What is asked."},
    {"status", "object", "The answer."},
};

const struct schema_doc schemas_cluster[] = {
    SCHEMA_KIND("authentication.v1.SelfSubjectReview", review, "Who am I?"),
    SCHEMA_KIND("authentication.v1.TokenReview", review, "Whose token is it?"),
    SCHEMA_KIND("authorization.v1.LocalSubjectAccessReview", review,
                "May somebody do something in this namespace?"),
    SCHEMA_KIND("authorization.v1.SelfSubjectAccessReview", review, "May I do something?"),
    SCHEMA_KIND("authorization.v1.SelfSubjectRulesReview", review, "What may I do?"),
    SCHEMA_KIND("authorization.v1.SubjectAccessReview", review, "May somebody do something?"),
    SCHEMA_KIND("events.v1.Event", event, "A report of something that happened. It expires."),
    SCHEMA_KIND("coordination.v1.Lease", lease, "Something only one can hold at a time."),
    SCHEMA_OPEN("coordination.v1.LeaseSpec", lease_spec, "Who holds a lease."),
    SCHEMA_KIND("discovery.v1.EndpointSlice", slice, "Some of the endpoints of a service."),
    SCHEMA_KIND("networking.v1.Ingress", ingress, "Brings HTTP requests from outside to services."),
    SCHEMA_OPEN("networking.v1.IngressSpec", ingress_spec, "Which requests go where."),
    SCHEMA_OPEN("networking.v1.IngressRule", ingress_rule, "A host, and where its paths go."),
    SCHEMA_OPEN("networking.v1.HTTPIngressRuleValue", ingress_http, "The paths of a host."),
    SCHEMA_OPEN("networking.v1.HTTPIngressPath", ingress_path, "A path, and where it goes."),
    SCHEMA_OPEN("networking.v1.IngressBackend", ingress_backend, "Where requests go."),
    SCHEMA_OPEN("networking.v1.IngressServiceBackend", ingress_service, "A port of a service."),
    SCHEMA_OPEN("networking.v1.IngressTLS", ingress_tls, "Hosts with their certificate."),
    SCHEMA_KIND("networking.v1.IngressClass", ingress_class, "Who handles which ingresses."),
    SCHEMA_KIND("networking.v1.NetworkPolicy", network_policy, "Which traffic pods may have."),
    SCHEMA_OPEN("networking.v1.NetworkPolicySpec", network_policy_spec, "Which traffic is fine."),
    SCHEMA_KIND("policy.v1.PodDisruptionBudget", budget, "How many pods may be away at once."),
    SCHEMA_OPEN("policy.v1.PodDisruptionBudgetSpec", budget_spec, "How many pods may be away."),
    SCHEMA_KIND("rbac.v1.Role", role, "What may be done in a namespace."),
    SCHEMA_KIND("rbac.v1.ClusterRole", cluster_role, "What may be done in the whole cluster."),
    SCHEMA_OPEN("rbac.v1.PolicyRule", policy_rule, "What may be done to which resources."),
    SCHEMA_KIND("rbac.v1.RoleBinding", role_binding, "Gives a role to somebody in a namespace."),
    SCHEMA_KIND("rbac.v1.ClusterRoleBinding", role_binding, "Gives a role in the whole cluster."),
    SCHEMA_KIND("scheduling.v1.PriorityClass", priority_class, "A name for a priority of pods."),
    SCHEMA_KIND("storage.v1.StorageClass", storage_class, "A kind of volumes, and who makes them."),
    SCHEMA_KIND("apiextensions.v1.CustomResourceDefinition", definition, "A kind of your own."),
    SCHEMA_OPEN("apiextensions.v1.CustomResourceDefinitionSpec", definition_spec,
                "The kind that is defined."),
    SCHEMA_OPEN("apiextensions.v1.CustomResourceDefinitionNames", definition_names,
                "What a kind is called."),
    SCHEMA_OPEN("apiextensions.v1.CustomResourceDefinitionVersion", definition_version,
                "One version of a kind."),
    SCHEMA_OPEN("apiextensions.v1.CustomResourceDefinitionStatus", definition_status,
                "Whether a kind is served."),
    {0},
};
