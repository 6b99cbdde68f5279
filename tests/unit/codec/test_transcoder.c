#include "unit/codec/trees.h"

#include <dirent.h>
#include <stdlib.h>

#include "codec/transcoder.h"

static struct bytes read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    char text[65536];
    size_t len;

    CHECK(file != NULL);
    len = fread(text, 1, sizeof(text), file);
    CHECK(len < sizeof(text));
    fclose(file);
    return arena_dup(arena, bytes_of(text, len));
}

/* Through an envelope and back. */
static struct json *there_and_back(struct arena *arena, const struct json *tree)
{
    struct transcoder_report report = {0};
    struct error err = {0};
    struct json *again = NULL;
    struct buf out = {0};

    if (transcoder_write(&out, tree, &report, &err) != STATUS_OK ||
        transcoder_read(arena, arena_dup(arena, buf_bytes(&out)), BYTES(""), BYTES(""), &again,
                        &report, &err) != STATUS_OK)
        fail_msg("%s", error_message(&err));
    if (report.count != 0)
        fail_msg("left out: %.*s", BYTES_FMT(report.paths[0]));
    buf_release(&out);
    return again;
}

/* One object both ways; `expected` NULL means unchanged. */
static void check_object(const char *text, const char *expected)
{
    struct arena arena = {0};
    struct json *again = there_and_back(&arena, tree_of(&arena, text));

    CHECK_TEXT(text_of(&arena, again), expected != NULL ? expected : text);
    arena_release(&arena);
}

static void check_manifest(const char *path)
{
    struct arena arena = {0};
    struct json *tree = NULL, *again;

    CHECK(json_parse(&arena, read_file(&arena, path), &tree, NULL, NULL) == STATUS_OK);
    again = there_and_back(&arena, tree);
    if (!json_equal(tree, again))
        fail_msg("%s became %.*s", path, BYTES_FMT(text_of(&arena, again)));
    arena_release(&arena);
}

TEST(transcoder, every_manifest_comes_back_as_it_was)
{
    char folder[512], path[1024];
    size_t count = 0;
    DIR *dir;

    snprintf(folder, sizeof(folder), "%s/unit/codec/manifests", getenv("TESTS_DIR"));
    dir = opendir(folder);
    CHECK(dir != NULL);
    for (struct dirent *it; (it = readdir(dir)) != NULL;) {
        if (it->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, it->d_name);
        check_manifest(path);
        count++;
    }
    closedir(dir);
    CHECK(count > 50);
}

TEST(transcoder, a_zero_that_go_would_show_stays)
{
    check_object("{'apiVersion':'apps/v1','kind':'ReplicaSet','spec':{'replicas':0},"
                 "'status':{'replicas':0}}",
                 NULL);
}

TEST(transcoder, a_zero_that_go_leaves_out_is_left_out)
{
    check_object("{'apiVersion':'v1','kind':'PodList','items':[{'spec':{'nodeName':'',"
                 "'hostNetwork':false,'containers':[]}}]}",
                 "{'apiVersion':'v1','kind':'PodList','items':[{'spec':{'containers':[]}}]}");
}

TEST(transcoder, null_is_absence_but_for_a_time_by_value)
{
    check_object("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'creationTimestamp':null,"
                 "'deletionTimestamp':null,'labels':null},'data':null}",
                 "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'creationTimestamp':null}}");
}

TEST(transcoder, null_inside_of_a_map_or_list_is_its_zero)
{
    check_object("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'finalizers':['a',null]},"
                 "'data':{'a':null}}",
                 "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'finalizers':['a','']},"
                 "'data':{'a':''}}");
}

TEST(transcoder, a_required_list_is_never_absent)
{
    check_object("{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role'}",
                 "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role','rules':[]}");
}

TEST(transcoder, times_lose_fractions_and_offsets)
{
    check_object("{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':"
                 "{'creationTimestamp':'2024-01-01T01:00:00.9+01:00'},"
                 "'spec':{'renewTime':'2024-01-01T00:00:00.12345678-00:30'}}",
                 "{'apiVersion':'coordination.k8s.io/v1','kind':'Lease','metadata':"
                 "{'creationTimestamp':'2024-01-01T00:00:00Z'},"
                 "'spec':{'renewTime':'2024-01-01T00:30:00.123456Z'}}");
}

TEST(transcoder, a_quantity_as_number_becomes_a_string)
{
    check_object("{'apiVersion':'v1','kind':'ResourceQuota','spec':{'hard':{'cpu':1.5}}}",
                 "{'apiVersion':'v1','kind':'ResourceQuota','spec':{'hard':{'cpu':'1.5'}}}");
}

TEST(transcoder, line_ends_in_base64_are_skipped)
{
    check_object("{'apiVersion':'v1','kind':'Secret','data':{'a':'AAEC\\nAwQF\\r\\n'}}",
                 "{'apiVersion':'v1','kind':'Secret','data':{'a':'AAECAwQF'}}");
}

TEST(transcoder, kinds_of_the_protocol_are_found_in_every_group)
{
    const struct message_type *options = transcoder_find(BYTES("v1"), BYTES("DeleteOptions"));

    CHECK(options != NULL);
    CHECK(transcoder_find(BYTES("apps/v1"), BYTES("DeleteOptions")) == options);
    CHECK(transcoder_find(BYTES("apps/v1"), BYTES("Pod")) == NULL);
    CHECK(transcoder_find(BYTES("meta.k8s.io/v1"), BYTES("Table")) == NULL);
    CHECK(transcoder_find(BYTES("v1"), BYTES("")) == NULL);
}

