/*
 * etag - plain polling: an answer is known by the revision that made it and by what was asked, so
 * that a client which has it is told so without a look at the objects.
 *
 * Weak (RFC 9110, section 8.8.3): the same objects in the same form; a list's own resourceVersion
 * may be older than the store's. Known to one process only: after a restart everything is new.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_ETAG_H
#define TIDEWATCH_APISERVER_HANDLERS_ETAG_H

#include "apiserver/handlers/api.h"

/* Gives the answer its ETag. True: the client has it already, and was answered 304. `rev` is when
 * the last change was made to what is asked for. */
bool etag_answers(struct api_request *api, struct view view, uint64_t rev);
/* Is the tag one of an If-None-Match header? */
bool etag_matches(struct bytes if_none_match, struct bytes etag);

#endif
