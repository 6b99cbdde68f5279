#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"

/* create configmap, secret, namespace, serviceaccount, deployment: objects made of words. */

struct creating {
    struct tidectl *t;
    struct arena arena;
    const char *name;
    struct json *tree, *metadata;
    bool encodes; /* a secret: all data in base64 */
};

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
static const tw_resource secrets = {"", "v1", "secrets", "Secret", true};
static const tw_resource namespaces = {"", "v1", "namespaces", "Namespace", false};
static const tw_resource service_accounts = {"", "v1", "serviceaccounts", "ServiceAccount", true};
static const tw_resource deployments = {"apps", "v1", "deployments", "Deployment", true};

static bool begin(struct creating *c, struct tidectl *t, const tw_resource *resource)
{
    c->t = t;
    if (t->flags.word_count != 1)
        return tidectl_say("exactly one NAME is required, got %zu", t->flags.word_count) == 0;
    c->name = t->flags.words[0];
    c->tree = json_new_object(&c->arena);
    json_set_text(&c->arena, c->tree, "apiVersion",
                  *resource->group != '\0'
                      ? arena_printf(&c->arena, "%s/%s", resource->group, resource->version)
                      : bytes_str(resource->version));
    json_set_text(&c->arena, c->tree, "kind", bytes_str(resource->kind));
    c->metadata = json_ensure_object(&c->arena, c->tree, "metadata");
    json_set_text(&c->arena, c->metadata, "name", bytes_str(c->name));
    return true;
}

/* As it will be stored: kubectl shows null for what only the server knows. */
static void prepare_dry_run(struct creating *c)
{
    if (json_get(c->metadata, BYTES("creationTimestamp")) == NULL)
        json_set(c->metadata, BYTES("creationTimestamp"), json_new_null(&c->arena));
}

/* "error: failed to create configmap: configmaps "a" already exists" */
static int fail(const tw_resource *resource, tw_error *error)
{
    struct bytes singular = bytes_of(resource->resource, strlen(resource->resource) - 1);

    if (tw_error_status(error) != TW_ERR_SERVER || !resource->namespaced)
        return tidectl_fail(error);
    tidectl_say("failed to create %.*s: %s", BYTES_FMT(singular), tw_error_message(error));
    tw_error_free(error);
    return EXIT_FAILED;
}

static int finish(struct creating *c, const tw_resource *resource, bool ok)
{
    struct tidectl *t = c->t;
    struct call call = {.method = "POST",
                        .resource = resource,
                        .ns = resource->namespaced ? t->ns : NULL,
                        .manager = "kubectl-create",
                        .strict = true};
    struct output output = {.form = OUTPUT_TABLE};
    struct buf body = {0};
    tw_object *made = NULL;
    tw_error *error = NULL;
    int rc = EXIT_FAILED;

    if (ok && resource->namespaced && t->flags.ns != NULL)
        json_set_text(&c->arena, c->metadata, "namespace", bytes_str(t->flags.ns));
    if (ok && output_begin(&output, &t->flags, OUTPUTS_OBJECTS))
        rc = 0;
    if (rc == 0 && t->dry_run == DRY_RUN_CLIENT)
        prepare_dry_run(c);
    else if (rc == 0)
        json_write(&body, c->tree, false);
    call.body = buf_bytes(&body);
    if (rc == 0 && (c->arena.failed || body.failed))
        rc = tidectl_say_no_memory();
    if (rc == 0 && t->dry_run != DRY_RUN_CLIENT && call_object(t, &call, &made, &error) != TW_OK) {
        rc = fail(resource, error);
    }
    if (rc == 0 &&
        !output_done(t, &output, resource, made != NULL ? made->tree : c->tree, "created"))
        rc = EXIT_FAILED;
    tw_object_unref(made);
    output_release(&output);
    buf_release(&body);
    arena_release(&c->arena);
    return rc;
}

/* ---- data ---- */

