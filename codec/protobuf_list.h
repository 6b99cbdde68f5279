/*
 * protobuf_list - the items of a list's message, one by one: readers make objects of their own of
 * them, and need no tree of the whole.
 *
 *   list message {metadata = 1, items = 2 ..} --protobuf_list_next()--> the message of each item
 *
 * Owner    spans of what is read.
 * Errors   BAD_REQUEST: not such a message.
 */
#ifndef TIDEWATCH_CODEC_PROTOBUF_LIST_H
#define TIDEWATCH_CODEC_PROTOBUF_LIST_H

#include "base/bytes.h"
#include "base/status.h"

/* Cuts the next field out of *rest: an item, or (`*ret_is_item` false) the metadata; of both only
 * what is inside. END after the last. */
MUST_CHECK enum status protobuf_list_next(struct bytes *rest, struct bytes *ret_message,
                                          bool *ret_is_item);

#endif
