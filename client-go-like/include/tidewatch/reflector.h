/*
 * reflector - keeps a store equal to what the server has, for as long as it runs.
 *
 *            +---- backoff 0.8 .. 30 s, doubling, jittered -----+
 *            v                                                  |
 *   CONNECTING --> SYNCING --whole state in the store--> LIVE --+--> STALE --> (as before)
 *            \--401, 403--> FORBIDDEN   404--> GONE              tw_reflector_stop() --> STOPPED
 *
 * Shape    the steps and numbers of client-go's tools/cache/reflector.go: a streaming list
 *          (KEP-3157) where the server can, else LIST in pages of 500 and WATCH; 410 and too large
 *          resourceVersions by the book; bookmarks; a watch ended by the server is resumed at once.
 * Shares   over HTTP/2 all reflectors of a client are streams of one connection (docs/client.md).
 * Owner    references its client; borrows its store, which must outlive it.
 * Threads  one thread of its own, which runs the store's handler; all calls from any thread.
 * Errors   it never gives up and never hangs (docs/client.md has the bounds):
 *          tw_reflector_get_status() says how it is, and on_status hears when that changes.
 */
#ifndef TIDEWATCH_REFLECTOR_H
#define TIDEWATCH_REFLECTOR_H

#include <tidewatch/store.h>
#include <tidewatch/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_reflector_state {
    TW_REFLECTOR_CONNECTING, /* nothing heard yet */
    TW_REFLECTOR_SYNCING,    /* the first state is coming in */
    TW_REFLECTOR_LIVE,       /* the store follows the server */
    TW_REFLECTOR_STALE,      /* the store is whole but no watch is open now */
    TW_REFLECTOR_FORBIDDEN,  /* the server refuses us; asked again with backoff */
    TW_REFLECTOR_STOPPED,
    TW_REFLECTOR_GONE /* no such resource type: its CRD is not there (any more); asked again too */
} tw_reflector_state;

/* What a Role would have to allow, as the server's refusal says it: "" where it does not. */
typedef struct tw_denied {
    char user[128], verb[32], resource[128], group[128], ns[64]; /* ns "": cluster-wide */
} tw_denied;

typedef struct tw_reflector_status {
    tw_reflector_state state;
    bool synced;        /* the store has held a whole state once */
    uint64_t stale_ms;  /* since it was last LIVE (or since start); 0 while it is */
    uint64_t silent_ms; /* since the last byte from the server */
    uint64_t lists, relists, watches, events, dropped; /* since start; dropped: of another kind */
    uint64_t bytes, decode_errors, backoffs;           /* bytes: of events and lists, unpacked */
    char resource_version[64];                         /* up to which the store is complete */
    char error[256];                                   /* the last failure; "" once LIVE again */
    tw_denied denied;                                  /* of FORBIDDEN; all "" otherwise */
} tw_reflector_status;

/* What its value is: */
typedef enum tw_metric {
    TW_METRIC_LISTS,         /* 1: a list begins */
    TW_METRIC_RELISTS,       /* 1: it is not the first */
    TW_METRIC_LIST_MS,       /* a list has ended, well or not, after so long */
    TW_METRIC_WATCHES,       /* 1: a watch begins */
    TW_METRIC_WATCH_MS,      /* a watch has ended after so long */
    TW_METRIC_EVENTS,        /* 1 */
    TW_METRIC_DROPPED,       /* 1: an event of another kind */
    TW_METRIC_BYTES,         /* of an event or a page */
    TW_METRIC_DECODE_ERRORS, /* 1 */
    TW_METRIC_BACKOFFS,      /* 1 */
    TW_METRIC_BACKOFF_MS,    /* a wait of so long begins */
    TW_METRIC_COUNT
} tw_metric;

/* Both run in the reflector's thread and must not wait; `status` is borrowed. Told whenever the
 * state, `synced` or `error` changes, and each time another attempt has failed. */
typedef void tw_status_fn(void *user, const tw_reflector_status *status);
typedef void tw_metric_fn(void *user, tw_metric metric, uint64_t value);

/* The longest waits, in ms; 0: the default. What they are good for: docs/client.md. */
typedef struct tw_bounds {
    unsigned connect_ms;        /* 10 s: name, TCP and TLS together */
    unsigned first_byte_ms;     /* 20 s to the headers of an answer; a list gets twice that */
    unsigned idle_ms;           /* 25 s between two bytes of a watch */
    unsigned idle_max_ms;       /* 3 min: what it grows to where bookmarks are rare */
    unsigned backoff_ms;        /* 800 ms before the second attempt, with up to as much at random */
    unsigned backoff_max_ms;    /* 30 s: what that doubles to */
    unsigned internal_error_ms; /* 0: a watch that ends in InternalError lists again; else for so
                                   long it is only watched again */
} tw_bounds;

/* Gives what is to be stored in place of `object`: a new object, or a reference to the same one. It
 * must keep name and namespace. A failure is one of the round: it is listed again. */
typedef tw_status tw_transform_fn(void *user, tw_object *object, tw_object **ret_object);

typedef struct tw_reflector_options {
    const char *ns; /* NULL: all namespaces */
    const char *label_selector, *field_selector;
    bool list_first;    /* never ask for a streaming list */
    bool metadata_only; /* ask for PartialObjectMetadata: names, labels, annotations, owners */
    bool strip;         /* store no metadata.managedFields, no last-applied annotation */
    tw_transform_fn *transform;
    void *transform_user;
    tw_framing framing;
    tw_transport transport;
    tw_bounds bounds;
    tw_status_fn *on_status;
    tw_metric_fn *on_metric;
    void *user; /* of both */
} tw_reflector_options;

typedef struct tw_reflector tw_reflector;

/* `options` may be NULL; all texts are copied. */
TW_API tw_status tw_reflector_new(tw_client *client, const tw_resource *resource,
                                  const tw_reflector_options *options, tw_store *store,
                                  tw_reflector **ret_reflector, tw_error **reterr);
/* Once. */
TW_API tw_status tw_reflector_start(tw_reflector *reflector, tw_error **reterr);
/* TW_OK: the store has held a whole state. TW_ERR_TIMEOUT, TW_ERR_STOPPED. */
TW_API tw_status tw_reflector_wait_synced(tw_reflector *reflector, unsigned timeout_ms);
TW_API void tw_reflector_get_status(tw_reflector *reflector, tw_reflector_status *ret_status);
/* Ends its thread within a second, whatever it waits for (but not a handler that does not return);
 * harmless twice. */
TW_API void tw_reflector_stop(tw_reflector *reflector);
/* Stops it too. */
TW_API void tw_reflector_free(tw_reflector *reflector);
/* "live" and so on. */
TW_API const char *tw_reflector_state_name(tw_reflector_state state);

#ifdef __cplusplus
}
#endif
#endif
