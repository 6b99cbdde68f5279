#include "apiserver/handlers/admission.h"

static enum status error_forbidden(struct error *reterr, const struct kind *kind, struct bytes name,
                                   struct bytes why)
{
    if (name.len != 0)
        error_set(reterr, STATUS_FORBIDDEN, "%s \"%.*s\" is forbidden: %.*s", kind->group_resource,
                  BYTES_FMT(name), BYTES_FMT(why));
    else
        error_set(reterr, STATUS_FORBIDDEN, "%s is forbidden: %.*s", kind->group_resource,
                  BYTES_FMT(why));
    error_set_details(reterr, bytes_str(kind->group), bytes_str(kind->plural), name);
    return STATUS_FORBIDDEN;
}

static enum status admit_into_namespace(struct write_job *job, struct error *reterr)
{
    const struct kind *namespaces =
        registry_find(job->worker->registry, BYTES(""), BYTES("v1"), BYTES("namespaces"));
    struct bytes key = kind_key(namespaces, &job->arena, BYTES(""), job->namespace);
    const struct object *namespace = watch_cache_get(job->worker->cache, key);

    if (namespace == NULL)
        return error_not_found(reterr, namespaces, job->namespace);
    if (namespace->deletion_timestamp.len != 0) {
        error_forbidden(reterr, job->kind, job->name,
                        arena_printf(&job->arena,
                                     "unable to create new content in namespace %.*s because it is "
                                     "being terminated",
                                     BYTES_FMT(job->namespace)));
        error_add_cause(reterr, "NamespaceTerminating", BYTES("metadata.namespace"),
                        "namespace %.*s is being terminated", BYTES_FMT(job->namespace));
        return STATUS_FORBIDDEN;
    }
    write_guard(job, key, namespace->base.rev);
    return STATUS_OK;
}

/* The kind as its CRD makes it now; the request goes on with that. */
static enum status renew_kind(struct write_job *job, struct error *reterr)
{
    const struct kind *now =
        registry_find(job->worker->registry, bytes_str(job->kind->group),
                      bytes_str(job->kind->version), bytes_str(job->kind->plural));

    if (now == NULL)
        return error_set(reterr, STATUS_NOT_FOUND,
                         "the server could not find the requested resource");
    if (now != job->kind && job->api != NULL) {
        kind_ref(now);
        kind_unref(job->api->kind);
        job->api->kind = now;
    }
    job->kind = now;
    return STATUS_OK;
}

static enum status admit_custom(struct write_job *job, struct error *reterr)
{
    struct custom_info info;
    enum status st = renew_kind(job, reterr);

    if (st != STATUS_OK || !registry_custom_info(job->kind, &info))
        return st;
    if (info.terminating) {
        error_set(reterr, STATUS_METHOD_NOT_ALLOWED,
                  "create not allowed while custom resource definition is terminating");
        error_set_details(reterr, bytes_str(job->kind->group), bytes_str(job->kind->plural),
                          BYTES(""));
        return STATUS_METHOD_NOT_ALLOWED;
    }
    write_guard(job, arena_dup(&job->arena, info.crd_key), info.crd_rev);
    return STATUS_OK;
}

enum status admit_new(struct write_job *job, struct error *reterr)
{
    enum status st = job->kind->custom ? admit_custom(job, reterr) : STATUS_OK;

    return st == STATUS_OK && job->kind->namespaced ? admit_into_namespace(job, reterr) : st;
}

enum status admit_deletion(const struct kind *kind, struct bytes name, struct error *reterr)
{
    static const char *const immortal[] = {"default", "kube-system", "kube-public"};

    if (kind->custom || strcmp(kind->group_resource, "namespaces") != 0)
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_LEN(immortal); i++)
        if (bytes_eq_str(name, immortal[i]))
            return error_forbidden(reterr, kind, name, BYTES("this namespace may not be deleted"));
    return STATUS_OK;
}
