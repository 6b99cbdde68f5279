/*
 * watch_websocket - who may open a WebSocket, and for what: watches, told in messages.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_WATCH_WEBSOCKET_H
#define TIDEWATCH_APISERVER_HANDLERS_WATCH_WEBSOCKET_H

#include "apiserver/handlers/api.h"

/* Of a request whose `websocket` is set. False: it was refused, and is answered. From then on it is
 * a watch like any other, whose stream happens to be a WebSocket. */
bool websocket_admit(struct api_request *api);

#endif
