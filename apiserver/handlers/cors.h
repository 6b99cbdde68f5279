/*
 * cors - pages of other origins, by allow-list (the Fetch standard, section 3.3).
 *
 * Without a list nothing is different: no header is added, and OPTIONS is refused as any method
 * that nothing handles.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_CORS_H
#define TIDEWATCH_APISERVER_HANDLERS_CORS_H

#include "apiserver/handlers/api.h"

/* Gives the answer its CORS headers. True: it was a preflight, and is answered. */
bool cors_begin(struct api_request *api);

#endif
