/*
 * watch - one watch request: the raw events, from a resourceVersion until the server ends it.
 *
 *   socket --bytes--> decoder --tw_event--> tw_watch_next()
 *
 * A reflector (reflector.h) is what most programs want: it lists, watches and comes back by itself.
 *
 * Shape    a stream pulled by its reader: nothing is read ahead of tw_watch_next() but what one
 *          read of the socket brought, so a slow reader slows the server, not memory. An event of
 *          more than 16 MiB is TW_ERR_PROTOCOL.
 * Owner    tw_watch_close(); an event is the caller's, to tw_event_release().
 * Threads  one reader; tw_watch_stop() from any thread, before tw_watch_close() begins.
 * Errors   no wait is without a bound: 10 s to connect, 20 s to the first byte, idle_ms between
 *          two bytes, and TCP keepalive with TCP_USER_TIMEOUT below.
 */
#ifndef TIDEWATCH_WATCH_H
#define TIDEWATCH_WATCH_H

#include <tidewatch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_event_type {
    TW_EVENT_ADDED,
    TW_EVENT_MODIFIED,
    TW_EVENT_DELETED,
    TW_EVENT_BOOKMARK,
    TW_EVENT_ERROR /* the object is a Status */
} tw_event_type;

typedef struct tw_event {
    tw_event_type type;
    tw_object *object;
} tw_event;

/* How objects are written. Protobuf is half the bytes; it is asked for where this library knows the
 * kind's message (every built-in kind), and a server that answers JSON all the same is understood.
 */
typedef enum tw_framing { TW_FRAMING_JSON, TW_FRAMING_PROTOBUF } tw_framing;

/* What carries a watch; other requests of a WebSocket's reflector go by TW_TRANSPORT_AUTO. */
typedef enum tw_transport {
    TW_TRANSPORT_AUTO, /* HTTP/2 where TLS agrees on it, else HTTP/1.1 */
    TW_TRANSPORT_HTTP1,
    TW_TRANSPORT_HTTP2,    /* over http:// with prior knowledge */
    TW_TRANSPORT_WEBSOCKET /* pinged every 10 s: a dead peer is found even where bookmarks are rare
                            */
} tw_transport;

typedef struct tw_watch_options {
    const char *label_selector, *field_selector;
    const char *resource_version; /* NULL: from the present state, sent as ADDED */
    bool bookmarks;
    bool send_initial_events; /* the state as ADDED, then a bookmark that says so (KEP-3157) */
    unsigned timeout_s;       /* after which the server ends the watch; 0: the server's choice */
    unsigned idle_ms;         /* the longest silence; 0: 25 s, 5 min without bookmarks */
    const char *accept;       /* NULL: as `framing` says; for Tables */
    tw_framing framing;
    tw_transport transport;
    const char *include_object; /* in rows of Tables: "Object", "None"; NULL: the metadata */
} tw_watch_options;

typedef struct tw_watch tw_watch;

/* Returns once the server has accepted the watch. `options` may be NULL. */
TW_API tw_status tw_watch_open(tw_client *client, const tw_resource *resource, const char *ns,
                               const tw_watch_options *options, tw_watch **ret_watch,
                               tw_error **reterr);
/* TW_OK: an event. TW_ERR_TIMEOUT with *reterr NULL: none within timeout_ms, ask again; with an
 * error: silent for idle_ms, close it. TW_END: the server ended the watch. */
TW_API tw_status tw_watch_next(tw_watch *watch, unsigned timeout_ms, tw_event *ret_event,
                               tw_error **reterr);
/* Makes a tw_watch_next() under way, and each later one, return TW_ERR_STOPPED. */
TW_API void tw_watch_stop(tw_watch *watch);
TW_API void tw_watch_close(tw_watch *watch);

TW_API void tw_event_release(tw_event *event);
/* "ADDED" and so on. */
TW_API const char *tw_event_type_name(tw_event_type type);

#ifdef __cplusplus
}
#endif
#endif
