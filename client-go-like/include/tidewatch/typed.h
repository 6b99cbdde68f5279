/*
 * typed - objects as the structs that protoc-c generates, over JSON or protobuf.
 *
 *   foo.proto --protoc-c--> foo__descriptor --tw_type_new()--> tw_type
 *   tw_object, JSON, protobuf --tw_type_decode..()--> Foo * --tw_type_encode()--> tw_object
 *
 * Shape    for the published .proto files of Kubernetes, and for those our server writes for custom
 *          resources; field names are JSON names. A program includes its generated header, and this
 *          one, which needs nothing of libprotobuf-c itself. Not in tidewatch.h.
 * Owner    a message is malloc()ed: tw_message_free(), or the generated free_unpacked(). The
 *          descriptor must outlive the type.
 * Threads  a type never changes: share at will.
 * Errors   TW_ERR_ARGUMENT: the descriptor, or the message, is not of the kind that JSON can say.
 *          TW_ERR_PROTOCOL: the bytes do not fit the type. Members that it lacks are passed over.
 */
#ifndef TIDEWATCH_TYPED_H
#define TIDEWATCH_TYPED_H

#include <tidewatch/verbs.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ProtobufCMessageDescriptor;
struct ProtobufCMessage;

typedef struct tw_type tw_type;

/* "v1", "ConfigMap", &k8s__io__api__core__v1__config_map__descriptor; a list: "ConfigMapList". Both
 * texts NULL for a part, such as a PodSpec, which has no name of its own. */
TW_API tw_status tw_type_new(const char *api_version, const char *kind,
                             const struct ProtobufCMessageDescriptor *descriptor,
                             tw_type **ret_type, tw_error **reterr);
TW_API void tw_type_free(tw_type *type);
TW_API void tw_message_free(struct ProtobufCMessage *message);

TW_API tw_status tw_type_decode(const tw_type *type, const tw_object *object,
                                struct ProtobufCMessage **ret_message, tw_error **reterr);
/* A part of an object: tw_object_at(pod, "spec"). */
TW_API tw_status tw_type_decode_value(const tw_type *type, const tw_value *value,
                                      struct ProtobufCMessage **ret_message, tw_error **reterr);
/* JSON, protobuf in Kubernetes' envelope, or a bare message: the bytes say which. */
TW_API tw_status tw_type_decode_bytes(const tw_type *type, const void *bytes, size_t len,
                                      struct ProtobufCMessage **ret_message, tw_error **reterr);

TW_API tw_status tw_type_encode(const tw_type *type, const struct ProtobufCMessage *message,
                                tw_object **ret_object, tw_error **reterr);

/* ---- requests ---- */
/* Built-in kinds are asked for and sent as protobuf, and as JSON where the server has no other. A
 * custom resource is sent as JSON, and read as what the server prefers: protobuf only where the CRD
 * numbers its fields, as the .proto must then. */
TW_API tw_status tw_typed_get(tw_client *client, const tw_resource *resource, const char *ns,
                              const char *name, const tw_type *type,
                              struct ProtobufCMessage **ret_message, tw_error **reterr);
/* `list_type` is that of the list; its struct holds the items. */
TW_API tw_status tw_typed_list(tw_client *client, const tw_resource *resource, const char *ns,
                               const tw_list_options *options, const tw_type *list_type,
                               struct ProtobufCMessage **ret_message, tw_error **reterr);
/* `ns` says where; the result may be declined by NULL. */
TW_API tw_status tw_typed_create(tw_client *client, const tw_resource *resource, const char *ns,
                                 const tw_type *type, const struct ProtobufCMessage *message,
                                 struct ProtobufCMessage **ret_message, tw_error **reterr);
TW_API tw_status tw_typed_update(tw_client *client, const tw_resource *resource, const char *ns,
                                 const char *name, const tw_type *type,
                                 const struct ProtobufCMessage *message,
                                 struct ProtobufCMessage **ret_message, tw_error **reterr);

#ifdef __cplusplus
}
#endif
#endif
