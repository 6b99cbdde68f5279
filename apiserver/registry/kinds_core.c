#include "apiserver/registry/kinds.h"

/* ---- columns ---- */

static const struct column config_map_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Data", "string", 0, "How many entries it holds.", cell_config_map_data),
    COLUMN_AGE,
};
static const struct column endpoints_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Endpoints", "string", 0, "Addresses with their ports.", cell_endpoints),
    COLUMN_AGE,
};
static const struct column namespace_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Status", "string", 0, "The phase of the namespace.", ".status.phase"),
    COLUMN_AGE,
};
static const struct column node_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Status", "string", 0, "Whether the node is ready.", cell_node_status),
    COLUMN_CELL("Roles", "string", 0, "The roles its labels give it.", cell_node_roles),
    COLUMN_AGE,
    COLUMN_PATH("Version", "string", 0, "The kubelet's version.",
                ".status.nodeInfo.kubeletVersion"),
    COLUMN_CELL("Internal-IP", "string", WIDE, "Its first internal address.",
                cell_node_internal_ip),
    COLUMN_CELL("External-IP", "string", WIDE, "Its first external address.",
                cell_node_external_ip),
    COLUMN_CELL("OS-Image", "string", WIDE, "Its operating system.", cell_node_os_image),
    COLUMN_CELL("Kernel-Version", "string", WIDE, "Its kernel.", cell_node_kernel),
    COLUMN_CELL("Container-Runtime", "string", WIDE, "What runs its containers.",
                cell_node_runtime),
};
static const struct column claim_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Status", "string", 0, "The phase of the claim.", cell_volume_phase),
    COLUMN_PATH("Volume", "string", 0, "The volume it is bound to.", ".spec.volumeName"),
    COLUMN_CELL("Capacity", "string", 0, "The size of that volume.", cell_pvc_capacity),
    COLUMN_CELL("Access Modes", "string", 0, "How the volume may be mounted.",
                cell_pvc_access_modes),
    COLUMN_CELL("StorageClass", "string", 0, "The StorageClass of the claim.", cell_volume_class),
    COLUMN_CELL("VolumeAttributesClass", "string", 0, "The VolumeAttributesClass of the claim.",
                cell_volume_attributes_class),
    COLUMN_AGE,
    COLUMN_CELL("VolumeMode", "string", WIDE, "Filesystem or Block.", cell_volume_mode),
};
static const struct column volume_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Capacity", "string", 0, "The size of the volume.", cell_pv_capacity),
    COLUMN_CELL("Access Modes", "string", 0, "How it may be mounted.", cell_pv_access_modes),
    COLUMN_PATH("Reclaim Policy", "string", 0, "What becomes of it when it is released.",
                ".spec.persistentVolumeReclaimPolicy"),
    COLUMN_CELL("Status", "string", 0, "The phase of the volume.", cell_volume_phase),
    COLUMN_CELL("Claim", "string", 0, "The claim it is bound to.", cell_pv_claim),
    COLUMN_CELL("StorageClass", "string", 0, "The StorageClass of the volume.", cell_volume_class),
    COLUMN_CELL("VolumeAttributesClass", "string", 0, "The VolumeAttributesClass of the volume.",
                cell_volume_attributes_class),
    COLUMN_PATH("Reason", "string", 0, "Why it is in its phase.", ".status.reason"),
    COLUMN_AGE,
    COLUMN_CELL("VolumeMode", "string", WIDE, "Filesystem or Block.", cell_volume_mode),
};
static const struct column pod_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Ready", "string", 0, "Ready containers of all containers.", cell_pod_ready),
    COLUMN_CELL("Status", "string", 0, "What its containers make of its phase.", cell_pod_status),
    COLUMN_CELL("Restarts", "string", 0, "How often its containers restarted, and when last.",
                cell_pod_restarts),
    COLUMN_AGE,
    COLUMN_CELL("IP", "string", WIDE, "The address of the pod.", cell_pod_ip),
    COLUMN_CELL("Node", "string", WIDE, "The node it runs on.", cell_pod_node),
    COLUMN_CELL("Nominated Node", "string", WIDE, "Where it may run once others left.",
                cell_pod_nominated_node),
    COLUMN_CELL("Readiness Gates", "string", WIDE, "Open gates of all its readiness gates.",
                cell_pod_readiness_gates),
};
static const struct column pod_template_columns[] = {
    COLUMN_NAME,
    COLUMN_CONTAINERS(0),
    COLUMN_IMAGES(0),
    COLUMN_CELL("Pod Labels", "string", 0, "The labels of the template.", cell_pod_template_labels),
};
static const struct column controller_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Desired", "integer", 0, "How many pods are wanted.", ".spec.replicas"),
    COLUMN_PATH("Current", "integer", 0, "How many pods there are.", ".status.replicas"),
    COLUMN_PATH("Ready", "integer", 0, "How many of them are ready.", ".status.readyReplicas"),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
    COLUMN_CELL("Selector", "string", WIDE, "Which pods are its own.", cell_map_selector),
};
static const struct column quota_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Request", "string", 0, "What is used of each limit on requests and counts.",
                cell_quota_request),
    COLUMN_CELL("Limit", "string", 0, "What is used of each limit on limits.", cell_quota_limit),
    COLUMN_AGE,
};
static const struct column secret_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Type", "string", 0, "What kind of secret it is.", ".type"),
    COLUMN_CELL("Data", "string", 0, "How many entries it holds.", cell_secret_data),
    COLUMN_AGE,
};
static const struct column service_account_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Secrets", "string", 0, "How many secrets its pods may use.",
                cell_service_account_secrets),
    COLUMN_AGE,
};
static const struct column service_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Type", "string", 0, "How the service is exposed.", ".spec.type"),
    COLUMN_CELL("Cluster-IP", "string", 0, "Its address inside the cluster.",
                cell_service_cluster_ip),
    COLUMN_CELL("External-IP", "string", 0, "Its addresses from outside.",
                cell_service_external_ip),
    COLUMN_CELL("Port(s)", "string", 0, "Its ports, with the node's if it has any.",
                cell_service_ports),
    COLUMN_AGE,
    COLUMN_CELL("Selector", "string", WIDE, "Which pods it sends traffic to.", cell_map_selector),
};
static const struct column event_columns[] = {
    COLUMN_CELL("Last Seen", "string", 0, "When it happened last.", cell_event_last_seen),
    COLUMN_PATH("Type", "string", 0, "Normal or Warning.", ".type"),
    COLUMN_PATH("Reason", "string", 0, "Why it was sent, in one word.", ".reason"),
    COLUMN_CELL("Object", "string", 0, "What it is about.", cell_event_object),
    COLUMN_CELL("Subobject", "string", WIDE, "Which part of that object.", cell_event_subobject),
    COLUMN_CELL("Source", "string", WIDE, "Who sent it.", cell_event_source),
    COLUMN_CELL("Message", "string", 0, "What happened, for people.", cell_event_message),
    COLUMN_CELL("First Seen", "string", WIDE, "When it happened first.", cell_event_first_seen),
    COLUMN_CELL("Count", "string", WIDE, "How often it happened.", cell_event_count),
    {"Name", "string", "name", NAME_TEXT, WIDE, NULL, cell_name},
};