static bool is_key(struct bytes key)
{
    for (size_t i = 0; i < key.len; i++) {
        char ch = key.ptr[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
              memchr("-._", ch, 3) != NULL))
            return false;
    }
    return key.len != 0;
}

static bool add_entry(struct creating *c, struct bytes key, struct bytes value)
{
    bool binary = !utf8_is_valid(value) && !c->encodes;
    struct json *data = json_ensure_object(&c->arena, c->tree, binary ? "binaryData" : "data");

    if (!is_key(key))
        return tidectl_say("\"%.*s\" is not a valid key name: a valid config key must consist of "
                           "alphanumeric characters, '-', '_' or '.'",
                           BYTES_FMT(key)) == 0;
    if (json_get(json_get(c->tree, BYTES("data")), key) != NULL ||
        json_get(json_get(c->tree, BYTES("binaryData")), key) != NULL)
        return tidectl_say("cannot add key \"%.*s\", another key by that name already exists in "
                           "Data for %s \"%s\"",
                           BYTES_FMT(key), c->encodes ? "Secret" : "ConfigMap", c->name) == 0;
    if (c->encodes || binary) {
        struct buf text = {0};

        base64_encode(&text, value, BASE64_STANDARD);
        value = arena_dup(&c->arena, buf_bytes(&text));
        c->arena.failed |= text.failed;
        buf_release(&text);
    }
    json_set(data, key, json_new_string(&c->arena, value));
    return true;
}

static bool add_literal(struct creating *c, const char *text)
{
    struct bytes rest = bytes_str(text), key = bytes_cut(&rest, '=');

    if (rest.ptr == NULL || key.len == 0)
        return tidectl_say("invalid literal source %s, expected key=value", text) == 0;
    if (rest.len >= 2 && (rest.ptr[0] == '"' || rest.ptr[0] == '\'') &&
        rest.ptr[rest.len - 1] == rest.ptr[0])
        rest = bytes_of(rest.ptr + 1, rest.len - 2);
    return add_entry(c, key, rest);
}

static bool add_file(struct creating *c, struct bytes key, const char *path)
{
    struct buf text = {0};
    bool ok = output_read_file(path, &text);

    if (ok)
        ok = add_entry(c, key, arena_dup(&c->arena, buf_bytes(&text)));
    buf_release(&text);
    return ok;
}

/* Each file of a folder whose name can be a key. */
static bool add_folder(struct creating *c, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    bool ok = count >= 0 || tidectl_say("cannot read %s: %m", path) == 0;

    for (int i = 0; i < count; i++) {
        struct bytes name = arena_dup(&c->arena, bytes_str(entries[i]->d_name));
        const char *full = arena_printf(&c->arena, "%s/%s", path, entries[i]->d_name).ptr;
        struct stat info;

        if (full != NULL && stat(full, &info) == 0 && S_ISREG(info.st_mode) && is_key(name))
            ok = add_file(c, name, full) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool add_path(struct creating *c, const char *text)
{
    const char *equals = strchr(text, '='), *slash = strrchr(text, '/');
    struct stat info;

    if (equals != NULL)
        return add_file(c, bytes_of(text, (size_t)(equals - text)), equals + 1);
    if (stat(text, &info) == 0 && S_ISDIR(info.st_mode))
        return add_folder(c, text);
    return add_file(c, bytes_str(slash != NULL ? slash + 1 : text), text);
}

/* Lines KEY=VALUE; one without a value takes that of the environment. */
static bool add_env_file(struct creating *c, const char *path)
{
    struct buf text = {0};
    struct bytes rest = {0};
    bool ok = output_read_file(path, &text);

    if (ok)
        rest = arena_dup(&c->arena, buf_bytes(&text));
    while (ok && rest.len != 0) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n')), key = bytes_cut(&line, '=');

        if (key.len == 0 || key.ptr[0] == '#')
            continue;
        if (line.ptr == NULL)
            line = bytes_str(getenv(arena_str(&c->arena, key)));
        ok = add_entry(c, key, line.ptr != NULL ? line : BYTES(""));
    }
    buf_release(&text);
    return ok;
}

static bool add_data(struct creating *c)
{
    static const struct {
        size_t list; /* in struct flags */
        bool (*add)(struct creating *c, const char *text);
    } sources[] = {{offsetof(struct flags, from_files), add_path},
                   {offsetof(struct flags, from_env_files), add_env_file},
                   {offsetof(struct flags, literals), add_literal}};
    bool ok = true;

    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        const struct flag_list *list = (const void *)((const char *)&c->t->flags + sources[i].list);

        for (size_t j = 0; j < list->count; j++)
            ok = sources[i].add(c, list->items[j]) && ok;
    }
    return ok;
}

