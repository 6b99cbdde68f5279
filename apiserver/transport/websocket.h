/*
 * websocket - a WebSocket (RFC 6455; over HTTP/2: RFC 8441) on top of a stream of either engine.
 *
 *   handler <--messages-- websocket <--frames, bytes-- struct http_stream of HTTP/1 or HTTP/2
 *
 *   OPEN --http_stream_end()---> CLOSING --written--> CLOSED --the peer's close, or a while-->
 * ended
 *     \---the peer's close, or its fault---^     \---the peer has closed already---------------^
 *
 * To the handler it is a stream like any other, whose frames are messages; the engine below gives
 * back-pressure, the write-stall limit and the news that the client has left. This file adds what
 * WebSockets say to each other: pings and their answers, and the closing handshake.
 *
 * Owner    itself: ends with the stream below.   Threads  the loop's.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_WEBSOCKET_H
#define TIDEWATCH_APISERVER_TRANSPORT_WEBSOCKET_H

#include "apiserver/transport/server.h"

/* Looks for a handshake in the head of a request, and sets its `websocket`. A bad one becomes the
 * request's refusal. `protocol` is that of an extended CONNECT, or empty. */
void websocket_read_handshake(struct request *request, struct bytes protocol);

/* As http_start_stream(), of a request whose `websocket` is set. */
struct http_stream *websocket_start(struct request *request, const struct http_response *head,
                                    const struct http_stream_handler *handler, void *user);

/* Sec-WebSocket-Accept for a key; empty without memory. */
struct bytes websocket_accept_key(struct arena *arena, struct bytes key);

#endif
