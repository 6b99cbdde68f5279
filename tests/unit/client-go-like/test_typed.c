#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>
#include <tidewatch/typed.h>

#include "client-go-like/fail.h"
#include "client-go-like/typed/type.h"
#include "proto/apps_v1.pb-c.h"
#include "proto/apiextensions_v1.pb-c.h"
#include "proto/core_v1.pb-c.h"

typedef K8s__Io__Api__Core__V1__ConfigMap config_map;
typedef K8s__Io__Api__Apps__V1__Deployment deployment;

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

static tw_type *config_map_type(void)
{
    tw_type *type = NULL;

    CHECK(tw_type_new("v1", "ConfigMap", &k8s__io__api__core__v1__config_map__descriptor, &type,
                      NULL) == TW_OK);
    return type;
}

#define CM                                                                                         \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"labels\":{"      \
    "\"l\":\"1\"}},\"data\":{\"k\":\"v\"}}"

TEST(typed, an_object_becomes_the_generated_struct_and_comes_back)
{
    tw_type *type = config_map_type();
    tw_object *object = NULL, *back = NULL;
    struct ProtobufCMessage *message = NULL;
    config_map *cm;

    CHECK(tw_object_from_json(CM, strlen(CM), &object, NULL) == TW_OK);
    CHECK(tw_type_decode(type, object, &message, NULL) == TW_OK);
    cm = (config_map *)message;
    CHECK_TEXT(bytes_str(cm->metadata->name), "a");
    CHECK_INT(cm->n_data, 1);
    CHECK_TEXT(bytes_str(cm->data[0]->value), "v");
    CHECK(tw_type_encode(type, message, &back, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_object_json(back)), CM);
    tw_message_free(message);
    tw_object_unref(object);
    tw_object_unref(back);
    tw_type_free(type);
}

/* Each schema the `not` (field 28) of the one around it: protobuf-c, which recurses, would overrun
 * the stack. */
TEST(typed, messages_that_nest_without_end_are_refused)
{
    enum { LEVELS = 200000, ROOM = LEVELS * 6 };
    tw_type *type = NULL;
    tw_error *error = NULL;
    struct ProtobufCMessage *message = NULL;
    char *text = malloc(ROOM);
    size_t at = ROOM;

    CHECK(
        tw_type_new(
            NULL, NULL,
            &k8s__io__apiextensions_apiserver__pkg__apis__apiextensions__v1__jsonschema_props__descriptor,
            &type, NULL) == TW_OK);
    for (size_t i = 0; i < LEVELS; i++) {
        char header[8] = "\xe2\x01";
        size_t used = 2;

        for (uint64_t len = ROOM - at;; len >>= 7) {
            header[used++] = (char)(len >= 0x80 ? len | 0x80 : len);
            if (len < 0x80)
                break;
        }
        at -= used;
        memcpy(text + at, header, used);
    }
    CHECK(tw_type_decode_bytes(type, text + at, ROOM - at, &message, &error) == TW_ERR_PROTOCOL);
    CHECK(strstr(tw_error_message(error), "nest deeper") != NULL);
    tw_error_free(error);
    tw_type_free(type);
    free(text);
}