/* ---- the commands ---- */

int tidectl_create_configmap(struct tidectl *t)
{
    struct creating c = {.encodes = false};

    return finish(&c, &configmaps, begin(&c, t, &configmaps) && add_data(&c));
}

int tidectl_create_secret(struct tidectl *t)
{
    struct creating c = {.encodes = true};
    bool ok = begin(&c, t, &secrets) && add_data(&c);

    if (ok && t->flags.type != NULL)
        json_set_text(&c.arena, c.tree, "type", bytes_str(t->flags.type));
    return finish(&c, &secrets, ok);
}

int tidectl_create_namespace(struct tidectl *t)
{
    struct creating c = {.encodes = false};
    bool ok = begin(&c, t, &namespaces);

    if (ok) {
        json_ensure_object(&c.arena, c.tree, "spec");
        json_ensure_object(&c.arena, c.tree, "status");
    }
    return finish(&c, &namespaces, ok);
}

int tidectl_create_service_account(struct tidectl *t)
{
    struct creating c = {.encodes = false};

    return finish(&c, &service_accounts, begin(&c, t, &service_accounts));
}

/* The name of an image without its place, tag and digest names the container. */
static struct bytes image_name(struct bytes image)
{
    while (bytes_find(image, '/') < image.len)
        bytes_cut(&image, '/');
    image = bytes_cut(&image, '@');
    return bytes_cut(&image, ':');
}

int tidectl_create_deployment(struct tidectl *t)
{
    struct creating c = {.encodes = false};
    struct json *app = NULL, *tree = NULL;
    uint64_t replicas = 1;
    bool ok = begin(&c, t, &deployments);
    struct bytes image = bytes_str(t->flags.image), text;
    struct buf spec = {0};

    if (ok && t->flags.image == NULL)
        ok = tidectl_say("required flag(s) \"image\" not set") == 0;
    if (ok && t->flags.replicas != NULL && !bytes_to_u64(bytes_str(t->flags.replicas), &replicas))
        ok = tidectl_say("invalid argument \"%s\" for \"--replicas\" flag", t->flags.replicas) == 0;
    if (ok) {
        app = json_new_object(&c.arena);
        json_set_text(&c.arena, app, "app", bytes_str(c.name));
        json_set(c.metadata, BYTES("labels"), app);
        buf_appendf(&spec,
                    "{\"replicas\":%llu,\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},"
                    "\"strategy\":{},\"template\":{\"metadata\":{\"creationTimestamp\":null,"
                    "\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{\"image\":",
                    (unsigned long long)replicas, c.name, c.name);
        json_write_string(&spec, image);
        buf_append_str(&spec, ",\"name\":");
        json_write_string(&spec, image_name(image));
        buf_append_str(&spec, ",\"resources\":{}}]}}}");
        text = arena_dup(&c.arena, buf_bytes(&spec));
        ok = json_parse(&c.arena, text, &tree, NULL, NULL) == STATUS_OK ||
             tidectl_say("\"%s\" is no name", c.name) == 0;
        json_set(c.tree, BYTES("spec"), tree);
        json_ensure_object(&c.arena, c.tree, "status");
    }
    buf_release(&spec);
    return finish(&c, &deployments, ok);
}
