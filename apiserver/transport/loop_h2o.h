/*
 * loop_h2o - the h2o loop inside a struct loop, for the files that own sockets.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_LOOP_H2O_H
#define TIDEWATCH_APISERVER_TRANSPORT_LOOP_H2O_H

#include "apiserver/transport/loop.h"

#include <h2o.h>

h2o_loop_t *loop_h2o(const struct loop *loop);

#endif
