/* k8s.io/apimachinery/pkg/apis/meta/v1/types.go, and what many groups share. */
#include "apiserver/registry/openapi_schemas.h"

static const struct field_doc object_meta[] = {
    {"annotations", "{}string", "Free data that tools attach to the object. Not selectable."},
    {"creationTimestamp", "time", "When the server created the object. Set by the server."},
    {"deletionGracePeriodSeconds", "integer",
     "How long the object may take to end once it is being deleted."},
    {"deletionTimestamp", "time",
     "When the object goes: set by the server when a deletion was asked for."},
    {"finalizers", "[]string", "Who must agree before a deleted object is removed."},
    {"generateName", "string", "The name's beginning, to which the server adds random letters."},
    {"generation", "integer", "Counts the changes of the desired state. Set by the server."},
    {"labels", "{}string", "Names and values by which objects are selected."},
    {"managedFields", "[]&meta.v1.ManagedFieldsEntry", "Which manager set which fields."},
    {"name", "string", "The name, unique within the namespace and kind. It cannot be changed."},
    {"namespace", "string", "The namespace the object lives in. It cannot be changed."},
    {"ownerReferences", "[]&meta.v1.OwnerReference",
     "The objects this one depends on: once all are gone, it is collected."},
    {"resourceVersion", "string",
     "Names this state of the object. Send it back to change exactly this state."},
    {"selfLink", "string", "Not used any more."},
    {"uid", "string", "Unique in time and space. Set by the server."},
};
static const struct field_doc list_meta[] = {
    {"continue", "string", "Set if there are more items: the token to ask for them with."},
    {"remainingItemCount", "integer", "How many more items there are, if that is known."},
    {"resourceVersion", "string", "The state the list shows. A watch may begin here."},
    {"selfLink", "string", "Not used any more."},
};
static const struct field_doc owner_reference[] = {
    {"apiVersion", "string", "The API version of the owner."},
    {"blockOwnerDeletion", "boolean",
     "Whether the owner stays, in a foreground deletion, until this object is gone."},
    {"controller", "boolean", "Whether this owner is the one that manages the object."},
    {"kind", "string", "The kind of the owner."},
    {"name", "string", "The name of the owner."},
    {"uid", "string", "The uid of the owner."},
};
static const struct field_doc managed_fields_entry[] = {
    {"apiVersion", "string", "The version the fields are named in."},
    {"fieldsType", "string", "The format of the fields: FieldsV1."},
    {"fieldsV1", "object", "The fields, as a tree."},
    {"manager", "string", "Who set them."},
    {"operation", "string", "Apply or Update."},
    {"subresource", "string", "The subresource they were set through; empty for the object."},
    {"time", "time", "When they were set last."},
};
static const struct field_doc label_selector[] = {
    {"matchExpressions", "[]&meta.v1.LabelSelectorRequirement", "Requirements that all must hold."},
    {"matchLabels", "{}string", "Labels that all must be there, with these values."},
};
static const struct field_doc label_selector_requirement[] = {
    {"key", "string", "The label it is about."},
    {"operator", "string", "In, NotIn, Exists or DoesNotExist."},
    {"values", "[]string", "The values of In and NotIn; none for the others."},
};
static const struct field_doc condition[] = {
    {"lastTransitionTime", "time", "When the status changed last."},
    {"message", "string", "Details for people."},
    {"observedGeneration", "integer", "The metadata.generation the condition speaks of."},
    {"reason", "string", "Why, in one word."},
    {"status", "string", "True, False or Unknown."},
    {"type", "string", "What the condition is about."},
};
static const struct field_doc status[] = {
    {"apiVersion", "string", "The version of this schema."},
    {"code", "integer", "The HTTP code."},
    {"details", "object", "What the status is about, and its causes."},
    {"kind", "string", "Status."},
    {"message", "string", "What happened, for people."},
    {"metadata", "&meta.v1.ListMeta", "Metadata of the list it answers for."},
    {"reason", "string", "What happened, in one word for programs."},
    {"status", "string", "Success or Failure."},
};
static const struct field_doc delete_options[] = {
    {"apiVersion", "string", "The version of this schema."},
    {"dryRun", "[]string", "All: check everything, change nothing."},
    {"gracePeriodSeconds", "integer", "How long the object may take to end."},
    {"kind", "string", "DeleteOptions."},
    {"orphanDependents", "boolean", "Replaced by propagationPolicy."},
    {"preconditions", "object", "The uid and resourceVersion the object must have."},
    {"propagationPolicy", "string", "What becomes of dependents: Orphan, Background, Foreground."},
};
static const struct field_doc scale[] = {
    {"spec", "&autoscaling.v1.ScaleSpec", "The size that is wanted."},
    {"status", "&autoscaling.v1.ScaleStatus", "The size there is."},
};
static const struct field_doc scale_spec[] = {
    {"replicas", "integer", "How many instances are wanted."},
};
static const struct field_doc scale_status[] = {
    {"replicas", "integer", "How many instances were seen."},
    {"selector", "string", "Selects the pods that are counted, as a query would."},
};
static const struct field_doc local_reference[] = {
    {"name", "string", "The name of the object in the same namespace."},
};
static const struct field_doc object_reference[] = {
    {"apiVersion", "string", "The API version of the object."},
    {"fieldPath", "string", "The part of the object that is meant."},
    {"kind", "string", "The kind of the object."},
    {"name", "string", "The name of the object."},
    {"namespace", "string", "The namespace of the object."},
    {"resourceVersion", "string", "The state of the object."},
    {"uid", "string", "The uid of the object."},
};

const struct schema_doc schemas_meta[] = {
    SCHEMA_PLAIN("meta.v1.ObjectMeta", object_meta, "The metadata that every stored object has."),
    SCHEMA_PLAIN("meta.v1.ListMeta", list_meta, "The metadata of a list."),
    SCHEMA_PLAIN("meta.v1.OwnerReference", owner_reference, "Names an object that owns this one."),
    SCHEMA_PLAIN("meta.v1.ManagedFieldsEntry", managed_fields_entry,
                 "The fields one manager has set."),
    SCHEMA_PLAIN("meta.v1.LabelSelector", label_selector,
                 "Selects objects by their labels. Empty it selects all."),
    SCHEMA_PLAIN("meta.v1.LabelSelectorRequirement", label_selector_requirement,
                 "One requirement on one label."),
    SCHEMA_PLAIN("meta.v1.Condition", condition, "One aspect of the state of an object."),
    SCHEMA_PLAIN("meta.v1.Status", status, "The answer of a call that has no object to return."),
    SCHEMA_PLAIN("meta.v1.DeleteOptions", delete_options, "How an object is to be deleted."),
    {"meta.v1.Patch", "A patch, in the format its Content-Type names.", NULL, 0, false, true},
    SCHEMA_KIND("autoscaling.v1.Scale", scale, "The size of something that can be scaled."),
    SCHEMA_PLAIN("autoscaling.v1.ScaleSpec", scale_spec, "The size that is wanted."),
    SCHEMA_PLAIN("autoscaling.v1.ScaleStatus", scale_status, "The size there is."),
    SCHEMA_PLAIN("core.v1.LocalObjectReference", local_reference,
                 "Names an object of the same namespace."),
    SCHEMA_PLAIN("core.v1.ObjectReference", object_reference, "Names an object."),
    {0},
};
