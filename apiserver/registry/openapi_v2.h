/*
 * openapi_v2 - the part of a swagger 2.0 document that old kubectls look for: which kinds can be
 * written with `dryRun` and `fieldValidation`. In gnostic's protobuf form, the only one that
 * kubectl asks for.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_OPENAPI_V2_H
#define TIDEWATCH_APISERVER_REGISTRY_OPENAPI_V2_H

#include "apiserver/registry/kind.h"

void openapi_v2_begin(struct buf *out);
void openapi_v2_add(struct buf *out, const struct kind *kind);

#endif
