/*
 * live_page - /ui/live: examples/live.html, a page that follows a resource as it changes.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_LIVE_PAGE_H
#define TIDEWATCH_APISERVER_HANDLERS_LIVE_PAGE_H

#include "apiserver/handlers/api.h"

handler handle_live_page;

/* The file's bytes; CMake makes them. */
extern const unsigned char live_page[];
extern const size_t live_page_len;

#endif
