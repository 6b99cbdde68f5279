/*
 * store - a tw_store from the writer's side. Internal.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_STORE_H
#define TIDEWATCH_CLIENT_CACHE_STORE_H

#include <tidewatch/store.h>

#include <stdatomic.h>

/* While *stop is true a full channel drops instead of waiting. NULL takes it away. */
void store_set_stop(tw_store *store, const atomic_bool *stop);

#endif