/* ---- selectable fields (k8s.io/kubernetes/pkg/apis/core/v1/conversion.go) ---- */

static const struct object_field pod_fields[] = {
    {"spec.nodeName", "spec.nodeName", ""},
    {"spec.restartPolicy", "spec.restartPolicy", ""},
    {"spec.schedulerName", "spec.schedulerName", ""},
    {"spec.serviceAccountName", "spec.serviceAccountName", ""},
    {"spec.hostNetwork", "spec.hostNetwork", "false"},
    {"status.phase", "status.phase", ""},
    {"status.podIP", "status.podIP", ""},
    {"status.podIPs", "status.podIP", ""},
    {"status.nominatedNodeName", "status.nominatedNodeName", ""},
};
static const struct object_field event_fields[] = {
    {"involvedObject.kind", "involvedObject.kind", ""},
    {"involvedObject.namespace", "involvedObject.namespace", ""},
    {"involvedObject.name", "involvedObject.name", ""},
    {"involvedObject.uid", "involvedObject.uid", ""},
    {"involvedObject.apiVersion", "involvedObject.apiVersion", ""},
    {"involvedObject.resourceVersion", "involvedObject.resourceVersion", ""},
    {"involvedObject.fieldPath", "involvedObject.fieldPath", ""},
    {"reason", "reason", ""},
    {"reportingComponent", "reportingComponent", ""},
    {"source", "source.component", ""},
    {"type", "type", ""},
};
static const struct object_field regarding_fields[] = {
    {"regarding.kind", "regarding.kind", ""},
    {"regarding.namespace", "regarding.namespace", ""},
    {"regarding.name", "regarding.name", ""},
    {"regarding.uid", "regarding.uid", ""},
    {"regarding.apiVersion", "regarding.apiVersion", ""},
    {"regarding.resourceVersion", "regarding.resourceVersion", ""},
    {"regarding.fieldPath", "regarding.fieldPath", ""},
    {"reason", "reason", ""},
    {"reportingController", "reportingController", ""},
    {"type", "type", ""},
};
static const struct object_field namespace_fields[] = {
    {"name", "metadata.name", ""},
    {"status.phase", "status.phase", ""},
};
static const struct object_field node_fields[] = {
    {"spec.unschedulable", "spec.unschedulable", "false"}};
