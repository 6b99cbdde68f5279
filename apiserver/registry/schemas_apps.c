/* k8s.io/api/apps/v1/types.go and batch/v1/types.go. */
#include "apiserver/registry/openapi_schemas.h"

static const struct field_doc revision[] = {
    {"data", "object", "The state that was kept."},
    {"revision", "integer", "Its number; more is newer."},
};
static const struct field_doc daemon_set[] = {
    {"spec", "&apps.v1.DaemonSetSpec", "Which pod every node should run."},
    {"status", "object", "How many nodes run it."},
};
static const struct field_doc daemon_set_spec[] = {
    {"minReadySeconds", "integer", "How long a new pod must be ready to count as available."},
    {"revisionHistoryLimit", "integer", "How many old revisions are kept."},
    {"selector", "&meta.v1.LabelSelector", "Which pods are its own."},
    {"template", "&core.v1.PodTemplateSpec", "What its pods look like."},
    {"updateStrategy", "object", "RollingUpdate or OnDelete, and how."},
};
static const struct field_doc deployment[] = {
    {"spec", "&apps.v1.DeploymentSpec", "Which pods are wanted, and how they are replaced."},
    {"status", "&apps.v1.DeploymentStatus", "Which pods there are."},
};
static const struct field_doc deployment_spec[] = {
    {"minReadySeconds", "integer", "How long a new pod must be ready to count as available."},
    {"paused", "boolean", "Whether changes wait."},
    {"progressDeadlineSeconds", "integer", "After how long without progress it has failed."},
    {"replicas", "integer", "How many pods are wanted; 1 by default."},
    {"revisionHistoryLimit", "integer", "How many old ReplicaSets are kept."},
    {"selector", "&meta.v1.LabelSelector", "Which pods are its own. It cannot be changed."},
    {"strategy", "object", "RollingUpdate or Recreate, and how."},
    {"template", "&core.v1.PodTemplateSpec", "What its pods look like."},
};
static const struct field_doc deployment_status[] = {
    {"availableReplicas", "integer", "How many pods are available."},
    {"collisionCount", "integer", "How often a name of a ReplicaSet was taken."},
    {"conditions", "[]object", "Whether it is available, and progresses."},
    {"observedGeneration", "integer", "The metadata.generation that was seen last."},
    {"readyReplicas", "integer", "How many pods are ready."},
    {"replicas", "integer", "How many pods there are."},
    {"unavailableReplicas", "integer", "How many pods are still missing."},
    {"updatedReplicas", "integer", "How many pods run the newest template."},
};
static const struct field_doc replica_set[] = {
    {"spec", "&apps.v1.ReplicaSetSpec", "Which pods are wanted, and how many."},
    {"status", "object", "How many pods there are."},
};
static const struct field_doc replica_set_spec[] = {
    {"minReadySeconds", "integer", "How long a new pod must be ready to count as available."},
    {"replicas", "integer", "How many pods are wanted; 1 by default."},
    {"selector", "&meta.v1.LabelSelector", "Which pods are its own. It cannot be changed."},
    {"template", "&core.v1.PodTemplateSpec", "What its pods look like."},
};
static const struct field_doc stateful_set[] = {
    {"spec", "&apps.v1.StatefulSetSpec", "Which pods are wanted, with which volumes."},
    {"status", "object", "How many pods there are, and of which revision."},
};
static const struct field_doc stateful_set_spec[] = {
    {"minReadySeconds", "integer", "How long a new pod must be ready to count as available."},
    {"ordinals", "object", "The number the first pod gets."},
    {"persistentVolumeClaimRetentionPolicy", "object", "When claims of pods are deleted."},
    {"podManagementPolicy", "string", "OrderedReady or Parallel."},
    {"replicas", "integer", "How many pods are wanted; 1 by default."},
    {"revisionHistoryLimit", "integer", "How many old revisions are kept."},
    {"selector", "&meta.v1.LabelSelector", "Which pods are its own."},
    {"serviceName", "string", "The service that names its pods."},
    {"template", "&core.v1.PodTemplateSpec", "What its pods look like."},
    {"updateStrategy", "object", "RollingUpdate or OnDelete, and how."},
    {"volumeClaimTemplates", "[]&core.v1.PersistentVolumeClaim", "The claims every pod gets."},
};
static const struct field_doc job[] = {
    {"spec", "&batch.v1.JobSpec", "What the job runs, and how often."},
    {"status", "object", "How far the job is."},
};
static const struct field_doc job_spec[] = {
    {"activeDeadlineSeconds", "integer", "After how long the job is ended."},
    {"backoffLimit", "integer", "How many failures make the job fail."},
    {"completionMode", "string", "NonIndexed or Indexed."},
    {"completions", "integer", "How many pods must succeed."},
    {"manualSelector", "boolean", "Whether labels and selector are the user's own."},
    {"parallelism", "integer", "How many pods run at once."},
    {"podFailurePolicy", "object", "What failures of pods lead to."},
    {"selector", "&meta.v1.LabelSelector", "Which pods are its own."},
    {"suspend", "boolean", "Whether it is held back."},
    {"template", "&core.v1.PodTemplateSpec", "What its pods look like."},
    {"ttlSecondsAfterFinished", "integer", "How long it is kept when it is done."},
};
static const struct field_doc cron_job[] = {
    {"spec", "&batch.v1.CronJobSpec", "Which job runs when."},
    {"status", "object", "Which jobs run, and when the last one began."},
};
static const struct field_doc cron_job_spec[] = {
    {"concurrencyPolicy", "string", "Allow, Forbid or Replace."},
    {"failedJobsHistoryLimit", "integer", "How many failed jobs are kept."},
    {"jobTemplate", "&batch.v1.JobTemplateSpec", "What its jobs look like."},
    {"schedule", "string", "When it runs, in cron's words."},
    {"startingDeadlineSeconds", "integer", "How late a run may begin."},
    {"successfulJobsHistoryLimit", "integer", "How many jobs that succeeded are kept."},
    {"suspend", "boolean", "Whether it is held back."},
    {"timeZone", "string", "The time zone of the schedule."},
};
static const struct field_doc job_template_spec[] = {
    {"metadata", "&meta.v1.ObjectMeta", "The metadata of the jobs."},
    {"spec", "&batch.v1.JobSpec", "What the jobs run."},
};

