/* k8s.io/api/core/v1/types.go, but for pods. */
#include "apiserver/registry/openapi_schemas.h"

static const struct field_doc config_map[] = {
    {"binaryData", "{}bytes", "Entries that are not text, in base64. Their keys are not in data."},
    {"data", "{}string", "The entries: each key is a file name, each value its text."},
    {"immutable", "boolean", "If true the data cannot be changed any more, only deleted."},
};
static const struct field_doc secret[] = {
    {"data", "{}bytes", "The entries, in base64."},
    {"immutable", "boolean", "If true the data cannot be changed any more, only deleted."},
    {"stringData", "{}string", "Entries as plain text, which a write moves into data."},
    {"type", "string", "What kind of secret it is, for programs. It cannot be changed."},
};
static const struct field_doc event[] = {
    {"action", "string", "What was done to the object."},
    {"count", "integer", "How often it happened."},
    {"eventTime", "micro-time", "When it was first seen."},
    {"firstTimestamp", "time", "When it was first recorded."},
    {"involvedObject", "&core.v1.ObjectReference", "What the event is about."},
    {"lastTimestamp", "time", "When it was recorded last."},
    {"message", "string", "What happened, for people."},
    {"reason", "string", "Why, in one word."},
    {"related", "&core.v1.ObjectReference", "A second object it is about."},
    {"reportingComponent", "string", "The controller that sent it."},
    {"reportingInstance", "string", "Which instance of that controller."},
    {"series", "object", "The series it belongs to: count and lastObservedTime."},
    {"source", "object", "The component that sent it, and its host."},
    {"type", "string", "Normal or Warning."},
};
static const struct field_doc service_account[] = {
    {"automountServiceAccountToken", "boolean", "Whether pods get a token mounted."},
    {"imagePullSecrets", "[]&core.v1.LocalObjectReference", "Secrets that images are pulled with."},
    {"secrets", "[]&core.v1.ObjectReference", "Secrets that pods of the account may use."},
};
static const struct field_doc service[] = {
    {"spec", "&core.v1.ServiceSpec", "How the service is reached, and whom it reaches."},
    {"status", "object", "The state of its load balancer, and conditions."},
};
static const struct field_doc service_spec[] = {
    {"allocateLoadBalancerNodePorts", "boolean", "Whether a load balancer needs node ports."},
    {"clusterIP", "string", "Its address inside the cluster; None for a headless service."},
    {"clusterIPs", "[]string", "Its addresses, one for each IP family."},
    {"externalIPs", "[]string", "Addresses from outside for which nodes take traffic."},
    {"externalName", "string", "The DNS name an ExternalName service stands for."},
    {"externalTrafficPolicy", "string", "Cluster or Local."},
    {"healthCheckNodePort", "integer", "The node port for health checks of load balancers."},
    {"internalTrafficPolicy", "string", "Cluster or Local."},
    {"ipFamilies", "[]string", "IPv4, IPv6 or both."},
    {"ipFamilyPolicy", "string", "SingleStack, PreferDualStack or RequireDualStack."},
    {"loadBalancerClass", "string", "Which load balancer implementation it belongs to."},
    {"loadBalancerSourceRanges", "[]string", "From where the load balancer takes traffic."},
    {"ports", "[]&core.v1.ServicePort", "The ports it listens on."},
    {"publishNotReadyAddresses", "boolean", "Whether endpoints count before they are ready."},
    {"selector", "{}string", "The labels of the pods it sends traffic to."},
    {"sessionAffinity", "string", "ClientIP or None."},
    {"type", "string", "ClusterIP, NodePort, LoadBalancer or ExternalName."},
};
static const struct field_doc service_port[] = {
    {"appProtocol", "string", "The application protocol, as a hint."},
    {"name", "string", "Its name; needed when there are several."},
    {"nodePort", "integer", "The port on every node."},
    {"port", "integer", "The port of the service."},
    {"protocol", "string", "TCP, UDP or SCTP."},
    {"targetPort", "int-or-string", "The port of the pods, by number or name."},
};
static const struct field_doc endpoints[] = {
    {"subsets", "[]object", "Sets of addresses with the ports they share."},
};
static const struct field_doc namespace_fields[] = {
    {"spec", "&core.v1.NamespaceSpec", "Who must agree before the namespace goes."},
    {"status", "&core.v1.NamespaceStatus", "Its phase and conditions."},
};
static const struct field_doc namespace_spec[] = {
    {"finalizers", "[]string", "Who must agree before the namespace goes."},
};
static const struct field_doc namespace_status[] = {
    {"conditions", "[]&meta.v1.Condition", "What holds up its end."},
    {"phase", "string", "Active or Terminating."},
};
static const struct field_doc node[] = {
    {"spec", "&core.v1.NodeSpec", "How the node is to be used."},
    {"status", "object", "What the node reports: capacity, addresses, conditions, versions."},
};
static const struct field_doc node_spec[] = {
    {"podCIDR", "string", "The addresses of its pods."},
    {"podCIDRs", "[]string", "The addresses of its pods, one range for each IP family."},
    {"providerID", "string", "What the cloud calls it."},
    {"taints", "[]object", "What pods must tolerate to run on it."},
    {"unschedulable", "boolean", "Whether new pods stay away."},
};
static const struct field_doc volume[] = {
    {"spec", "object", "Size, access modes, source and claim of the volume."},
    {"status", "object", "Its phase, and why it is in it."},
};
static const struct field_doc claim[] = {
    {"spec", "&core.v1.PersistentVolumeClaimSpec", "What kind of volume is asked for."},
    {"status", "object", "Its phase, and what the bound volume offers."},
};
static const struct field_doc claim_spec[] = {
    {"accessModes", "[]string", "How it will be mounted: ReadWriteOnce, ReadOnlyMany, .."},
    {"dataSource", "object", "What the volume begins with."},
    {"resources", "object", "How much is asked for."},
    {"selector", "&meta.v1.LabelSelector", "Which volumes will do."},
    {"storageClassName", "string", "The StorageClass to make it with."},
    {"volumeAttributesClassName", "string", "The VolumeAttributesClass to make it with."},
    {"volumeMode", "string", "Filesystem or Block."},
    {"volumeName", "string", "The volume it is bound to."},
};
static const struct field_doc limit_range[] = {
    {"spec", "object", "The limits, one entry for each type of object."},
};
static const struct field_doc quota[] = {
    {"spec", "&core.v1.ResourceQuotaSpec", "The limits."},
    {"status", "&core.v1.ResourceQuotaStatus", "The limits, and what is used of them."},
};
static const struct field_doc quota_spec[] = {
    {"hard", "{}quantity", "The limit of each resource."},
    {"scopeSelector", "object", "Which objects are counted, by expressions."},
    {"scopes", "[]string", "Which objects are counted."},
};
static const struct field_doc quota_status[] = {
    {"hard", "{}quantity", "The limit of each resource."},
    {"used", "{}quantity", "What is used of each resource."},
};
static const struct field_doc controller[] = {
    {"spec", "&core.v1.ReplicationControllerSpec", "How many pods are wanted, and which."},
    {"status", "object", "How many pods there are."},
};
static const struct field_doc controller_spec[] = {
    {"minReadySeconds", "integer", "How long a new pod must be ready to count as available."},
    {"replicas", "integer", "How many pods are wanted; 1 by default."},
    {"selector", "{}string", "The labels of its pods."},
    {"template", "&core.v1.PodTemplateSpec", "What its pods look like."},
};

