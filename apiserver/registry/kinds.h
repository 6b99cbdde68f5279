/*
 * kinds - the rows of the built-in kinds, one file a handful of groups, and the words they are
 * written in. kind.c strings them together in the order of discovery.
 *
 * Where the flags come from: AllowUnconditionalUpdate() and AllowCreateOnUpdate() of the strategies
 * under k8s.io/kubernetes/pkg/registry, ReturnDeletedObject of their stores.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_KINDS_H
#define TIDEWATCH_APISERVER_REGISTRY_KINDS_H

#include "apiserver/registry/cells.h"

extern const struct kind *const kinds_core[];
extern const struct kind *const kinds_apps[];
extern const struct kind *const kinds_authentication[];
extern const struct kind *const kinds_authorization[];
extern const struct kind *const kinds_batch[];
extern const struct kind *const kinds_events[];
extern const struct kind *const kinds_networking[];
extern const struct kind *const kinds_policy[];
extern const struct kind *const kinds_rbac[];
extern const struct kind *const kinds_storage[];
extern const struct kind *const kinds_apiextensions[];
extern const struct kind *const kinds_scheduling[];
extern const struct kind *const kinds_coordination[];
extern const struct kind *const kinds_discovery[];

enum { EVENT_TTL_S = 3600 };

/* ---- a kind ---- */
#define CORE_KIND(Kind, plural_, singular_)                                                        \
    .group = "", .version = "v1", .kind = Kind, .list_kind = Kind "List", .plural = plural_,       \
    .singular = singular_, .api_version = "v1", .group_resource = plural_,                         \
    .prefix = "core/" plural_ "/"
#define KIND(group_, Kind, plural_, singular_)                                                     \
    .group = group_, .version = "v1", .kind = Kind, .list_kind = Kind "List", .plural = plural_,   \
    .singular = singular_, .api_version = group_ "/v1", .group_resource = plural_ "." group_,      \
    .prefix = group_ "/" plural_ "/"
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define COLUMNS(table) .columns = table, .column_count = ARRAY_LEN(table)
#define FIELDS(table) .fields = table, .field_count = ARRAY_LEN(table)

/* ---- a column ---- */
enum { WIDE = 1 };
#define NAME_TEXT "Name of the object, unique within its namespace."
#define CREATED_TEXT "When the server created the object."
#define COLUMN_NAME                                                                                \
    {                                                                                              \
        "Name", "string", "name", NAME_TEXT, 0, NULL, cell_name                                    \
    }
#define COLUMN_AGE                                                                                 \
    {                                                                                              \
        "Age", "string", "", CREATED_TEXT, 0, NULL, cell_age                                       \
    }
#define COLUMN_CREATED_AT                                                                          \
    {                                                                                              \
        "Created At", "date", "", CREATED_TEXT, 0, NULL, cell_created_at                           \
    }
#define COLUMN_CELL(name, type, priority, text, cell)                                              \
    {                                                                                              \
        name, type, "", text, priority, NULL, cell                                                 \
    }
#define COLUMN_PATH(name, type, priority, text, path)                                              \
    {                                                                                              \
        name, type, "", text, priority, path, NULL                                                 \
    }
#define COLUMN_CONTAINERS(priority)                                                                \
    COLUMN_CELL("Containers", "string", priority, "Names of the template's containers.",           \
                cell_containers)
#define COLUMN_IMAGES(priority)                                                                    \
    COLUMN_CELL("Images", "string", priority, "Images of the template's containers.", cell_images)

/* Kinds without columns of their own; kind.c has them. */
extern const struct column columns_created_at[2];

#endif
