/*
 * denied - what a refusal of RBAC says was missing. Internal.
 *
 *   configmaps is forbidden: User "u" cannot list resource "configmaps" in API group "" in the
 *   namespace "n"   -->   {user u, verb list, resource configmaps, group "", ns n}
 *
 * Source: k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go (forbiddenMessage).
 */
#ifndef TIDEWATCH_CLIENT_CACHE_DENIED_H
#define TIDEWATCH_CLIENT_CACHE_DENIED_H

#include <tidewatch/reflector.h>

/* What is not said stays "". */
void denied_read(const char *message, tw_denied *ret_denied);

#endif
