/*
 * transcode - the transcoder as a filter, for tests that compare it with other people's.
 *
 *   transcode to-protobuf            JSON object -> envelope
 *   transcode to-json                envelope -> JSON object
 *   transcode message-to-json NAME   message of that full name -> JSON
 *   transcode message-to-protobuf NAME
 *   transcode custom-to-protobuf CRD   JSON object of the first version of that CRD (a file)
 *   transcode custom-to-json CRD
 *   transcode custom-proto CRD         its .proto
 *
 * What was left out is listed on stderr; exit code 1 says that the input was refused, and why.
 */
#include <stdio.h>

#include "codec/transcoder_custom.h"

static void read_all(FILE *file, struct buf *in)
{
    char chunk[65536];

    for (size_t len; (len = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buf_append(in, chunk, len);
}

static enum status load_crd(struct arena *arena, const char *path, struct custom_messages **ret,
                            struct error *err)
{
    FILE *file = fopen(path, "rb");
    struct json *crd = NULL, *version, *spec;
    struct buf text = {0};
    enum status st;

    if (file == NULL)
        return error_set(err, STATUS_NOT_FOUND, "cannot open %s", path);
    read_all(file, &text);
    fclose(file);
    st = json_parse(arena, arena_dup(arena, buf_bytes(&text)), &crd, NULL, err);
    buf_release(&text);
    if (st != STATUS_OK)
        return st;
    spec = json_get(crd, BYTES("spec"));
    version = json_index(json_get(spec, BYTES("versions")), 0);
    return custom_messages_new(json_get_text(spec, "group"), json_get_text(version, "name"),
                               json_text(json_at(spec, "names", "kind", NULL)),
                               json_at(version, "schema", "openAPIV3Schema", NULL), NULL, ret, err);
}

static enum status run_custom(const char *mode, const char *path, struct bytes in,
                              struct arena *arena, struct buf *out,
                              struct transcoder_report *report, struct error *err)
{
    struct custom_messages *custom = NULL;
    struct json *tree = NULL;
    enum status st = load_crd(arena, path, &custom, err);

    if (st != STATUS_OK)
        return st;
    if (strcmp(mode, "custom-proto") == 0) {
        custom_messages_write_proto(out, custom);
    } else if (strcmp(mode, "custom-to-json") == 0) {
        st = transcoder_read_as(arena, custom_messages_kind(custom), in, BYTES(""), BYTES(""),
                                &tree, report, err);
        if (st == STATUS_OK)
            json_write(out, tree, false);
    } else {
        st = json_parse(arena, in, &tree, NULL, err);
        if (st == STATUS_OK)
            st = transcoder_write_as(out, custom_messages_kind(custom), tree, report, err);
    }
    custom_messages_free(custom);
    return st;
}

static enum status run(const char *mode, const char *name, struct bytes in, struct arena *arena,
                       struct buf *out, struct transcoder_report *report, struct error *err)
{
    const struct message_type *type = transcoder_find_message(bytes_str(name));
    bool bare = strncmp(mode, "message-", 8) == 0;
    struct json *tree = NULL;
    enum status st;

    if (strncmp(mode, "custom-", 7) == 0)
        return run_custom(mode, name, in, arena, out, report, err);
    if (bare && type == NULL)
        return error_set(err, STATUS_NOT_FOUND, "no message %s", name);
    if (strcmp(mode + (bare ? 8 : 0), "to-json") == 0) {
        st = bare ? transcoder_to_json(arena, type, in, &tree, report, err)
                  : transcoder_read(arena, in, BYTES(""), BYTES(""), &tree, report, err);
        if (st == STATUS_OK)
            json_write(out, tree, false);
        return st;
    }
    st = json_parse(arena, in, &tree, NULL, err);
    if (st != STATUS_OK)
        return st;
    return bare ? transcoder_from_json(out, type, tree, report, err)
                : transcoder_write(out, tree, report, err);
}

int main(int argc, char **argv)
{
    struct transcoder_report report = {0};
    struct arena arena = {0};
    struct error err = {0};
    struct buf in = {0}, out = {0};
    enum status st;

    if (argc < 2)
        return 2;
    read_all(stdin, &in);
    st = run(argv[1], argc > 2 ? argv[2] : "", buf_bytes(&in), &arena, &out, &report, &err);
    if (st == STATUS_OK)
        fwrite(out.data, 1, out.len, stdout);
    else
        fprintf(stderr, "%s\n", error_message(&err));
    for (size_t i = 0; i < report.path_count; i++)
        fprintf(stderr, "left out: %.*s\n", BYTES_FMT(report.paths[i]));
    transcoder_report_release(&report);
    error_release(&err);
    arena_release(&arena);
    buf_release(&in);
    buf_release(&out);
    return st == STATUS_OK ? 0 : 1;
}
