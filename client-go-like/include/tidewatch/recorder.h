/*
 * recorder - tells people what happened to an object, as Events that `kubectl describe` shows.
 *
 *   tw_recorder_event() --> queue of 1,000 --> correlator --> create or patch, in its own thread
 *
 * Shape    client-go's tools/record: the same event again is one Event with a count; from the tenth
 *          message of one reason within 10 minutes on they are combined; an object may cause 25
 *          events at once and one more every 5 minutes.
 * Owner    tw_recorder_free(), which waits for the request under way and drops the rest. It
 *          references its client; texts are copied.
 * Threads  any. Recording never waits for the server.
 * Errors   events are for people: what cannot be sent is tried 12 times, then dropped and counted.
 */
#ifndef TIDEWATCH_RECORDER_H
#define TIDEWATCH_RECORDER_H

#include <tidewatch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_recorder tw_recorder;

/* `component`: who tells, as "my-controller". `host` may be NULL. */
TW_API tw_status tw_recorder_new(tw_client *client, const char *component, const char *host,
                                 tw_recorder **ret_recorder, tw_error **reterr);
TW_API void tw_recorder_free(tw_recorder *recorder);

#define TW_EVENT_NORMAL "Normal"
#define TW_EVENT_WARNING "Warning"
/* `reason` is one word in upper camel case; `message` is cut at 1,024 bytes. Needs of `object` only
 * apiVersion, kind and metadata. TW_ERR_STOPPED: the queue is full, and the event is dropped. */
TW_API tw_status tw_recorder_event(tw_recorder *recorder, const tw_object *object, const char *type,
                                   const char *reason, const char *message);
/* Waits until all that was recorded is sent or dropped. TW_ERR_TIMEOUT. */
TW_API tw_status tw_recorder_flush(tw_recorder *recorder, unsigned timeout_ms);

typedef struct tw_recorder_status {
    uint64_t created, patched; /* Events sent */
    uint64_t spam;             /* not sent, because there were too many */
    uint64_t dropped;          /* for want of room, memory, or a server that takes them */
    size_t queued;
} tw_recorder_status;
TW_API void tw_recorder_get_status(tw_recorder *recorder, tw_recorder_status *ret_status);

#ifdef __cplusplus
}
#endif
#endif
