/*
 * defaults - what the real server fills in when a built-in object leaves it out, as data
 * (k8s.io/kubernetes/pkg/apis/.../v1/defaults.go): the few that clients and tables look at.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_DEFAULTS_H
#define TIDEWATCH_APISERVER_HANDLERS_DEFAULTS_H

#include "apiserver/registry/kind.h"

/* Fills `tree`, an object of `kind`, in place. New nodes live in `arena`. */
void defaults_apply(struct arena *arena, const struct kind *kind, struct json *tree);

#endif
