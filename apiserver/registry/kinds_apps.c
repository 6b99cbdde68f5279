#include "apiserver/registry/kinds.h"

/* ---- columns ---- */

static const struct column revision_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Controller", "string", 0, "Whose revision it is.", cell_controller),
    COLUMN_PATH("Revision", "string", 0, "Its number.", ".revision"),
    COLUMN_AGE,
};
static const struct column daemon_set_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Desired", "integer", 0, "How many nodes should run the pod.",
                ".status.desiredNumberScheduled"),
    COLUMN_PATH("Current", "integer", 0, "How many of them run it.",
                ".status.currentNumberScheduled"),
    COLUMN_PATH("Ready", "integer", 0, "How many run it ready.", ".status.numberReady"),
    COLUMN_PATH("Up-to-date", "integer", 0, "How many run the newest template.",
                ".status.updatedNumberScheduled"),
    COLUMN_PATH("Available", "integer", 0, "How many run it available.", ".status.numberAvailable"),
    COLUMN_CELL("Node Selector", "string", 0, "Which nodes may run it.", cell_node_selector),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
    COLUMN_CELL("Selector", "string", WIDE, "Which pods are its own.", cell_selector_or_none),
};
static const struct column deployment_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Ready", "string", 0, "Ready pods of the pods wanted.", cell_replicas_ready),
    COLUMN_PATH("Up-to-date", "integer", 0, "How many run the newest template.",
                ".status.updatedReplicas"),
    COLUMN_PATH("Available", "integer", 0, "How many are available.", ".status.availableReplicas"),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
    COLUMN_CELL("Selector", "string", WIDE, "Which pods are its own.", cell_selector),
};
static const struct column replica_set_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Desired", "integer", 0, "How many pods are wanted.", ".spec.replicas"),
    COLUMN_PATH("Current", "integer", 0, "How many pods there are.", ".status.replicas"),
    COLUMN_PATH("Ready", "integer", 0, "How many of them are ready.", ".status.readyReplicas"),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
    COLUMN_CELL("Selector", "string", WIDE, "Which pods are its own.", cell_selector_or_none),
};
static const struct column stateful_set_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Ready", "string", 0, "Ready pods of the pods wanted.", cell_replicas_ready),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
};
static const struct column cron_job_columns[] = {
    COLUMN_NAME,
    COLUMN_PATH("Schedule", "string", 0, "When it runs, in cron's words.", ".spec.schedule"),
    COLUMN_CELL("Timezone", "string", 0, "The time zone of the schedule.", cell_cron_job_time_zone),
    COLUMN_CELL("Suspend", "boolean", 0, "Whether it is held back.", cell_cron_job_suspend),
    COLUMN_CELL("Active", "integer", 0, "How many jobs of it run.", cell_cron_job_active),
    COLUMN_CELL("Last Schedule", "string", 0, "When it ran last.", cell_cron_job_last_schedule),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
    COLUMN_CELL("Selector", "string", WIDE, "Which pods are its own.", cell_selector_or_none),
};
static const struct column job_columns[] = {
    COLUMN_NAME,
    COLUMN_CELL("Status", "string", 0, "How far the job is.", cell_job_status),
    COLUMN_CELL("Completions", "string", 0, "Pods that succeeded of those wanted.",
                cell_job_completions),
    COLUMN_CELL("Duration", "string", 0, "How long it took, or has taken so far.",
                cell_job_duration),
    COLUMN_AGE,
    COLUMN_CONTAINERS(WIDE),
    COLUMN_IMAGES(WIDE),
    COLUMN_CELL("Selector", "string", WIDE, "Which pods are its own.", cell_selector_or_none),
};

static const struct object_field replica_fields[] = {{"status.replicas", "status.replicas", "0"}};
static const struct object_field job_fields[] = {{"status.successful", "status.succeeded", "0"}};

/* ---- kinds ---- */

static const struct kind controller_revisions = {
    KIND("apps", "ControllerRevision", "controllerrevisions", "controllerrevision"),
    COLUMNS(revision_columns),
    .namespaced = true,
    .unconditional_update = true,
};
static const struct kind daemon_sets = {
    KIND("apps", "DaemonSet", "daemonsets", "daemonset"),
    .short_names = NAMES("ds"),
    .categories = NAMES("all"),
    COLUMNS(daemon_set_columns),
    .namespaced = true,
    .has_status = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind deployments = {
    KIND("apps", "Deployment", "deployments", "deployment"),
    .short_names = NAMES("deploy"),
    .categories = NAMES("all"),
    COLUMNS(deployment_columns),
    .namespaced = true,
    .has_status = true,
    .has_scale = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind replica_sets = {
    KIND("apps", "ReplicaSet", "replicasets", "replicaset"),
    .short_names = NAMES("rs"),
    .categories = NAMES("all"),
    COLUMNS(replica_set_columns),
    FIELDS(replica_fields),
    .namespaced = true,
    .has_status = true,
    .has_scale = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind stateful_sets = {
    KIND("apps", "StatefulSet", "statefulsets", "statefulset"),
    .short_names = NAMES("sts"),
    .categories = NAMES("all"),
    COLUMNS(stateful_set_columns),
    .namespaced = true,
    .has_status = true,
    .has_scale = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind cron_jobs = {
    KIND("batch", "CronJob", "cronjobs", "cronjob"),
    .short_names = NAMES("cj"),
    .categories = NAMES("all"),
    COLUMNS(cron_job_columns),
    .namespaced = true,
    .has_status = true,
    .has_generation = true,
    .unconditional_update = true,
};
static const struct kind jobs = {
    KIND("batch", "Job", "jobs", "job"),
    .categories = NAMES("all"),
    COLUMNS(job_columns),
    FIELDS(job_fields),
    .namespaced = true,
    .has_status = true,
    .has_generation = true,
    .unconditional_update = true,
};

const struct kind *const kinds_apps[] = {
    &controller_revisions, &daemon_sets, &deployments, &replica_sets, &stateful_sets, NULL,
};
const struct kind *const kinds_batch[] = {&cron_jobs, &jobs, NULL};