static const struct object_field secret_fields[] = {{"type", "type", ""}};
static const struct object_field replica_fields[] = {{"status.replicas", "status.replicas", "0"}};
static const struct object_field service_fields[] = {
    {"spec.clusterIP", "spec.clusterIP", ""},
    {"spec.type", "spec.type", ""},
};

/* ---- kinds ---- */

static const struct kind config_maps = {
    CORE_KIND("ConfigMap", "configmaps", "configmap"),
    .short_names = NAMES("cm"),
    COLUMNS(config_map_columns),
    .namespaced = true,
    .unconditional_update = true,
};
static const struct kind endpoints = {
    CORE_KIND("Endpoints", "endpoints", "endpoints"),
    .short_names = NAMES("ep"),
    COLUMNS(endpoints_columns),
    .namespaced = true,
    .unconditional_update = true,
    .create_on_update = true,
};
static const struct kind events = {
    CORE_KIND("Event", "events", "event"),
    .short_names = NAMES("ev"),
    COLUMNS(event_columns),
    FIELDS(event_fields),
    .namespaced = true,
    .unconditional_update = true,
    .create_on_update = true,
    .ttl_s = EVENT_TTL_S,
};
static const struct kind limit_ranges = {
    CORE_KIND("LimitRange", "limitranges", "limitrange"),
    .short_names = NAMES("limits"),
    COLUMNS(columns_created_at),
    .namespaced = true,
    .unconditional_update = true,
    .create_on_update = true,
};
static const struct kind namespaces = {
    CORE_KIND("Namespace", "namespaces", "namespace"),
    .short_names = NAMES("ns"),
    COLUMNS(namespace_columns),
    FIELDS(namespace_fields),
    .has_status = true,
    .has_finalize = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind nodes = {
    CORE_KIND("Node", "nodes", "node"),
    .short_names = NAMES("no"),
    COLUMNS(node_columns),
    FIELDS(node_fields),
    .has_status = true,
    .unconditional_update = true,
};
static const struct kind claims = {
    CORE_KIND("PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim"),
    .short_names = NAMES("pvc"),
    COLUMNS(claim_columns),
    .namespaced = true,
    .has_status = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind volumes = {
    CORE_KIND("PersistentVolume", "persistentvolumes", "persistentvolume"),
    .short_names = NAMES("pv"),
    COLUMNS(volume_columns),
    .has_status = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind pods = {
    CORE_KIND("Pod", "pods", "pod"),
    .short_names = NAMES("po"),
    .categories = NAMES("all"),
    COLUMNS(pod_columns),
    FIELDS(pod_fields),
    .namespaced = true,
    .has_status = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind pod_templates = {
    CORE_KIND("PodTemplate", "podtemplates", "podtemplate"),
    COLUMNS(pod_template_columns),
    .namespaced = true,
    .has_generation = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind controllers = {
    CORE_KIND("ReplicationController", "replicationcontrollers", "replicationcontroller"),
    .short_names = NAMES("rc"),
    .categories = NAMES("all"),
    COLUMNS(controller_columns),
    FIELDS(replica_fields),
    .namespaced = true,
    .has_status = true,
    .has_scale = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind quotas = {
    CORE_KIND("ResourceQuota", "resourcequotas", "resourcequota"),
    .short_names = NAMES("quota"),
    COLUMNS(quota_columns),
    .namespaced = true,
    .has_status = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind secrets = {
    CORE_KIND("Secret", "secrets", "secret"),
    COLUMNS(secret_columns),
    FIELDS(secret_fields),
    .namespaced = true,
    .unconditional_update = true,
};
static const struct kind service_accounts = {
    CORE_KIND("ServiceAccount", "serviceaccounts", "serviceaccount"),
    .short_names = NAMES("sa"),
    COLUMNS(service_account_columns),
    .namespaced = true,
    .has_token = true,
    .delete_returns_object = true,
};
static const struct kind services = {
    CORE_KIND("Service", "services", "service"),
    .short_names = NAMES("svc"),
    .categories = NAMES("all"),
    COLUMNS(service_columns),
    FIELDS(service_fields),
    .namespaced = true,
    .has_status = true,
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind regarding_events = {
    KIND("events.k8s.io", "Event", "events", "event"),
    .short_names = NAMES("ev"),
    COLUMNS(event_columns),
    FIELDS(regarding_fields),
    .namespaced = true,
    .unconditional_update = true,
    .create_on_update = true,
    .ttl_s = EVENT_TTL_S,
};

const struct kind *const kinds_core[] = {
    &config_maps, &endpoints,        &events,   &limit_ranges,  &namespaces,  &nodes,
    &claims,      &volumes,          &pods,     &pod_templates, &controllers, &quotas,
    &secrets,     &service_accounts, &services, NULL,
};
const struct kind *const kinds_events[] = {&regarding_events, NULL};
