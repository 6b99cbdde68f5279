#include "apiserver/request/negotiate.h"

#include "codec/media_type.h"

/* What `as=` may name, below meta.k8s.io. */
static const struct {
    const char *name;
    enum negotiated_as as;
} transforms[] = {
    {"Table", AS_TABLE},
    {"PartialObjectMetadata", AS_METADATA},
    {"PartialObjectMetadataList", AS_METADATA_LIST},
};

/* False: this clause asks for a form that is not made. */
static bool read_transform(const struct media_type *clause, struct negotiated *ret)
{
    struct bytes as = media_type_param(clause, "as"), group = media_type_param(clause, "g"),
                 version = media_type_param(clause, "v");

    *ret = (struct negotiated){.as = AS_OBJECT};
    ret->pretty = bytes_eq_str(media_type_param(clause, "pretty"), "1");
    if (as.len == 0)
        return true;
    if (!bytes_eq_str(group, "meta.k8s.io"))
        return false;
    ret->v1beta1 = bytes_eq_str(version, "v1beta1");
    if (!ret->v1beta1 && !bytes_eq_str(version, "v1"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(transforms); i++)
        if (bytes_eq_str(as, transforms[i].name)) {
            ret->as = transforms[i].as;
            return true;
        }
    return false;
}

static bool takes_json(const struct media_type *clause)
{
    return media_type_is(clause, "application/json") || media_type_is(clause, "application/*") ||
           media_type_is(clause, "*/*");
}

enum status negotiate(struct arena *arena, struct bytes accept, bool streaming,
                      struct negotiated *ret_negotiated, struct error *reterr)
{
    struct media_type *clauses;
    size_t count;

    *ret_negotiated = (struct negotiated){.as = AS_OBJECT};
    if (bytes_trim(accept).len == 0)
        return STATUS_OK;
    count = media_type_parse_accept(arena, accept, &clauses);
    for (size_t i = 0; i < count; i++) {
        bool yaml = !streaming && media_type_is(&clauses[i], "application/yaml");

        if ((yaml || takes_json(&clauses[i])) && read_transform(&clauses[i], ret_negotiated)) {
            ret_negotiated->yaml = yaml;
            return STATUS_OK;
        }
    }
    return error_set(reterr, STATUS_NOT_ACCEPTABLE,
                     "only the following media types are accepted: application/json, %s",
                     streaming ? "application/json;stream=watch" : "application/yaml");
}

enum negotiated_discovery negotiate_discovery(struct arena *arena, struct bytes accept)
{
    struct media_type *clauses;
    size_t count = media_type_parse_accept(arena, accept, &clauses);

    for (size_t i = 0; i < count; i++) {
        struct bytes version = media_type_param(&clauses[i], "v");

        if (!takes_json(&clauses[i]))
            continue;
        if (!bytes_eq_str(media_type_param(&clauses[i], "g"), "apidiscovery.k8s.io") ||
            !bytes_eq_str(media_type_param(&clauses[i], "as"), "APIGroupDiscoveryList"))
            return NEGOTIATED_LEGACY;
        if (bytes_eq_str(version, "v2"))
            return NEGOTIATED_V2;
        if (bytes_eq_str(version, "v2beta1"))
            return NEGOTIATED_V2BETA1;
    }
    return NEGOTIATED_LEGACY;
}

enum status negotiate_body(struct bytes content_type, struct error *reterr)
{
    struct media_type type;

    if (bytes_trim(content_type).len == 0)
        return STATUS_OK;
    if (media_type_parse(content_type, &type) &&
        (media_type_is(&type, "application/json") || media_type_is(&type, "application/yaml") ||
         media_type_is(&type, PROTOBUF_MEDIA_TYPE)))
        return STATUS_OK;
    return error_set(reterr, STATUS_UNSUPPORTED_MEDIA_TYPE,
                     "the body of the request was in an unknown format - accepted media types "
                     "include: application/json, application/yaml, " PROTOBUF_MEDIA_TYPE);
}
