/*
 * selector_rules - metav1.LabelSelector, the selector that objects carry in their spec
 * (k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go LabelSelectorAsSelector).
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_SELECTOR_RULES_H
#define TIDEWATCH_APISERVER_HANDLERS_SELECTOR_RULES_H

#include "apiserver/registry/field_errors.h"

/* Are the operators of spec.selector known, and do they have the values they need? */
void selector_validate(struct field_errors *errors, const struct json *selector);
/* An empty selector matches all. */
bool selector_matches_labels(const struct json *selector, const struct json *labels);

#endif
