#include "unit/codec/trees.h"

#include "codec/message_check.h"

/* What comes of an object of `api_version` and `kind`; the paths of what was unknown in
 * `ret_unknown`. */
static enum status check(struct arena *arena, const char *api_version, const char *kind,
                         const char *text, struct json **ret_tree, struct bytes *ret_unknown,
                         struct error *reterr)
{
    const struct message_type *type = transcoder_find(bytes_str(api_version), bytes_str(kind));
    struct transcoder_report report = {0};
    struct buf unknown = {0};
    enum status st;

    CHECK(type != NULL);
    *ret_tree = tree_of(arena, text);
    st = message_check(type, *ret_tree, &report, reterr);
    for (size_t i = 0; i < report.path_count; i++)
        buf_appendf(&unknown, "%s%.*s", i != 0 ? " " : "", BYTES_FMT(report.paths[i]));
    *ret_unknown = arena_dup(arena, buf_bytes(&unknown));
    buf_release(&unknown);
    transcoder_report_release(&report);
    return st;
}

static void fits(const char *api_version, const char *kind, const char *text, const char *expected,
                 const char *unknown)
{
    struct arena arena = {0};
    struct error err = {0};
    struct bytes found;
    struct json *tree;

    if (check(&arena, api_version, kind, text, &tree, &found, &err) != STATUS_OK)
        fail_msg("%s", error_message(&err));
    CHECK_TEXT(text_of(&arena, tree), expected != NULL ? expected : text);
    CHECK_TEXT(found, unknown);
    arena_release(&arena);
}

static void is_refused(const char *kind, const char *text, const char *why)
{
    struct arena arena = {0};
    struct error err = {0};
    struct bytes found;
    struct json *tree;

    CHECK_INT(check(&arena, "v1", kind, text, &tree, &found, &err), STATUS_BAD_REQUEST);
    CHECK_TEXT(bytes_str(error_message(&err)), why);
    error_release(&err);
    arena_release(&arena);
}

TEST(message_check, takes_out_what_has_no_place_and_says_where_it_was)
{
    fits("v1", "Pod",
         "{'apiVersion':'v1','kind':'Pod','colour':'red','metadata':{'name':'a',"
         "'nick':{}},"
         "'spec':{'containers':[{'name':'a','imagee':'b'},{'env':[{'nam':'c'}]}],"
         "'volumes':[{'name':'v','emptyDir':{'size':1},'nothing':{}}]}}",
         "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a'},"
         "'spec':{'containers':[{'name':'a'},{'env':[{}]}],"
         "'volumes':[{'name':'v','emptyDir':{}}]}}",
         "colour metadata.nick spec.containers[0].imagee spec.containers[1].env[0].nam "
         "spec.volumes[0].emptyDir.size spec.volumes[0].nothing");
}

TEST(message_check, leaves_alone_what_fits)
{
    fits("v1", "ConfigMap",
         "{'data':{'any "
         "key':'a','b':null},'binaryData':{'c':'AA=='},'immutable':true}",
         NULL, "");
    fits("v1", "Pod",
         "{'spec':{'containers':[{'resources':{'limits':{'cpu':'100m','memory':1}},"
         "'livenessProbe':{'httpGet':{'port':'web'},'periodSeconds':10}}],"
         "'terminationGracePeriodSeconds':30},'metadata':{'creationTimestamp':null}}",
         NULL, "");
    fits("v1", "Secret", "{'data':{'a':'QUFB\\nQUFB\\r\\n'}}", NULL, "");
    fits("v1", "Service", "{'spec':{'ports':[{'targetPort':80},{'targetPort':'web'}]}}", NULL, "");
    fits("rbac.authorization.k8s.io/v1", "Role", "{'rules':[{'verbs':['get']}]}", NULL, "");
    fits("coordination.k8s.io/v1", "Lease", "{'spec':{'renewTime':'2026-01-01T00:00:00.000001Z'}}",
         NULL, "");
}