TEST(typed, json_an_envelope_and_a_bare_message_are_told_apart)
{
    tw_type *type = config_map_type();
    struct ProtobufCMessage *first = NULL, *second = NULL, *third = NULL;
    struct protobuf_envelope envelope;
    struct buf bytes = {0};

    CHECK(tw_type_decode_bytes(type, " " CM, sizeof(CM), &first, NULL) == TW_OK);
    CHECK(type_write(type, first, &bytes, NULL) == TW_OK);
    CHECK(tw_type_decode_bytes(type, bytes.data, bytes.len, &second, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(((config_map *)second)->data[0]->value), "v");
    CHECK(protobuf_envelope_read(buf_bytes(&bytes), &envelope, &(struct error){0}) == STATUS_OK);
    CHECK(tw_type_decode_bytes(type, envelope.raw.ptr, envelope.raw.len, &third, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(((config_map *)third)->metadata->name), "a");
    tw_message_free(first);
    tw_message_free(second);
    tw_message_free(third);
    buf_release(&bytes);
    tw_type_free(type);
}

TEST(typed, a_part_of_an_object_has_a_type_too)
{
    static const char text[] =
        "{\"spec\":{\"replicas\":3,\"selector\":{},\"strategy\":{\"rollingUpdate\":{\"maxSurge\":"
        "\"25%\"}},\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{"
        "\"limits\":"
        "{\"cpu\":\"500m\"}}}]}}}}";
    tw_type *type = NULL;
    tw_object *object = NULL;
    struct ProtobufCMessage *message = NULL;
    K8s__Io__Api__Apps__V1__DeploymentSpec *spec;
    K8s__Io__Api__Core__V1__Container *container;

    CHECK(tw_type_new(NULL, NULL, &k8s__io__api__apps__v1__deployment_spec__descriptor, &type,
                      NULL) == TW_OK);
    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    CHECK(tw_type_decode_value(type, tw_object_at(object, "spec"), &message, NULL) == TW_OK);
    spec = (K8s__Io__Api__Apps__V1__DeploymentSpec *)message;
    CHECK(spec->has_replicas && spec->replicas == 3);
    CHECK_TEXT(bytes_str(spec->strategy->rollingupdate->maxsurge->strval), "25%");
    container = spec->template_->spec->containers[0];
    CHECK_TEXT(bytes_str(container->resources->limits[0]->value->string), "500m");
    tw_message_free(message);
    CHECK(tw_type_decode_value(type, tw_object_at(object, "status"), &message, NULL) ==
          TW_ERR_PROTOCOL);
    tw_object_unref(object);
    tw_type_free(type);
}

static void refuses(const tw_type *type, const char *bytes, size_t len, const char *words)
{
    struct ProtobufCMessage *message = NULL;
    tw_error *error = NULL;

    CHECK(tw_type_decode_bytes(type, bytes, len, &message, &error) == TW_ERR_PROTOCOL);
    if (strstr(tw_error_message(error), words) == NULL)
        fprintf(stderr, "says: %s\n", tw_error_message(error));
    CHECK(strstr(tw_error_message(error), words) != NULL && message == NULL);
    tw_error_free(error);
}

#define REFUSES(type, text, words) refuses(type, text, sizeof(text) - 1, words)

TEST(typed, what_does_not_fit_is_refused_with_a_reason)
{
    tw_type *type = config_map_type();
    struct ProtobufCMessage *message = NULL;
    deployment other = K8S__IO__API__APPS__V1__DEPLOYMENT__INIT;
    tw_object *object = NULL;

    REFUSES(type, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}", "expected a ConfigMap of v1");
    REFUSES(type, "{\"data\":{\"k\":1}}", "data");
    REFUSES(type, "{\"data\"", "JSON");
    REFUSES(type, "k8s\0\377", "cannot read protobuf");
    REFUSES(type, "\n\377", "the bytes are no");
    CHECK(tw_type_encode(type, (struct ProtobufCMessage *)&other, &object, NULL) ==
          TW_ERR_ARGUMENT);
    CHECK(message == NULL && object == NULL);
    tw_type_free(type);
}

TEST(typed, a_descriptor_with_fields_that_kubernetes_has_not_is_refused)
{
    static const ProtobufCFieldDescriptor field = {
        .name = "x", .id = 1, .label = PROTOBUF_C_LABEL_OPTIONAL, .type = PROTOBUF_C_TYPE_FIXED64};
    static const ProtobufCMessageDescriptor descriptor = {.magic =
                                                              PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                                                          .name = "odd.Odd",
                                                          .short_name = "Odd",
                                                          .n_fields = 1,
                                                          .fields = &field};
    tw_type *type = NULL;
    tw_error *error = NULL;

    CHECK(tw_type_new("odd/v1", "Odd", &descriptor, &type, &error) == TW_ERR_ARGUMENT);
    CHECK(strstr(tw_error_message(error), "odd.Odd.x") != NULL && type == NULL);
    tw_error_free(error);
}

TEST(typed, requests_fall_back_on_json_where_the_server_has_no_protobuf)
{
    static const struct fake_step steps[] = {
        ANSWER(CM), ANSWER_CODE(415, "{\"kind\":\"Status\",\"code\":415}"), ANSWER(CM)};
    struct fake_server *server = fake_start(steps, 3, 0);
    tw_type *type = config_map_type();
    tw_config *config = NULL;
    tw_client *client = NULL;
    struct ProtobufCMessage *message = NULL, *made = NULL;

    CHECK(tw_config_from_url(server->url, &config, NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_typed_get(client, &configmaps, "n", "a", type, &message, NULL) == TW_OK);
    CHECK(strstr(server->requests[0],
                 "Accept: application/vnd.kubernetes.protobuf,application/json\r\n") != NULL);
    CHECK(tw_typed_update(client, &configmaps, "n", "a", type, message, &made, NULL) == TW_OK);
    CHECK(strstr(server->requests[1], "Content-Type: application/vnd.kubernetes.protobuf\r\n") !=
          NULL);
    CHECK(strstr(server->requests[2], "Content-Type: application/json\r\n") != NULL);
    CHECK(fake_asked(server, 2, "PUT /api/v1/namespaces/n/configmaps/a "));
    CHECK_TEXT(bytes_str(((config_map *)made)->metadata->name), "a");
    tw_message_free(message);
    tw_message_free(made);
    tw_client_unref(client);
    tw_config_free(config);
    tw_type_free(type);
    fake_stop(server);
}
