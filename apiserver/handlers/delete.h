/*
 * delete - what becomes of an object that is to go: gone at once, or marked and held until its
 * finalizers, its grace period or its contents are done
 * (k8s.io/apiserver/pkg/registry/rest/delete.go, registry/generic/registry/store.go).
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_DELETE_H
#define TIDEWATCH_APISERVER_HANDLERS_DELETE_H

#include "apiserver/handlers/write.h"
#include "apiserver/handlers/write_options.h"

/* Plans the deletion of the job's object. NOT_FOUND; CONFLICT: a precondition does not hold;
 * FORBIDDEN. With ACTION_NONE it is being deleted already. */
MUST_CHECK enum status delete_plan(struct write_job *job, const struct delete_options *options,
                                   struct error *reterr);
/* Reads the options of a DELETE. */
MUST_CHECK enum status delete_read_options(struct api_request *api,
                                           struct delete_options *ret_options,
                                           struct error *reterr);

#endif
