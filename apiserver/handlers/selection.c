#include "apiserver/handlers/selection.h"

/* Kinds without fields of their own say what there is (k8s.io/apimachinery/pkg/runtime
 * DefaultMetaV1FieldSelectorConversion). */
static enum status unknown_field(const struct kind *kind, struct bytes field, struct error *reterr)
{
    if (kind->custom || kind->field_count != 0)
        return error_set(reterr, STATUS_BAD_REQUEST, "field label not supported: %.*s",
                         BYTES_FMT(field));
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "\"%.*s\" is not a known field selector: only \"metadata.name\", "
                     "\"metadata.namespace\"",
                     BYTES_FMT(field));
}

enum status selection_check_fields(const struct kind *kind, const struct field_selector *fields,
                                   struct error *reterr)
{
    for (size_t i = 0; fields != NULL && i < fields->count; i++)
        if (!kind_has_field(kind, fields->terms[i].field))
            return unknown_field(kind, fields->terms[i].field, reterr);
    return STATUS_OK;
}

enum status selection_parse(struct api_request *api, bool watch, struct selection *ret_selection,
                            struct error *reterr)
{
    struct selection s = {{0}, {0}};
    enum status st = list_options_parse(&api->info.query, watch, &s.options, reterr);

    if (st != STATUS_OK)
        return st;
    st = selection_check_fields(api->kind, s.options.fields, reterr);
    if (st != STATUS_OK) {
        selection_release(&s);
        return st;
    }
    s.prefix = kind_key_prefix(api->kind, &api->arena, api->info.namespace);
    *ret_selection = s;
    return STATUS_OK;
}

void selection_release(struct selection *selection)
{
    list_options_release(&selection->options);
}

bool selection_matches(const struct selection *selection, const struct kind *kind,
                       const struct object *object)
{
    return label_selector_matches(selection->options.labels, object->labels, object->label_count) &&
           kind_matches_fields(kind, object, selection->options.fields);
}