/* ---- what does not fit ---- */

static void check_misfit(const char *api_version, const char *kind, const char *body,
                         const char *message)
{
    struct arena arena = {0};
    struct error err = {0};
    struct buf out = {0};
    const struct message_type *type = transcoder_find(bytes_str(api_version), bytes_str(kind));

    CHECK(transcoder_from_json(&out, type, tree_of(&arena, body), NULL, &err) ==
          STATUS_BAD_REQUEST);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    CHECK(out.len == 0);
    error_release(&err);
    buf_release(&out);
    arena_release(&arena);
}

TEST(transcoder, a_value_of_a_wrong_type_is_told_with_its_path)
{
    check_misfit("apps/v1", "Deployment", "{'spec':{'replicas':'3'}}",
                 "spec.replicas: expected an integer of 32 bits, found string");
    check_misfit("apps/v1", "Deployment", "{'spec':{'replicas':4294967296}}",
                 "spec.replicas: expected an integer of 32 bits, found number");
    check_misfit("v1", "Pod", "{'spec':{'containers':[{'name':'a'},{'name':1}]}}",
                 "spec.containers[1].name: expected a string, found number");
    check_misfit("v1", "Pod", "{'spec':{'volumes':[{'name':'a','emptyDir':[]}]}}",
                 "spec.volumes[0].emptyDir: expected an object, found array");
    check_misfit("v1", "ConfigMap", "{'data':[]}", "data: expected a map, found array");
    check_misfit("v1", "ConfigMap", "{'data':{'a.b':true}}",
                 "data.a.b: expected a string, found boolean");
    check_misfit("v1", "ConfigMap", "{'metadata':{'finalizers':{}}}",
                 "metadata.finalizers: expected a list, found object");
    check_misfit("v1", "ConfigMap", "{'immutable':1}",
                 "immutable: expected a boolean, found number");
    check_misfit("v1", "Secret", "{'data':{'a':'?'}}",
                 "data.a: expected bytes in base64, found string");
    check_misfit("v1", "ConfigMap", "{'metadata':{'creationTimestamp':'yesterday'}}",
                 "metadata.creationTimestamp: expected a time of RFC 3339, found string");
    check_misfit("v1", "ResourceQuota", "{'spec':{'hard':{'cpu':'1 cpu'}}}",
                 "spec.hard.cpu: expected a quantity, found string");
    check_misfit("v1", "Service", "{'spec':{'ports':[{'targetPort':1.5}]}}",
                 "spec.ports[0].targetPort: expected an integer of 32 bits or a string, found "
                 "number");
    check_misfit("v1", "Pod", "[]", "object: expected an object, found array");
}

TEST(transcoder, leniently_what_does_not_fit_is_left_out_and_told)
{
    struct arena arena = {0};
    struct transcoder_report report = {.lenient = true};
    const struct message_type *type = transcoder_find(BYTES("v1"), BYTES("Pod"));
    struct json *again = NULL;
    struct buf out = {0};
    struct json *pod =
        tree_of(&arena, "{'metadata':{'labels':{'a':1,'b':'2'}},'spec':{'nodeName':7,"
                        "'containers':[{'name':'c','imagee':'i'},3]}}");

    CHECK(transcoder_from_json(&out, type, pod, &report, NULL) == STATUS_OK);
    CHECK_INT(report.count, 4);
    CHECK_TEXT(report.paths[0], "spec.nodeName");
    CHECK_TEXT(report.paths[1], "spec.containers[1]");
    CHECK_TEXT(report.paths[2], "spec.containers[0].imagee");
    CHECK_TEXT(report.paths[3], "metadata.labels.a");
    CHECK(transcoder_to_json(&arena, type, buf_bytes(&out), &again, NULL, NULL) == STATUS_OK);
    CHECK_TEXT(text_of(&arena, again),
               "{'metadata':{'labels':{'b':'2'}},'spec':{'containers':[{'name':'c'}]}}");
    transcoder_report_release(&report);
    buf_release(&out);
    arena_release(&arena);
}

TEST(transcoder, unknown_members_are_counted_all_and_named_first)
{
    struct arena arena = {0};
    struct transcoder_report report = {0};
    struct json *tree = tree_of(&arena, "{'apiVersion':'v1','kind':'ConfigMap'}");
    struct buf out = {0};

    for (int i = 0; i < 20; i++)
        json_set_text(&arena, tree, arena_printf(&arena, "x%02d", i).ptr, BYTES("y"));
    CHECK(transcoder_write(&out, tree, &report, NULL) == STATUS_OK);
    CHECK_INT(report.count, 20);
    CHECK_INT(report.path_count, ARRAY_LEN(report.paths));
    CHECK_TEXT(report.paths[0], "x00");
    transcoder_report_release(&report);
    buf_release(&out);
    arena_release(&arena);
}

TEST(transcoder, a_kind_without_a_message_is_not_acceptable)
{
    struct arena arena = {0};
    struct error err = {0};
    struct buf out = {0};

    CHECK(transcoder_write(&out, tree_of(&arena, "{'apiVersion':'a.b/v1','kind':'C'}"), NULL,
                           &err) == STATUS_NOT_ACCEPTABLE);
    CHECK_TEXT(bytes_str(error_message(&err)),
               "kind \"C\" of version \"a.b/v1\" has no form in protobuf");
    CHECK(out.len == 0);
    error_release(&err);
    arena_release(&arena);
}
