/* The Go types that a decoder would have filled: k8s.io/apiextensions-apiserver's types.go. */
#include "apiserver/registry/crd_parts.h"

static const struct {
    const char *path[3], *go_name, *go_type;
    enum json_type type;
} type_rules[] = {
    {{"spec"}, "CustomResourceDefinition.spec", "v1.CustomResourceDefinitionSpec", JSON_OBJECT},
    {{"spec", "group"}, "CustomResourceDefinitionSpec.spec.group", "string", JSON_STRING},
    {{"spec", "scope"}, "CustomResourceDefinitionSpec.spec.scope", "v1.ResourceScope", JSON_STRING},
    {{"spec", "preserveUnknownFields"},
     "CustomResourceDefinitionSpec.spec.preserveUnknownFields",
     "bool",
     JSON_BOOL},
    {{"spec", "versions"},
     "CustomResourceDefinitionSpec.spec.versions",
     "[]v1.CustomResourceDefinitionVersion",
     JSON_ARRAY},
    {{"spec", "conversion"},
     "CustomResourceDefinitionSpec.spec.conversion",
     "v1.CustomResourceConversion",
     JSON_OBJECT},
    {{"spec", "names"},
     "CustomResourceDefinitionSpec.spec.names",
     "v1.CustomResourceDefinitionNames",
     JSON_OBJECT},
    {{"spec", "names", "plural"},
     "CustomResourceDefinitionNames.spec.names.plural",
     "string",
     JSON_STRING},
    {{"spec", "names", "singular"},
     "CustomResourceDefinitionNames.spec.names.singular",
     "string",
     JSON_STRING},
    {{"spec", "names", "kind"},
     "CustomResourceDefinitionNames.spec.names.kind",
     "string",
     JSON_STRING},
    {{"spec", "names", "listKind"},
     "CustomResourceDefinitionNames.spec.names.listKind",
     "string",
     JSON_STRING},
    {{"spec", "names", "shortNames"},
     "CustomResourceDefinitionNames.spec.names.shortNames",
     "[]string",
     JSON_ARRAY},
    {{"spec", "names", "categories"},
     "CustomResourceDefinitionNames.spec.names.categories",
     "[]string",
     JSON_ARRAY},
    {{"status"},
     "CustomResourceDefinition.status",
     "v1.CustomResourceDefinitionStatus",
     JSON_OBJECT},
    {{"status", "storedVersions"},
     "CustomResourceDefinitionStatus.status.storedVersions",
     "[]string",
     JSON_ARRAY},
};

enum status crd_check_types(const struct json *crd, struct error *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(type_rules); i++) {
        const struct json *node = crd;

        for (size_t part = 0; part < 3 && type_rules[i].path[part] != NULL; part++)
            node = json_get(node, bytes_str(type_rules[i].path[part]));
        if (node == NULL || node->type == JSON_NULL || node->type == type_rules[i].type)
            continue;
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "CustomResourceDefinition in version \"v1\" cannot be handled as a "
                         "CustomResourceDefinition: json: cannot unmarshal %s into Go struct field "
                         "%s of type %s",
                         node->type == JSON_BOOL ? "bool" : json_type_name(node->type),
                         type_rules[i].go_name, type_rules[i].go_type);
    }
    return STATUS_OK;
}
