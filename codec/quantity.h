/*
 * quantity - the grammar of k8s.io/apimachinery/pkg/api/resource: a signed decimal and a suffix.
 */
#ifndef TIDEWATCH_CODEC_QUANTITY_H
#define TIDEWATCH_CODEC_QUANTITY_H

#include "base/bytes.h"

/* Go's reader of protobuf drops a whole message for the sake of a quantity that is none. */
bool quantity_is(struct bytes text);

#endif
