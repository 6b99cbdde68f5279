/*
 * selection - which objects of a kind a list, a watch or a deletecollection means: the options of
 * its query, checked against the kind, and the namespace and name of its path.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_SELECTION_H
#define TIDEWATCH_APISERVER_HANDLERS_SELECTION_H

#include "apiserver/handlers/api.h"

struct selection {
    struct list_options options; /* owned: selection_release() */
    struct bytes prefix;         /* of the keys, in the request's arena */
};

/* BAD_REQUEST, INVALID as list_options_parse(), and BAD_REQUEST for a field the kind cannot select.
 */
MUST_CHECK enum status selection_parse(struct api_request *api, bool watch,
                                       struct selection *ret_selection, struct error *reterr);
/* BAD_REQUEST: one that the kind cannot select by. */
MUST_CHECK enum status selection_check_fields(const struct kind *kind,
                                              const struct field_selector *fields,
                                              struct error *reterr);
void selection_release(struct selection *selection);
bool selection_matches(const struct selection *selection, const struct kind *kind,
                       const struct object *object);

#endif
