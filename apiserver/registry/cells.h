/*
 * cells - the functions that compute the printer columns of built-in kinds, and what they share.
 *
 * Each writes one JSON value. What they print is k8s.io/kubernetes/pkg/printers/internalversion's
 * (1.32), read off the stored JSON: absent members count as Go's zero values.
 *
 * Threads  pure functions.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_CELLS_H
#define TIDEWATCH_APISERVER_REGISTRY_CELLS_H

#include "apiserver/registry/kind.h"

/* ---- shared words ---- */
/* `text` as a JSON string, or `fallback` if it is empty. */
void cell_put(struct buf *out, struct bytes text, const char *fallback);
void cell_put_int(struct buf *out, int64_t n);
/* Ends a text that was built in `text`: writes it as cell_put() does, and releases it. */
void cell_put_buf(struct buf *out, struct buf *text, const char *fallback);
/* 0 if `node` is no number. */
int64_t cell_int(const struct json *node);
/* The age of a time as read from JSON, or "<unknown>". */
void cell_append_since(struct buf *text, struct bytes time, int64_t now_s);
/* Appends with a comma if something stands before. */
void cell_append_item(struct buf *text, struct bytes item, const char *separator);
/* "a=1,b=2", sorted by key; "<none>" for none (k8s.io/apimachinery labels.FormatLabels). */
void cell_append_labels(struct buf *text, const struct json *labels);
/* A metav1.LabelSelector as labels.Selector.String() words it; empty for none. */
void cell_append_selector(struct buf *text, const struct json *selector);
/* The condition of that type, or NULL. */
const struct json *cell_condition(const struct json *conditions, const char *type);
bool cell_condition_is(const struct json *conditions, const char *type, const char *status);
/* The addresses of a load balancer's status.loadBalancer.ingress. */
void cell_append_ingress(struct buf *text, const struct json *ingress);
/* A resource.Quantity as it was sent; "0" if it is absent. */
void cell_append_quantity(struct buf *text, const struct json *quantity);

/* ---- of any kind ---- */
void cell_name(struct buf *out, const struct cell_source *from);
void cell_age(struct buf *out, const struct cell_source *from);
void cell_created_at(struct buf *out, const struct cell_source *from);
/* Of spec.template, spec.jobTemplate.spec.template or template. */
void cell_containers(struct buf *out, const struct cell_source *from);
void cell_images(struct buf *out, const struct cell_source *from);
void cell_selector(struct buf *out, const struct cell_source *from);
void cell_selector_or_none(struct buf *out, const struct cell_source *from);
void cell_map_selector(struct buf *out, const struct cell_source *from);

/* ---- core ---- */
void cell_pod_ready(struct buf *out, const struct cell_source *from);
void cell_pod_status(struct buf *out, const struct cell_source *from);
void cell_pod_restarts(struct buf *out, const struct cell_source *from);
void cell_pod_ip(struct buf *out, const struct cell_source *from);
void cell_pod_node(struct buf *out, const struct cell_source *from);
void cell_pod_nominated_node(struct buf *out, const struct cell_source *from);
void cell_pod_readiness_gates(struct buf *out, const struct cell_source *from);
/* The `"conditions":[..],` of a finished pod's row; nothing for others. */
void cell_pod_row_conditions(struct buf *out, const struct json *pod);
void cell_pod_template_labels(struct buf *out, const struct cell_source *from);
void cell_config_map_data(struct buf *out, const struct cell_source *from);
void cell_secret_data(struct buf *out, const struct cell_source *from);
void cell_service_account_secrets(struct buf *out, const struct cell_source *from);
void cell_endpoints(struct buf *out, const struct cell_source *from);
void cell_service_cluster_ip(struct buf *out, const struct cell_source *from);
void cell_service_external_ip(struct buf *out, const struct cell_source *from);
void cell_service_ports(struct buf *out, const struct cell_source *from);
void cell_node_status(struct buf *out, const struct cell_source *from);
void cell_node_roles(struct buf *out, const struct cell_source *from);
void cell_node_internal_ip(struct buf *out, const struct cell_source *from);
void cell_node_external_ip(struct buf *out, const struct cell_source *from);
void cell_node_os_image(struct buf *out, const struct cell_source *from);
void cell_node_kernel(struct buf *out, const struct cell_source *from);
void cell_node_runtime(struct buf *out, const struct cell_source *from);
void cell_quota_request(struct buf *out, const struct cell_source *from);
void cell_quota_limit(struct buf *out, const struct cell_source *from);

/* Events of both groups. */
void cell_event_last_seen(struct buf *out, const struct cell_source *from);
void cell_event_first_seen(struct buf *out, const struct cell_source *from);
void cell_event_object(struct buf *out, const struct cell_source *from);
void cell_event_subobject(struct buf *out, const struct cell_source *from);
void cell_event_source(struct buf *out, const struct cell_source *from);
void cell_event_message(struct buf *out, const struct cell_source *from);
void cell_event_count(struct buf *out, const struct cell_source *from);

/* Volumes. */
void cell_pv_capacity(struct buf *out, const struct cell_source *from);
void cell_pv_access_modes(struct buf *out, const struct cell_source *from);
void cell_pv_claim(struct buf *out, const struct cell_source *from);
void cell_pvc_capacity(struct buf *out, const struct cell_source *from);
void cell_pvc_access_modes(struct buf *out, const struct cell_source *from);
void cell_volume_phase(struct buf *out, const struct cell_source *from);
void cell_volume_class(struct buf *out, const struct cell_source *from);
void cell_volume_attributes_class(struct buf *out, const struct cell_source *from);
void cell_volume_mode(struct buf *out, const struct cell_source *from);

/* ---- other groups ---- */
void cell_replicas_ready(struct buf *out, const struct cell_source *from);
void cell_node_selector(struct buf *out, const struct cell_source *from);
void cell_controller(struct buf *out, const struct cell_source *from);
void cell_job_status(struct buf *out, const struct cell_source *from);
void cell_job_completions(struct buf *out, const struct cell_source *from);
void cell_job_duration(struct buf *out, const struct cell_source *from);
void cell_cron_job_time_zone(struct buf *out, const struct cell_source *from);
void cell_cron_job_suspend(struct buf *out, const struct cell_source *from);
void cell_cron_job_active(struct buf *out, const struct cell_source *from);
void cell_cron_job_last_schedule(struct buf *out, const struct cell_source *from);
void cell_slice_ports(struct buf *out, const struct cell_source *from);
void cell_slice_endpoints(struct buf *out, const struct cell_source *from);
void cell_ingress_class(struct buf *out, const struct cell_source *from);
void cell_ingress_hosts(struct buf *out, const struct cell_source *from);
void cell_ingress_address(struct buf *out, const struct cell_source *from);
void cell_ingress_ports(struct buf *out, const struct cell_source *from);
void cell_ingress_class_parameters(struct buf *out, const struct cell_source *from);
void cell_pod_selector(struct buf *out, const struct cell_source *from);
void cell_budget_min_available(struct buf *out, const struct cell_source *from);
void cell_budget_max_unavailable(struct buf *out, const struct cell_source *from);
void cell_role_ref(struct buf *out, const struct cell_source *from);
void cell_role_users(struct buf *out, const struct cell_source *from);
void cell_role_groups(struct buf *out, const struct cell_source *from);
void cell_role_service_accounts(struct buf *out, const struct cell_source *from);
void cell_storage_class_name(struct buf *out, const struct cell_source *from);
void cell_storage_class_reclaim_policy(struct buf *out, const struct cell_source *from);
void cell_storage_class_binding_mode(struct buf *out, const struct cell_source *from);

#endif
