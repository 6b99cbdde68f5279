#include "apiserver/registry/kinds.h"

/* ---- columns ---- */

static const struct column ingress_class_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Controller", "string", 0, "Who handles ingresses of the class.",
                ".spec.controller"),
    COLUMN_CELL("Parameters", "string", 0, "The object with that controller's settings.",
                cell_ingress_class_parameters),
    COLUMN_AGE,
};
static const struct column ingress_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Class", "string", 0, "The IngressClass it belongs to.", cell_ingress_class),
    COLUMN_CELL("Hosts", "string", 0, "The hosts its rules match.", cell_ingress_hosts),
    COLUMN_CELL("Address", "string", 0, "Where its load balancer listens.", cell_ingress_address),
    COLUMN_CELL("Ports", "string", 0, "The ports that are open.", cell_ingress_ports),
    COLUMN_AGE,
};
static const struct column network_policy_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Pod-Selector", "string", 0, "Which pods it guards.", cell_pod_selector),
    COLUMN_AGE,
};
static const struct column budget_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Min Available", "string", 0, "How many pods must stay.",
                cell_budget_min_available),
    COLUMN_CELL("Max Unavailable", "string", 0, "How many pods may be away.",
                cell_budget_max_unavailable),
    COLUMN_PATH("Allowed Disruptions", "integer", 0, "How many pods may be evicted now.",
                ".status.disruptionsAllowed"),
    COLUMN_AGE,
};
static const struct column role_binding_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Role", "string", 0, "The role it gives.", cell_role_ref),
    COLUMN_AGE,
    COLUMN_CELL("Users", "string", WIDE, "The users it gives it to.", cell_role_users),
    COLUMN_CELL("Groups", "string", WIDE, "The groups it gives it to.", cell_role_groups),
    COLUMN_CELL("ServiceAccounts", "string", WIDE, "The service accounts it gives it to.",
                cell_role_service_accounts),
};
static const struct column storage_class_columns[] = {
    {"Name", "string", "name", NAME_TEXT, 0, NULL, cell_storage_class_name},
    COLUMN_PATH("Provisioner", "string", 0, "Who makes its volumes.", ".provisioner"),
    COLUMN_CELL("ReclaimPolicy", "string", 0, "What becomes of a released volume.",
                cell_storage_class_reclaim_policy),
    COLUMN_CELL("VolumeBindingMode", "string", 0, "When a claim is bound.",
                cell_storage_class_binding_mode),
    COLUMN_PATH("AllowVolumeExpansion", "boolean", 0, "Whether its volumes may grow.",
                ".allowVolumeExpansion"),
    COLUMN_AGE,
};
static const struct column priority_class_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Value", "integer", 0, "The priority.", ".value"),
    COLUMN_PATH("Global-Default", "boolean", 0, "Whether pods without a class get it.",
                ".globalDefault"),
    COLUMN_AGE,
};
static const struct column lease_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Holder", "string", 0, "Who holds the lease.", ".spec.holderIdentity"),
    COLUMN_AGE,
};
static const struct column slice_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("AddressType", "string", 0, "IPv4, IPv6 or FQDN.", ".addressType"),
    COLUMN_CELL("Ports", "string", 0, "The ports of every endpoint.", cell_slice_ports),
    COLUMN_CELL("Endpoints", "string", 0, "The addresses of the endpoints.", cell_slice_endpoints),
    COLUMN_AGE,
};

/* ---- kinds ---- */

static const struct kind ingress_classes = {
    KIND("networking.k8s.io", "IngressClass", "ingressclasses", "ingressclass"),
    COLUMNS(ingress_class_columns),
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind ingresses = {
    KIND("networking.k8s.io", "Ingress", "ingresses", "ingress"),
    .short_names = NAMES("ing"),
    COLUMNS(ingress_columns),
    .namespaced = true,
    .has_status = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind network_policies = {
    KIND("networking.k8s.io", "NetworkPolicy", "networkpolicies", "networkpolicy"),
    .short_names = NAMES("netpol"),
    COLUMNS(network_policy_columns),
    .namespaced = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind budgets = {
    KIND("policy", "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget"),
    .short_names = NAMES("pdb"),
    COLUMNS(budget_columns),
    .namespaced = true,
    .has_status = true,
    .has_generation = true,
};
static const struct kind cluster_role_bindings = {
    KIND("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings",
         "clusterrolebinding"),
    COLUMNS(role_binding_columns),
    .unconditional_update = true,
    .create_on_update = true,
};
static const struct kind cluster_roles = {
    KIND("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", "clusterrole"),
    COLUMNS(columns_created_at),
    .unconditional_update = true,
    .create_on_update = true,
};
static const struct kind role_bindings = {
    KIND("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", "rolebinding"),
    COLUMNS(role_binding_columns),
    .namespaced = true,
    .unconditional_update = true,
    .create_on_update = true,
};
static const struct kind roles = {
    KIND("rbac.authorization.k8s.io", "Role", "roles", "role"),
    COLUMNS(columns_created_at),
    .namespaced = true,
    .unconditional_update = true,
    .create_on_update = true,
};
static const struct kind storage_classes = {
    KIND("storage.k8s.io", "StorageClass", "storageclasses", "storageclass"),
    .short_names = NAMES("sc"),
    COLUMNS(storage_class_columns),
    .unconditional_update = true,
    .delete_returns_object = true,
};
static const struct kind definitions = {
    KIND("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions",
         "customresourcedefinition"),
    .short_names = NAMES("crd", "crds"),
    .categories = NAMES("api-extensions"),
    COLUMNS(columns_created_at),
    .has_status = true,
    .has_generation = true,
};
static const struct kind priority_classes = {
    KIND("scheduling.k8s.io", "PriorityClass", "priorityclasses", "priorityclass"),
    .short_names = NAMES("pc"),
    COLUMNS(priority_class_columns),
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind leases = {
    KIND("coordination.k8s.io", "Lease", "leases", "lease"),
    COLUMNS(lease_columns),
    .namespaced = true,
    .create_on_update = true,
};
static const struct kind endpoint_slices = {
    KIND("discovery.k8s.io", "EndpointSlice", "endpointslices", "endpointslice"),
    COLUMNS(slice_columns),
    .namespaced = true,
    .has_generation = true,
    .unconditional_update = true,
};

const struct kind *const kinds_networking[] = {&ingress_classes, &ingresses, &network_policies,
                                               NULL};
const struct kind *const kinds_policy[] = {&budgets, NULL};
const struct kind *const kinds_rbac[] = {&cluster_role_bindings, &cluster_roles, &role_bindings,
                                         &roles, NULL};
const struct kind *const kinds_storage[] = {&storage_classes, NULL};
const struct kind *const kinds_apiextensions[] = {&definitions, NULL};
const struct kind *const kinds_scheduling[] = {&priority_classes, NULL};
const struct kind *const kinds_coordination[] = {&leases, NULL};
const struct kind *const kinds_discovery[] = {&endpoint_slices, NULL};
