/*
 * print - objects as kubectl prints them with -o json, -o yaml and -o name.
 */
#ifndef TIDEWATCH_TIDECTL_PRINT_H
#define TIDEWATCH_TIDECTL_PRINT_H

#include <tidewatch/client.h>

#include "codec/json.h"

/* Members sorted, four blanks, and < > & escaped as Go's encoding/json escapes them. */
void print_json(struct buf *out, struct json *tree);
/* The same on one line, without its end: as Go writes an annotation. */
void print_compact(struct buf *out, struct json *tree);
void print_yaml(struct buf *out, struct json *tree);
/* "deployment.apps", "configmap": a kind in front of a name. */
void print_kind(struct buf *out, const tw_resource *resource);
/* The same from an object itself. */
void print_kind_of(struct buf *out, const struct json *tree);
/* A value of a jsonpath template: a text as it is, objects and arrays on one line. */
void print_value(struct buf *out, const struct json *value);
/* As Go's fmt prints it with %v: map[a:b], [1 2], <nil>. */
void print_go_value(struct buf *out, const struct json *value);
/* Drops metadata.managedFields: nobody asked for it. */
void print_strip(struct json *tree);

#endif
