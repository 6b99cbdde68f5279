/*
 * name_rules - what names may look like, in the words of
 * k8s.io/apimachinery/pkg/util/validation/validation.go and pkg/api/validation/path/name.go.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_NAME_RULES_H
#define TIDEWATCH_APISERVER_HANDLERS_NAME_RULES_H

#include "apiserver/registry/field_errors.h"

enum name_rule {
    NAME_SUBDOMAIN,    /* RFC 1123 labels joined by dots: most kinds */
    NAME_LABEL,        /* one RFC 1123 label: namespaces */
    NAME_LABEL_1035,   /* one RFC 1035 label: services */
    NAME_PATH_SEGMENT, /* anything that can stand in a URL: RBAC and others */
};

/* `prefix`: a generateName, which may end with a dash. */
void name_check(struct field_errors *errors, enum name_rule rule, struct bytes field,
                struct bytes name, bool prefix);

#endif
