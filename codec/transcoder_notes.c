/*
 * What Go's types say of fields and descriptors do not: struct tags (`json:",inline"`, names,
 * omitempty) and MarshalJSON methods. Source: types.go of k8s.io/api, apimachinery and
 * apiextensions-apiserver. A field that is by value and has omitempty is marked in proto/ itself,
 * by its default.
 */
#include "codec/transcoder_types.h"

#define META "k8s.io.apimachinery.pkg.apis.meta.v1."
#define APIEXTENSIONS "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1."

const struct field_note field_notes[] = {
    /* structs whose members stand in the one around them */
    {"*", "localObjectReference", NULL, FIELD_INLINED},
    {"EphemeralContainer", "ephemeralContainerCommon", NULL, FIELD_INLINED},
    {"IngressRule", "ingressRuleValue", NULL, FIELD_INLINED},
    {"PersistentVolumeSpec", "persistentVolumeSource", NULL, FIELD_INLINED},
    {"Probe", "handler", NULL, FIELD_INLINED},
    {"Volume", "volumeSource", NULL, FIELD_INLINED},

    /* names that are none in protobuf */
    {"IngressClassParametersReference", "aPIGroup", "apiGroup", 0},
    {"JSONSchemaProps", "ref", "$ref", 0},
    {"JSONSchemaProps", "schema", "$schema", 0},
    {"JSONSchemaProps", "xKubernetesEmbeddedResource", "x-kubernetes-embedded-resource", 0},
    {"JSONSchemaProps", "xKubernetesIntOrString", "x-kubernetes-int-or-string", 0},
    {"JSONSchemaProps", "xKubernetesListMapKeys", "x-kubernetes-list-map-keys", 0},
    {"JSONSchemaProps", "xKubernetesListType", "x-kubernetes-list-type", 0},
    {"JSONSchemaProps", "xKubernetesMapType", "x-kubernetes-map-type", 0},
    {"JSONSchemaProps", "xKubernetesPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields",
     0},
    {"JSONSchemaProps", "xKubernetesValidations", "x-kubernetes-validations", 0},

    /* times by value; pointers to times are left out when they are not set */
    {"*", "creationTimestamp", NULL, FIELD_NULLABLE},
    {"*", "deprecatedFirstTimestamp", NULL, FIELD_NULLABLE},
    {"*", "deprecatedLastTimestamp", NULL, FIELD_NULLABLE},
    {"*", "eventTime", NULL, FIELD_NULLABLE},
    {"*", "finishedAt", NULL, FIELD_NULLABLE},
    {"*", "firstTimestamp", NULL, FIELD_NULLABLE},
    {"*", "lastHeartbeatTime", NULL, FIELD_NULLABLE},
    {"*", "lastObservedTime", NULL, FIELD_NULLABLE},
    {"*", "lastProbeTime", NULL, FIELD_NULLABLE},
    {"*", "lastTimestamp", NULL, FIELD_NULLABLE},
    {"*", "lastTransitionTime", NULL, FIELD_NULLABLE},
    {"*", "lastUpdateTime", NULL, FIELD_NULLABLE},
    {"*", "startedAt", NULL, FIELD_NULLABLE},

    /* lists without omitempty */
    {"*List", "items", NULL, FIELD_LISTED},
    {"APIGroup", "versions", NULL, FIELD_LISTED},
    {"APIGroupList", "groups", NULL, FIELD_LISTED},
    {"APIResourceList", "resources", NULL, FIELD_LISTED},
    {"APIVersions", "serverAddressByClientCIDRs", NULL, FIELD_LISTED},
    {"APIVersions", "versions", NULL, FIELD_LISTED},
    {"CephFSPersistentVolumeSource", "monitors", NULL, FIELD_LISTED},
    {"CephFSVolumeSource", "monitors", NULL, FIELD_LISTED},
    {"ClusterRole", "rules", NULL, FIELD_LISTED},
    {"ContainerImage", "names", NULL, FIELD_LISTED},
    {"CustomResourceDefinitionSpec", "versions", NULL, FIELD_LISTED},
    {"CustomResourceDefinitionStatus", "conditions", NULL, FIELD_LISTED},
    {"CustomResourceDefinitionStatus", "storedVersions", NULL, FIELD_LISTED},
    {"Endpoint", "addresses", NULL, FIELD_LISTED},
    {"EndpointSlice", "endpoints", NULL, FIELD_LISTED},
    {"EndpointSlice", "ports", NULL, FIELD_LISTED},
    {"HTTPIngressRuleValue", "paths", NULL, FIELD_LISTED},
    {"LimitRangeSpec", "limits", NULL, FIELD_LISTED},
    {"NodeSelector", "nodeSelectorTerms", NULL, FIELD_LISTED},
    {"NonResourceRule", "verbs", NULL, FIELD_LISTED},
    {"PodExtendedResourceClaimStatus", "requestMappings", NULL, FIELD_LISTED},
    {"PodFailurePolicy", "rules", NULL, FIELD_LISTED},
    {"PodFailurePolicyOnExitCodesRequirement", "values", NULL, FIELD_LISTED},
    {"PodSpec", "containers", NULL, FIELD_LISTED},
    {"PolicyRule", "verbs", NULL, FIELD_LISTED},
    {"ProjectedVolumeSource", "sources", NULL, FIELD_LISTED},
    {"RBDPersistentVolumeSource", "monitors", NULL, FIELD_LISTED},
    {"RBDVolumeSource", "monitors", NULL, FIELD_LISTED},
    {"ResourceRule", "verbs", NULL, FIELD_LISTED},
    {"Role", "rules", NULL, FIELD_LISTED},
    {"SubjectRulesReviewStatus", "nonResourceRules", NULL, FIELD_LISTED},
    {"SubjectRulesReviewStatus", "resourceRules", NULL, FIELD_LISTED},
    {"SuccessPolicy", "rules", NULL, FIELD_LISTED},
    {"TopologySelectorLabelRequirement", "values", NULL, FIELD_LISTED},
    {"WebhookConversion", "conversionReviewVersions", NULL, FIELD_LISTED},
};
const size_t field_note_count = ARRAY_LEN(field_notes);

const struct form_note form_notes[] = {
    {"k8s.io.apimachinery.pkg.api.resource.Quantity", FORM_QUANTITY},
    {"k8s.io.apimachinery.pkg.runtime.RawExtension", FORM_RAW},
    {"k8s.io.apimachinery.pkg.util.intstr.IntOrString", FORM_INT_OR_STRING},
    {META "Duration", FORM_DURATION},
    {META "FieldsV1", FORM_RAW},
    {META "MicroTime", FORM_MICRO_TIME},
    {META "Time", FORM_TIME},
    {META "Verbs", FORM_LIST},
    {"k8s.io.api.authentication.v1.ExtraValue", FORM_LIST},
    {"k8s.io.api.authorization.v1.ExtraValue", FORM_LIST},
    {APIEXTENSIONS "JSON", FORM_RAW},
    {APIEXTENSIONS "JSONSchemaPropsOrArray", FORM_SCHEMA_OR_ARRAY},
    {APIEXTENSIONS "JSONSchemaPropsOrBool", FORM_SCHEMA_OR_BOOL},
    {APIEXTENSIONS "JSONSchemaPropsOrStringArray", FORM_SCHEMA_OR_STRINGS},
};
const size_t form_note_count = ARRAY_LEN(form_notes);
