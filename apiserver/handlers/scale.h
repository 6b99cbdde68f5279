/*
 * scale - the scale subresource: an autoscaling/v1 Scale over the replicas of another object
 * (k8s.io/kubernetes/pkg/registry/apps, k8s.io/apiextensions-apiserver/pkg/registry/customresource/
 * etcd.go).
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_SCALE_H
#define TIDEWATCH_APISERVER_HANDLERS_SCALE_H

#include "apiserver/handlers/api.h"
#include "apiserver/handlers/patch_types.h"

/* The Scale of an object; ends the request. */
void respond_scale(struct api_request *api, const struct object *object);
void handle_scale_update(struct api_request *api);
/* `patch`, checked, is of `type` and lives in the request's arena. */
void handle_scale_patch(struct api_request *api, const struct patch_type *type,
                        const struct json *patch, bool dry_run);

#endif
