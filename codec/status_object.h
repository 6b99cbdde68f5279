/*
 * status_object - struct error to and from the metav1.Status that clients read.
 * Shape: k8s.io/apimachinery/pkg/apis/meta/v1/types.go, type Status.
 */
#ifndef TIDEWATCH_CODEC_STATUS_OBJECT_H
#define TIDEWATCH_CODEC_STATUS_OBJECT_H

#include "codec/json.h"

/* {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":..,"reason":..,
 *  "details":{..},"code":N}; `details` only if there is any. */
void status_object_write(struct buf *out, const struct error *err);
/* What a successful DELETE answers. */
void status_object_write_success(struct buf *out, struct bytes group, struct bytes resource,
                                 struct bytes name, struct bytes uid);
/* Reads a Status into `reterr` (its status from code and reason). False: it is no Status. */
bool status_object_read(const struct json *status, struct error *reterr);

#endif
