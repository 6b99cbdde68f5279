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

/* What can be sent, and in which kind of answer. */
static const struct {
    const char *type;
    enum negotiated_form form;
    bool whole, streaming;
} forms[] = {
    {"application/json", FORM_JSON, true, true},
    {"application/*", FORM_JSON, true, true},
    {"*/*", FORM_JSON, true, true},
    {"application/yaml", FORM_YAML, true, false}, /* no stream of it, as in the real server */
    {PROTOBUF_MEDIA_TYPE, FORM_PROTOBUF, true, true},
    {"text/event-stream", FORM_EVENT_STREAM, false, true},
};

static bool read_form(const struct media_type *clause, unsigned offers, enum negotiated_form *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (media_type_is(clause, forms[i].type) &&
            (offers & OFFER_STREAM ? forms[i].streaming : forms[i].whole)) {
            *ret = forms[i].form;
            return true;
        }
    return false;
}

/* False: this clause asks for a form that is not made. */
static bool read_transform(const struct media_type *clause, struct negotiated *ret)
{
    struct bytes as = media_type_param(clause, "as"), group = media_type_param(clause, "g"),
                 version = media_type_param(clause, "v");

    ret->as = AS_OBJECT;
    ret->v1beta1 = false;
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

/* A Table is JSON or YAML, and not every kind has a message (AllowsMediaTypeTransform in
 * k8s.io/apiserver/pkg/endpoints/handlers/rest.go). */
static bool is_offered(const struct negotiated *n, unsigned offers)
{
    if (n->form != FORM_PROTOBUF)
        return true;
    if (n->as == AS_TABLE)
        return false;
    if (n->as == AS_OBJECT)
        return offers & OFFER_PROTOBUF;
    return offers & (OFFER_PROTOBUF | OFFER_PROTOBUF_METADATA);
}

/* A parameter may come several times: all of its paths count. */
static struct bytes joined_param(struct arena *arena, const struct media_type *clause,
                                 const char *name)
{
    struct bytes all = {NULL, 0};

    for (size_t i = 0; i < clause->param_count; i++) {
        struct bytes value = clause->params[i].value;

        if (bytes_ieq(clause->params[i].name, bytes_str(name)))
            all = all.len == 0 ? value
                               : arena_printf(arena, "%.*s|%.*s", BYTES_FMT(all), BYTES_FMT(value));
    }
    return all;
}

static enum status read_projection(struct arena *arena, const struct media_type *clause,
                                   struct negotiated *ret, struct error *reterr)
{
    return projection_parse(joined_param(arena, clause, "drop"),
                            joined_param(arena, clause, "fields"), &ret->projection, reterr);
}

static enum status not_acceptable(unsigned offers, struct error *reterr)
{
    bool streaming = offers & OFFER_STREAM, protobuf = offers & OFFER_PROTOBUF;

    return error_set(
        reterr, STATUS_NOT_ACCEPTABLE, "only the following media types are accepted: %s%s%s",
        streaming ? "application/json;stream=watch, " : "application/json, application/yaml",
        !protobuf   ? ""
        : streaming ? PROTOBUF_MEDIA_TYPE ";stream=watch, "
                    : ", " PROTOBUF_MEDIA_TYPE,
        streaming ? "text/event-stream" : "");
}

enum status negotiate(struct arena *arena, struct bytes accept, unsigned offers,
                      struct negotiated *ret_negotiated, struct error *reterr)
{
    struct media_type *clauses;
    size_t count;

    *ret_negotiated = (struct negotiated){.as = AS_OBJECT};
    if (bytes_trim(accept).len == 0)
        return STATUS_OK;
    count = media_type_parse_accept(arena, accept, &clauses);
    for (size_t i = 0; i < count; i++)
        if (read_form(&clauses[i], offers, &ret_negotiated->form) &&
            read_transform(&clauses[i], ret_negotiated) && is_offered(ret_negotiated, offers))
            return read_projection(arena, &clauses[i], ret_negotiated, reterr);
    *ret_negotiated = (struct negotiated){.as = AS_OBJECT};
    return not_acceptable(offers, reterr);
}

enum negotiated_form negotiate_failure(struct arena *arena, struct bytes accept)
{
    struct media_type *clauses;
    size_t count = media_type_parse_accept(arena, accept, &clauses);
    enum negotiated_form form;

    for (size_t i = 0; i < count; i++)
        if (media_type_param(&clauses[i], "as").len == 0 && read_form(&clauses[i], 0, &form))
            return form;
    return FORM_JSON;
}

/* Which documents a clause asks for; false: none that there are. */
static bool read_discovery(const struct media_type *clause, enum negotiated_discovery *ret,
                           enum negotiated_form *ret_form)
{
    struct bytes version = media_type_param(clause, "v");

    if (!read_form(clause, 0, ret_form) || *ret_form == FORM_YAML)
        return false;
    *ret = NEGOTIATED_LEGACY;
    if (!bytes_eq_str(media_type_param(clause, "g"), "apidiscovery.k8s.io") ||
        !bytes_eq_str(media_type_param(clause, "as"), "APIGroupDiscoveryList"))
        return true;
    if (*ret_form != FORM_JSON)
        return false;
    *ret = bytes_eq_str(version, "v2") ? NEGOTIATED_V2 : NEGOTIATED_V2BETA1;
    return *ret == NEGOTIATED_V2 || bytes_eq_str(version, "v2beta1");
}

enum negotiated_discovery negotiate_discovery(struct arena *arena, struct bytes accept,
                                              enum negotiated_form *ret_form)
{
    struct media_type *clauses;
    size_t count = media_type_parse_accept(arena, accept, &clauses);
    enum negotiated_discovery wanted;

    for (size_t i = 0; i < count; i++)
        if (read_discovery(&clauses[i], &wanted, ret_form))
            return wanted;
    *ret_form = FORM_JSON;
    return NEGOTIATED_LEGACY;
}

enum status negotiate_body(struct bytes content_type, struct error *reterr)
{
    struct media_type type;

    if (bytes_trim(content_type).len == 0 || bytes_eq_str(content_type, "application/json"))
        return STATUS_OK;
    if (media_type_parse(content_type, &type) &&
        (media_type_is(&type, "application/json") || media_type_is(&type, "application/yaml") ||
         media_type_is(&type, PROTOBUF_MEDIA_TYPE)))
        return STATUS_OK;
    return error_set(reterr, STATUS_UNSUPPORTED_MEDIA_TYPE,
                     "the body of the request was in an unknown format - accepted media types "
                     "include: application/json, application/yaml, " PROTOBUF_MEDIA_TYPE);
}
