/*
 * transcoder_custom - messages for custom resources, which a kube-apiserver serves as JSON only
 * (kubernetes#63677). Made from the structural schema of one version of a CRD:
 *
 *   schema, numbers --custom_messages_new--> kind, list: for transcoder_read_as() and _write_as()
 *                                       `--> .proto text, for protoc
 *
 * Types    string -> string, boolean -> bool, integer -> int64, number -> double, an object with
 *          properties -> a message, with additionalProperties -> a map, an array -> repeated;
 *          x-kubernetes-int-or-string -> IntOrString. What has no fixed form (unknown fields are
 *          preserved, an embedded resource, no type, no properties, a map in a map or list, deeper
 *          than CUSTOM_DEPTH_MAX, more than CUSTOM_FIELDS_MAX properties) -> RawExtension with the
 *          JSON, so nothing is lost. metadata is ObjectMeta.
 * Numbers  metadata, spec and status of the object are 1, 2 and 3. Any other field has the number
 *          that `numbers` gives its path ({"spec.replicas": 1}; lists and maps are no step of a
 *          path), else one made of its name alone: 20000 and up, by FNV-1a. So a number stays the
 *          same whatever else a schema gains or loses. Two fields of a message with one number:
 *          INVALID, and `numbers` must part them.
 * Differs  from JSON as built-in kinds do (codec/transcoder.h), but every zero is a value.
 * Owner    a set copies what it keeps; types die with it.
 * Threads  never changed once made: share at will.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_CUSTOM_H
#define TIDEWATCH_CODEC_TRANSCODER_CUSTOM_H

#include "codec/transcoder.h"

enum { CUSTOM_DEPTH_MAX = 32, CUSTOM_FIELDS_MAX = 1000 };

struct custom_messages;

/* `schema` is openAPIV3Schema, `numbers` NULL or an object. INVALID: a number is none, is out of
 * range (1 .. 536870911, but for 19000 .. 19999), or is there twice. NOT_ACCEPTABLE: the schema
 * preserves unknown fields at its root. */
MUST_CHECK enum status custom_messages_new(struct bytes group, struct bytes version,
                                           struct bytes kind, const struct json *schema,
                                           const struct json *numbers,
                                           struct custom_messages **ret_messages,
                                           struct error *reterr);
void custom_messages_free(struct custom_messages *messages);
const struct message_type *custom_messages_kind(const struct custom_messages *messages);
const struct message_type *custom_messages_list(const struct custom_messages *messages);
/* Imports the files of proto/, as they stand in one folder. */
void custom_messages_write_proto(struct buf *out, const struct custom_messages *messages);

#endif