const struct schema_doc schemas_apps[] = {
    SCHEMA_KIND("apps.v1.ControllerRevision", revision,
                "A state of something, kept to go back to."),
    SCHEMA_KIND("apps.v1.DaemonSet", daemon_set, "Runs one pod on every node."),
    SCHEMA_OPEN("apps.v1.DaemonSetSpec", daemon_set_spec, "Which pod every node should run."),
    SCHEMA_KIND("apps.v1.Deployment", deployment, "Keeps pods running, and replaces them gently."),
    SCHEMA_OPEN("apps.v1.DeploymentSpec", deployment_spec, "Which pods are wanted."),
    SCHEMA_OPEN("apps.v1.DeploymentStatus", deployment_status, "Which pods there are."),
    SCHEMA_KIND("apps.v1.ReplicaSet", replica_set, "Keeps a number of pods running."),
    SCHEMA_OPEN("apps.v1.ReplicaSetSpec", replica_set_spec, "Which pods are wanted."),
    SCHEMA_KIND("apps.v1.StatefulSet", stateful_set, "Runs pods that keep name and storage."),
    SCHEMA_OPEN("apps.v1.StatefulSetSpec", stateful_set_spec, "Which pods are wanted."),
    SCHEMA_KIND("batch.v1.Job", job, "Runs pods until enough of them have succeeded."),
    SCHEMA_OPEN("batch.v1.JobSpec", job_spec, "What a job runs, and how often."),
    SCHEMA_KIND("batch.v1.CronJob", cron_job, "Runs a job again and again, by a schedule."),
    SCHEMA_OPEN("batch.v1.CronJobSpec", cron_job_spec, "Which job runs when."),
    SCHEMA_OPEN("batch.v1.JobTemplateSpec", job_template_spec, "What jobs look like."),
    {0},
};
