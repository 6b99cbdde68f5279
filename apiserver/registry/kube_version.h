/*
 * kube_version - which of two API versions is preferred: v2, v1, v1beta2, v1alpha1, then all else.
 * Source: k8s.io/apimachinery/pkg/version/helpers.go (CompareKubeAwareVersionStrings).
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_KUBE_VERSION_H
#define TIDEWATCH_APISERVER_REGISTRY_KUBE_VERSION_H

#include "base/bytes.h"

/* Below 0: `a` is preferred, stands first. */
int kube_version_compare(struct bytes a, struct bytes b);

#endif
