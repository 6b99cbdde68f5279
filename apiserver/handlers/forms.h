/*
 * forms - in which forms a request can be answered, and which of them its client wants.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_FORMS_H
#define TIDEWATCH_APISERVER_HANDLERS_FORMS_H

#include "apiserver/handlers/api.h"

/* Fills api->negotiated for a request of a kind. NOT_ACCEPTABLE, BAD_REQUEST. */
MUST_CHECK enum status api_negotiate(struct api_request *api, struct error *reterr);

#endif
