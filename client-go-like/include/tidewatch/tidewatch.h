/*
 * tidewatch - the C client of a Kubernetes-style API: all of libtidewatch's headers.
 *
 *   config --> client --> discovery          which server, who we are, what it has
 *                 |-----> get, list, create, update, patch, delete
 *                 |-----> watch              the raw events
 *                 `-----> reflector --> store --> channel or handler
 */
#ifndef TIDEWATCH_TIDEWATCH_H
#define TIDEWATCH_TIDEWATCH_H

#include <tidewatch/client.h>
#include <tidewatch/config.h>
#include <tidewatch/discovery.h>
#include <tidewatch/edit.h>
#include <tidewatch/loop.h>
#include <tidewatch/object.h>
#include <tidewatch/reflector.h>
#include <tidewatch/store.h>
#include <tidewatch/types.h>
#include <tidewatch/watch.h>

#endif
