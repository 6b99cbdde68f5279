/*
 * admission - may something new be made here? The namespace must be there and stay, and so must the
 * CRD of a custom kind (k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle,
 * k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go).
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_ADMISSION_H
#define TIDEWATCH_APISERVER_HANDLERS_ADMISSION_H

#include "apiserver/handlers/write.h"

/* Checks what the loop sees, and guards the job's write with it. A kind that changed since the
 * request came is renewed. NOT_FOUND, FORBIDDEN, METHOD_NOT_ALLOWED. */
MUST_CHECK enum status admit_new(struct write_job *job, struct error *reterr);
/* FORBIDDEN for the namespaces that nobody may delete. */
MUST_CHECK enum status admit_deletion(const struct kind *kind, struct bytes name,
                                      struct error *reterr);

#endif
