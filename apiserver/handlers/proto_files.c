#include "apiserver/handlers/proto_files.h"

static const struct bytes text_type = BYTES_INIT("text/plain; charset=utf-8");

static void add_custom(void *user, const struct kind *kind)
{
    if (kind->custom && kind_message(kind) != NULL)
        buf_appendf(user, ",\"/proto/%s/%s/%s.proto\"", kind->group, kind->version, kind->plural);
}

static void respond_index(struct api_request *api)
{
    struct buf body = {0};

    buf_append_str(&body, "{\"paths\":[");
    for (size_t i = 0; i < proto_files_count; i++)
        buf_appendf(&body, "%s\"/proto/%s\"", i > 0 ? "," : "", proto_files[i].name);
    registry_each(api->worker->registry, add_custom, &body);
    buf_append_str(&body, "]}");
    respond_json(api, 200, &body);
}

static bool write_builtin(struct buf *out, struct bytes name)
{
    for (size_t i = 0; i < proto_files_count; i++)
        if (bytes_eq_str(name, proto_files[i].name)) {
            buf_append(out, proto_files[i].text, proto_files[i].len);
            return true;
        }
    return false;
}

/* `file` is "crontabs.proto". */
static bool write_custom(struct buf *out, const struct registry *registry, struct bytes group,
                         struct bytes version, struct bytes file)
{
    static const struct bytes ending = BYTES_INIT(".proto");
    const struct kind *kind;

    if (file.len <= ending.len || !bytes_eq(bytes_from(file, file.len - ending.len), ending))
        return false;
    kind = registry_find(registry, group, version, bytes_of(file.ptr, file.len - ending.len));
    return kind != NULL && registry_write_proto(kind, out);
}

void handle_proto_files(struct api_request *api)
{
    struct bytes file = api->info.path, group, version;
    struct buf text = {0};
    bool found;

    (void)bytes_cut(&file, '/');
    (void)bytes_cut(&file, '/'); /* "proto" */
    if (file.len == 0) {
        respond_index(api);
        return;
    }
    found = write_builtin(&text, file);
    if (!found) {
        group = bytes_cut(&file, '/');
        version = bytes_cut(&file, '/');
        found = write_custom(&text, api->worker->registry, group, version, file);
    }
    if (found)
        respond_blob(api, 200, text_type, buf_to_blob(&text));
    else
        respond_no_such_path(api);
}
