/*
 * tidewatch - the C client of a Kubernetes-style API: all of libtidewatch's headers.
 *
 *   config --> client --> discovery          which server, who we are, what it has
 *                 |-----> get, list, create, update, patch, delete; verbs: with all options
 *                 |         pager, retry, edit, patch: a long list, a conflict, a changed object
 *                 |-----> watch              the raw events
 *                 |-----> loop               requests and watches in the caller's event loop
 *                 |-----> reflector --> store --> channel or handler
 *                 |-----> informer --> handlers --> controller: work queue, N workers
 *                 |-----> elector            one of many is the leader
 *                 `-----> recorder           Events that people read
 */
#ifndef TIDEWATCH_TIDEWATCH_H
#define TIDEWATCH_TIDEWATCH_H

#include <tidewatch/client.h>
#include <tidewatch/config.h>
#include <tidewatch/controller.h>
#include <tidewatch/discovery.h>
#include <tidewatch/edit.h>
#include <tidewatch/indexer.h>
#include <tidewatch/informer.h>
#include <tidewatch/leaderelection.h>
#include <tidewatch/loop.h>
#include <tidewatch/object.h>
#include <tidewatch/pager.h>
#include <tidewatch/patch.h>
#include <tidewatch/recorder.h>
#include <tidewatch/reflector.h>
#include <tidewatch/retry.h>
#include <tidewatch/store.h>
#include <tidewatch/types.h>
#include <tidewatch/verbs.h>
#include <tidewatch/watch.h>
#include <tidewatch/workqueue.h>

#endif
