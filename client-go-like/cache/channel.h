/*
 * channel - a tw_channel from the writer's side. Internal.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_CHANNEL_H
#define TIDEWATCH_CLIENT_CACHE_CHANNEL_H

#include <tidewatch/store.h>

#include <stdatomic.h>

/* Adds references of its own. Waits while the channel is full; gives up, dropping the change, when
 * it is closed or *stop (may be NULL) becomes true: within 100 ms. */
void channel_push(tw_channel *channel, const tw_change *change, const atomic_bool *stop);

#endif