const struct schema_doc schemas_core[] = {
    SCHEMA_KIND("core.v1.ConfigMap", config_map, "Configuration for pods and programs to read."),
    SCHEMA_KIND("core.v1.Secret", secret, "Data that few should see, up to 1 MiB."),
    SCHEMA_KIND("core.v1.Event", event, "A report of something that happened. It expires."),
    SCHEMA_KIND("core.v1.ServiceAccount", service_account, "An identity for programs in pods."),
    SCHEMA_KIND("core.v1.Service", service, "A name and address in front of a set of pods."),
    SCHEMA_OPEN("core.v1.ServiceSpec", service_spec, "How a service is reached."),
    SCHEMA_OPEN("core.v1.ServicePort", service_port, "One port of a service."),
    SCHEMA_KIND("core.v1.Endpoints", endpoints, "The addresses behind a service."),
    SCHEMA_KIND("core.v1.Namespace", namespace_fields, "A room for names of objects."),
    SCHEMA_OPEN("core.v1.NamespaceSpec", namespace_spec, "The desired state of a namespace."),
    SCHEMA_OPEN("core.v1.NamespaceStatus", namespace_status, "The state of a namespace."),
    SCHEMA_KIND("core.v1.Node", node, "A machine that runs pods."),
    SCHEMA_OPEN("core.v1.NodeSpec", node_spec, "How a node is to be used."),
    SCHEMA_KIND("core.v1.PersistentVolume", volume, "A piece of storage in the cluster."),
    SCHEMA_KIND("core.v1.PersistentVolumeClaim", claim, "Somebody's claim to a volume."),
    SCHEMA_OPEN("core.v1.PersistentVolumeClaimSpec", claim_spec, "What volume is asked for."),
    SCHEMA_KIND("core.v1.LimitRange", limit_range, "Limits for single objects of a namespace."),
    SCHEMA_KIND("core.v1.ResourceQuota", quota, "Limits for a namespace as a whole."),
    SCHEMA_OPEN("core.v1.ResourceQuotaSpec", quota_spec, "The limits."),
    SCHEMA_OPEN("core.v1.ResourceQuotaStatus", quota_status, "What is used of the limits."),
    SCHEMA_KIND("core.v1.ReplicationController", controller, "Keeps a number of pods running."),
    SCHEMA_OPEN("core.v1.ReplicationControllerSpec", controller_spec, "Which pods, how many."),
    {0},
};