TEST(message_check, knows_the_forms_of_a_schema)
{
    static const char head[] = "{'spec':{'versions':[{'schema':{'openAPIV3Schema':";
    static const struct {
        const char *schema, *expected, *unknown;
    } rows[] = {
        {"{'$ref':'a','x-kubernetes-int-or-string':true,'default':{'any':[1]},'enum':["
         "1,'a']}",
         NULL, ""},
        {"{'additionalProperties':true,'items':{'type':'string'}}", NULL, ""},
        {"{'additionalProperties':{'typo':1},'items':[{'typo':1}]}",
         "{'additionalProperties':{},'items':[{}]}",
         "spec.versions[0].schema.openAPIV3Schema.additionalProperties.typo "
         "spec.versions[0].schema.openAPIV3Schema.items[0].typo"},
        {"{'dependencies':{'a':['b'],'c':{'typo':1}}}", "{'dependencies':{'a':['b'],'c':{}}}",
         "spec.versions[0].schema.openAPIV3Schema.dependencies.c.typo"},
        {"{'properties':{'typo':{'typo':1}}}", "{'properties':{'typo':{}}}",
         "spec.versions[0].schema.openAPIV3Schema.properties.typo.typo"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512], expected[512];

        snprintf(text, sizeof(text), "%s%s}}]}}", head, rows[i].schema);
        snprintf(expected, sizeof(expected), "%s%s}}]}}", head,
                 rows[i].expected != NULL ? rows[i].expected : rows[i].schema);
        fits("apiextensions.k8s.io/v1", "CustomResourceDefinition", text, expected,
             rows[i].unknown);
    }
}

TEST(message_check, refuses_a_value_of_a_wrong_type_in_the_words_of_gos_decoder)
{
#define CANNOT "json: cannot unmarshal "
    is_refused("ConfigMap", "{'data':{'a':1}}",
               CANNOT "number into Go struct field ConfigMap.data of type string");
    is_refused("ConfigMap", "{'data':[]}",
               CANNOT "array into Go struct field ConfigMap.data of type map[string]string");
    is_refused("ConfigMap", "{'immutable':'yes'}",
               CANNOT "string into Go struct field ConfigMap.immutable of type bool");
    is_refused("Secret", "{'data':{'a':true}}",
               CANNOT "bool into Go struct field Secret.data of type []uint8");
    is_refused("Pod", "{'spec':[]}",
               CANNOT "array into Go struct field Pod.spec of type v1.PodSpec");
    is_refused("Pod", "{'spec':{'containers':{}}}",
               CANNOT "object into Go struct field PodSpec.spec.containers of type []v1.Container");
    is_refused("Pod", "{'spec':{'containers':['a']}}",
               CANNOT "string into Go struct field PodSpec.spec.containers of type v1.Container");
    is_refused("Pod", "{'spec':{'containers':[{'env':[{'value':1}]}]}}",
               CANNOT
               "number into Go struct field EnvVar.spec.containers.env.value of type string");
    is_refused("Pod", "{'spec':{'containers':[{'ports':[{'containerPort':3000000000}]}]}}",
               CANNOT "number 3000000000 into Go struct field "
                      "ContainerPort.spec.containers.ports.containerPort of type int32");
    is_refused(
        "Pod", "{'spec':{'volumes':[{'emptyDir':1}]}}",
        CANNOT
        "number into Go struct field Volume.spec.volumes.emptyDir of type v1.EmptyDirVolumeSource");
#undef CANNOT
}

TEST(message_check, refuses_what_no_form_takes)
{
    is_refused("Secret", "{'data':{'a':'!'}}", "illegal base64 data in data.a");
    is_refused("Pod", "{'spec':{'containers':[{'resources':{'limits':{'cpu':'a lot'}}}]}}",
               "quantities must match the regular expression "
               "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    is_refused("Service", "{'spec':{'ports':[{'targetPort':true}]}}",
               "json: cannot unmarshal bool into Go value of type int32");
    is_refused("Pod", "{'metadata':{'creationTimestamp':'today'}}",
               "parsing time \"today\" as \"2006-01-02T15:04:05Z07:00\"");
    is_refused("Pod", "{'metadata':{'creationTimestamp':1}}",
               "json: cannot unmarshal number into Go value of type string");
}
