/*
 * transcoder - JSON trees to protobuf messages and back, for every built-in kind.
 *
 *   envelope bytes --transcoder_read--> tree {apiVersion, kind, metadata, ..} --transcoder_write-->
 *   message bytes  --transcoder_to_json--> tree             --transcoder_from_json--> message bytes
 *
 * One walker for all kinds: it follows protobuf-c's descriptors of proto/ and a table of what these
 * cannot say (transcoder_notes.c). It reads and writes the wire directly, without unpacked structs.
 *
 * Forms    as Go marshals them: IntOrString, Quantity, Time, MicroTime, Duration, RawExtension,
 *          FieldsV1, JSON, JSONSchemaPropsOr{Bool,Array,StringArray}, inlined structs, lists that
 *          are messages (Verbs, ExtraValue), bytes as base64, int64 as number.
 * Presence what is in the JSON is on the wire, and the other way round, so JSON -> protobuf -> JSON
 *          is the same object. It differs from the input only where a kube-apiserver's would:
 *            - a zero in a field that Go leaves out of JSON (omitempty, by value) comes back
 * absent; on the wire this is how Go writes "absent"
 *            - an empty list or map comes back absent, an absent list that Go always shows as []
 *            - null is absence, but for a Time that Go holds by value (creationTimestamp: null)
 *            - times lose fractions and offsets, a Quantity given as a number becomes a string
 * Unknown  JSON members that the message lacks are left out, fields that the descriptor lacks are
 *          passed over, as Go's readers do. Both are counted in the report.
 * Misfits  a JSON value of a wrong type: BAD_REQUEST with its path. With `report->lenient` it is
 *          left out and counted instead: for stored objects, which must reach their readers.
 * Bounds   PROTOBUF_DEPTH_MAX and PROTOBUF_FIELDS_MAX; nothing is allocated from a length alone.
 * Use      request body  transcoder_read() with the kind of the URL; of a DELETE, DeleteOptions
 *          response      transcoder_write() of the object, Status, APIResourceList .. as a tree,
 *                        `lenient`; Table and custom resources have no message: NOT_ACCEPTABLE
 *          list          of a tree the same; or spliced, in one envelope: the message of {metadata}
 *                        by the list's type, protobuf_list_item_write() of each item's message
 *          watch event   transcoder_write() once an event, protobuf_watch_frame_write() around it
 *                        once a type; on a WebSocket protobuf_watch_event_write()
 *          client        framer (FRAMER_LENGTH), then transcoder_to_json() by WatchEvent
 * Owner    a read tree lives in the arena and borrows texts from the bytes: keep them.
 * Threads  any; types are compiled once, by whoever comes first.
 */
#ifndef TIDEWATCH_CODEC_TRANSCODER_H
#define TIDEWATCH_CODEC_TRANSCODER_H

#include "codec/json.h"
#include "codec/protobuf.h"

struct message_type; /* a kind's message; static, never freed */

/* What was left out. Zeroed before (but `lenient`), released after. May be NULL everywhere. */
struct transcoder_report {
    bool lenient;
    size_t count;
    struct bytes paths[16]; /* the first of them: `spec.containers[0].imagee` */
    size_t path_count;
    struct arena arena; /* of the paths */
};
void transcoder_report_release(struct transcoder_report *report);

/* The message of a kind. Kinds of the protocol itself (Status, DeleteOptions, WatchEvent ..) are
 * found in every group and version. NULL: none, as of custom resources and Table. */
const struct message_type *transcoder_find(struct bytes api_version, struct bytes kind);
/* By full name, `k8s.io.api.core.v1.PodSpec`; NULL: none. */
const struct message_type *transcoder_find_message(struct bytes name);

/* The messages of any descriptor that protoc-c made, and of what is in it: field names are JSON
 * names, and a message of a name that Kubernetes uses (Time, Quantity) has its form.
 * NOT_ACCEPTABLE: it has fields of types that Kubernetes does not use; NO_MEMORY, without words.
 * The descriptor must outlive the set. */
struct ProtobufCMessageDescriptor;
struct message_set;
MUST_CHECK enum status message_set_new(const struct ProtobufCMessageDescriptor *descriptor,
                                       struct message_set **ret_set, struct error *reterr);
void message_set_free(struct message_set *set);
const struct message_type *message_set_root(const struct message_set *set);

/* ---- objects in their envelope ---- */

/* Reads an envelope into a tree with apiVersion and kind first. An envelope without them is read
 * as `api_version` and `kind`, which may be empty too. BAD_REQUEST: no such kind, or not such a
 * message; UNSUPPORTED_MEDIA_TYPE; TOO_LARGE; NO_MEMORY. */
MUST_CHECK enum status transcoder_read(struct arena *arena, struct bytes envelope,
                                       struct bytes api_version, struct bytes kind,
                                       struct json **ret_tree, struct transcoder_report *report,
                                       struct error *reterr);
/* Appends the envelope of a tree, by its apiVersion and kind. NOT_ACCEPTABLE: the kind has no
 * message. */
MUST_CHECK enum status transcoder_write(struct buf *out, const struct json *tree,
                                        struct transcoder_report *report, struct error *reterr);
/* The same of a message that is known already: of custom resources (codec/transcoder_custom.h). */
MUST_CHECK enum status transcoder_read_as(struct arena *arena, const struct message_type *type,
                                          struct bytes envelope, struct bytes api_version,
                                          struct bytes kind, struct json **ret_tree,
                                          struct transcoder_report *report, struct error *reterr);
MUST_CHECK enum status transcoder_write_as(struct buf *out, const struct message_type *type,
                                           const struct json *tree,
                                           struct transcoder_report *report, struct error *reterr);

/* ---- bare messages ---- */

/* Without apiVersion and kind, which no message holds. */
MUST_CHECK enum status transcoder_to_json(struct arena *arena, const struct message_type *type,
                                          struct bytes raw, struct json **ret_tree,
                                          struct transcoder_report *report, struct error *reterr);
/* `out` is appended to with success only. */
MUST_CHECK enum status transcoder_from_json(struct buf *out, const struct message_type *type,
                                            const struct json *tree,
                                            struct transcoder_report *report, struct error *reterr);

/* ---- from the text of an object that the server holds (transcoder_text.c) ---- */

/* Appends its envelope. `type` NULL: by its apiVersion and kind. What its message has no place for
 * is left out, for stored objects must reach their readers; `out` fails without memory, or if
 * `text` is no object of a kind with a message. */
void transcoder_write_text(struct buf *out, const struct message_type *type, struct bytes text);
/* The bare message. */
void transcoder_write_text_message(struct buf *out, const struct message_type *type,
                                   struct bytes text);

#endif
