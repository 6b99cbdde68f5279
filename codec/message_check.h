/*
 * message_check - a tree held against the message of its kind, as Go's decoder holds JSON against a
 * struct (sigs.k8s.io/json): what has no place is taken out and told, what is of a wrong type is
 * refused.
 *
 * Unknown  members that no field takes leave the tree; the report has their paths, in their order,
 *          as Go writes them: `spec.containers[0].imagee`.
 * Misfits  BAD_REQUEST: `json: cannot unmarshal number into Go struct field
 *          EnvVar.spec.containers.env.value of type string`. A null fits everywhere. Named Go types
 *          of strings are "string" here: a message does not know them. Bytes are in base64.
 * Threads  any; the tree is the caller's.
 */
#ifndef TIDEWATCH_CODEC_MESSAGE_CHECK_H
#define TIDEWATCH_CODEC_MESSAGE_CHECK_H

#include "codec/transcoder.h"

/* `tree` is an object. */
MUST_CHECK enum status message_check(const struct message_type *type, struct json *tree,
                                     struct transcoder_report *report, struct error *reterr);

#endif
