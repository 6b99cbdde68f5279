#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"

/* What is said of server and versions: version, api-versions, cluster-info. */

static void append_text(struct buf *out, const tw_object *server)
{
    const char *text = tw_object_get_string(server, "gitVersion");

    buf_appendf(out, "Client Version: v%s\n", tw_version());
    if (server != NULL)
        buf_appendf(out, "Server Version: %s\n", text != NULL ? text : "unknown");
}

static bool append_tree(struct output *output, struct buf *out, const tw_object *server)
{
    struct json *tree = json_new_object(&output->arena);
    struct json *client = json_ensure_object(&output->arena, tree, "clientVersion");

    json_set_text(&output->arena, client, "gitVersion", BYTES("v" TIDEWATCH_VERSION));
    json_set_text(&output->arena, client, "compiler", BYTES("cc"));
    if (server != NULL)
        json_set(tree, BYTES("serverVersion"), json_copy(&output->arena, server->tree));
    return !output->arena.failed && output_object(output, NULL, tree, out);
}

int tidectl_version_command(struct tidectl *t)
{
    struct output output;
    struct buf out = {0};
    tw_object *server = NULL;
    tw_error *error = NULL;
    int rc = 0;

    if (!output_begin(&output, &t->flags, 1u << OUTPUT_JSON | 1u << OUTPUT_YAML))
        return EXIT_FAILED;
    if (!t->flags.client_only &&
        (!tidectl_begin(t) || call_document(t, "/version", &server, &error) != TW_OK))
        rc = EXIT_FAILED; /* told behind what is known */
    if (output.form == OUTPUT_TABLE)
        append_text(&out, server);
    else if (!append_tree(&output, &out, server))
        rc = EXIT_FAILED;
    output_release(&output);
    tw_object_unref(server);
    rc = tidectl_finish(&out, rc);
    return error != NULL ? tidectl_fail(error) : rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Discovery names resources; their versions, each once, are what is asked for. */
int tidectl_api_versions(struct tidectl *t)
{
    struct arena arena = {0};
    struct buf out = {0};
    const char **versions;
    tw_error *error = NULL;
    size_t count = 0, all;

    if (tw_discovery_load(t->discovery, &error) != TW_OK)
        return tidectl_fail(error);
    all = tw_discovery_count(t->discovery);
    versions = arena_alloc(&arena, (all + 1) * sizeof(*versions));
    for (size_t i = 0; i < all && versions != NULL; i++) {
        const tw_resource *r = &tw_discovery_at(t->discovery, i)->resource;

        versions[count++] = *r->group != '\0'
                                ? arena_printf(&arena, "%s/%s", r->group, r->version).ptr
                                : r->version;
    }
    if (!arena.failed)
        qsort(versions, count, sizeof(*versions), by_text);
    for (size_t i = 0; i < count && !arena.failed; i++)
        if (i == 0 || strcmp(versions[i], versions[i - 1]) != 0)
            buf_appendf(&out, "%s\n", versions[i]);
    out.failed |= arena.failed;
    arena_release(&arena);
    return tidectl_finish(&out, 0);
}

int tidectl_cluster_info(struct tidectl *t)
{
    struct buf out = {0};
    tw_object *version = NULL;
    tw_error *error = NULL;

    if (call_document(t, "/version", &version, &error) != TW_OK) /* is it running at all? */
        return tidectl_fail(error);
    tw_object_unref(version);
    buf_appendf(&out, "Kubernetes control plane is running at %s\n", tw_config_server(t->config));
    return tidectl_finish(&out, 0);
}
