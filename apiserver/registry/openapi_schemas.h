/*
 * openapi_schemas - what the built-in kinds look like, as far as OpenAPI tells: rows of fields.
 *
 * A type is a word of a small language:
 *   string integer boolean number time micro-time bytes quantity int-or-string object
 *   []T  a list     {}T  a map from strings     &name  another schema, "core.v1.PodSpec"
 * `object` and every schema with `open` may hold more than is said here.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_OPENAPI_SCHEMAS_H
#define TIDEWATCH_APISERVER_REGISTRY_OPENAPI_SCHEMAS_H

#include "base/base.h"

struct field_doc {
    const char *name, *type, *text;
};

struct schema_doc {
    const char *name; /* "apps.v1.Deployment"; openapi_schemas.c adds the package's prefix */
    const char *text;
    const struct field_doc *fields;
    size_t field_count;
    bool kind; /* has apiVersion, kind and metadata too */
    bool open;
};

#define SCHEMA_KIND(name, fields, text)                                                            \
    {                                                                                              \
        name, text, fields, ARRAY_LEN(fields), true, false                                         \
    }
#define SCHEMA_PLAIN(name, fields, text)                                                           \
    {                                                                                              \
        name, text, fields, ARRAY_LEN(fields), false, false                                        \
    }
#define SCHEMA_OPEN(name, fields, text)                                                            \
    {                                                                                              \
        name, text, fields, ARRAY_LEN(fields), false, true                                         \
    }

/* Each ends with a row without a name. */
extern const struct schema_doc schemas_meta[];
extern const struct schema_doc schemas_core[];
extern const struct schema_doc schemas_pod[];
extern const struct schema_doc schemas_apps[];
extern const struct schema_doc schemas_cluster[];

#endif
