/*
 * The kinds that have a message. What is not here has none: custom resources, Table.
 */
#include "codec/transcoder_types.h"

#include "proto/apiextensions_v1.pb-c.h"
#include "proto/apps_v1.pb-c.h"
#include "proto/authentication_v1.pb-c.h"
#include "proto/authorization_v1.pb-c.h"
#include "proto/autoscaling_v1.pb-c.h"
#include "proto/batch_v1.pb-c.h"
#include "proto/coordination_v1.pb-c.h"
#include "proto/core_v1.pb-c.h"
#include "proto/discovery_v1.pb-c.h"
#include "proto/events_v1.pb-c.h"
#include "proto/meta_v1.pb-c.h"
#include "proto/networking_v1.pb-c.h"
#include "proto/policy_v1.pb-c.h"
#include "proto/rbac_v1.pb-c.h"
#include "proto/scheduling_v1.pb-c.h"
#include "proto/storage_v1.pb-c.h"

/* `message` is how protoc-c spells `Kind`. */
#define KIND(api_version_, package, message, Kind)                                                 \
    {                                                                                              \
        .api_version = BYTES_INIT(api_version_), .kind = BYTES_INIT(Kind),                         \
        .descriptor = &k8s__io__##package##__v1__##message##__descriptor                           \
    }
#define KIND_AND_LIST(api_version, package, message, Kind)                                         \
    KIND(api_version, package, message, Kind),                                                     \
        KIND(api_version, package, message##_list, Kind "List")

/* Of the protocol itself: options come in the group and version of what they are for. */
#define META_KIND(message, Kind) KIND("", apimachinery__pkg__apis__meta, message, Kind)

// clang-format off
const struct message_kind message_kinds[] = {
    KIND_AND_LIST("v1", api__core, config_map, "ConfigMap"),
    KIND_AND_LIST("v1", api__core, endpoints, "Endpoints"),
    KIND_AND_LIST("v1", api__core, event, "Event"),
    KIND_AND_LIST("v1", api__core, limit_range, "LimitRange"),
    KIND_AND_LIST("v1", api__core, namespace, "Namespace"),
    KIND_AND_LIST("v1", api__core, node, "Node"),
    KIND_AND_LIST("v1", api__core, persistent_volume, "PersistentVolume"),
    KIND_AND_LIST("v1", api__core, persistent_volume_claim, "PersistentVolumeClaim"),
    KIND_AND_LIST("v1", api__core, pod, "Pod"),
    KIND_AND_LIST("v1", api__core, pod_template, "PodTemplate"),
    KIND_AND_LIST("v1", api__core, replication_controller, "ReplicationController"),
    KIND_AND_LIST("v1", api__core, resource_quota, "ResourceQuota"),
    KIND_AND_LIST("v1", api__core, secret, "Secret"),
    KIND_AND_LIST("v1", api__core, service, "Service"),
    KIND_AND_LIST("v1", api__core, service_account, "ServiceAccount"),
    KIND("v1", api__core, binding, "Binding"),
    KIND_AND_LIST("apps/v1", api__apps, controller_revision, "ControllerRevision"),
    KIND_AND_LIST("apps/v1", api__apps, daemon_set, "DaemonSet"),
    KIND_AND_LIST("apps/v1", api__apps, deployment, "Deployment"),
    KIND_AND_LIST("apps/v1", api__apps, replica_set, "ReplicaSet"),
    KIND_AND_LIST("apps/v1", api__apps, stateful_set, "StatefulSet"),
    KIND("authentication.k8s.io/v1", api__authentication, self_subject_review, "SelfSubjectReview"),
    KIND("authentication.k8s.io/v1", api__authentication, token_request, "TokenRequest"),
    KIND("authentication.k8s.io/v1", api__authentication, token_review, "TokenReview"),
    KIND("authorization.k8s.io/v1", api__authorization, local_subject_access_review, "LocalSubjectAccessReview"),
    KIND("authorization.k8s.io/v1", api__authorization, self_subject_access_review, "SelfSubjectAccessReview"),
    KIND("authorization.k8s.io/v1", api__authorization, self_subject_rules_review, "SelfSubjectRulesReview"),
    KIND("authorization.k8s.io/v1", api__authorization, subject_access_review, "SubjectAccessReview"),
    KIND("autoscaling/v1", api__autoscaling, scale, "Scale"),
    KIND_AND_LIST("batch/v1", api__batch, cron_job, "CronJob"),
    KIND_AND_LIST("batch/v1", api__batch, job, "Job"),
    KIND_AND_LIST("coordination.k8s.io/v1", api__coordination, lease, "Lease"),
    KIND_AND_LIST("discovery.k8s.io/v1", api__discovery, endpoint_slice, "EndpointSlice"),
    KIND_AND_LIST("events.k8s.io/v1", api__events, event, "Event"),
    KIND_AND_LIST("networking.k8s.io/v1", api__networking, ingress, "Ingress"),
    KIND_AND_LIST("networking.k8s.io/v1", api__networking, ingress_class, "IngressClass"),
    KIND_AND_LIST("networking.k8s.io/v1", api__networking, network_policy, "NetworkPolicy"),
    KIND_AND_LIST("policy/v1", api__policy, pod_disruption_budget, "PodDisruptionBudget"),
    KIND("policy/v1", api__policy, eviction, "Eviction"),
    KIND_AND_LIST("rbac.authorization.k8s.io/v1", api__rbac, cluster_role, "ClusterRole"),
    KIND_AND_LIST("rbac.authorization.k8s.io/v1", api__rbac, cluster_role_binding, "ClusterRoleBinding"),
    KIND_AND_LIST("rbac.authorization.k8s.io/v1", api__rbac, role, "Role"),
    KIND_AND_LIST("rbac.authorization.k8s.io/v1", api__rbac, role_binding, "RoleBinding"),
    KIND_AND_LIST("scheduling.k8s.io/v1", api__scheduling, priority_class, "PriorityClass"),
    KIND_AND_LIST("storage.k8s.io/v1", api__storage, storage_class, "StorageClass"),
    KIND_AND_LIST("apiextensions.k8s.io/v1", apiextensions_apiserver__pkg__apis__apiextensions, custom_resource_definition, "CustomResourceDefinition"),
    META_KIND(apigroup, "APIGroup"),
    META_KIND(apigroup_list, "APIGroupList"),
    META_KIND(apiresource_list, "APIResourceList"),
    META_KIND(apiversions, "APIVersions"),
    META_KIND(create_options, "CreateOptions"),
    META_KIND(delete_options, "DeleteOptions"),
    META_KIND(get_options, "GetOptions"),
    META_KIND(list_options, "ListOptions"),
    META_KIND(partial_object_metadata, "PartialObjectMetadata"),
    META_KIND(partial_object_metadata_list, "PartialObjectMetadataList"),
    META_KIND(patch_options, "PatchOptions"),
    META_KIND(status, "Status"),
    META_KIND(update_options, "UpdateOptions"),
    META_KIND(watch_event, "WatchEvent"),
};
// clang-format on
const size_t message_kind_count = ARRAY_LEN(message_kinds);

/* What no kind contains, but who has it alone finds by name. */
const struct ProtobufCMessageDescriptor *const message_parts[] = {
    &k8s__io__apimachinery__pkg__apis__meta__v1__condition__descriptor,
    &k8s__io__apimachinery__pkg__apis__meta__v1__duration__descriptor,
};
const size_t message_part_count = ARRAY_LEN(message_parts);
