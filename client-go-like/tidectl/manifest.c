#include "client-go-like/tidectl/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client-go-like/tidectl/commands.h"
#include "codec/yaml.h"

enum { FILE_MAX = 256 * 1024 * 1024 };

void manifests_release(struct manifests *m)
{
    free(m->items);
    arena_release(&m->arena);
}

static bool read_stream(FILE *file, struct buf *text)
{
    size_t got;

    do {
        if (!buf_reserve(text, 65536))
            return false;
        got = fread(text->data + text->len, 1, 65536, file);
        text->len += got;
    } while (got != 0 && text->len <= FILE_MAX);
    return !ferror(file) && text->len <= FILE_MAX;
}

static bool add(struct manifests *m, struct json *tree, const char *source)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity != 0 ? m->capacity * 2 : 16;
        struct manifest *items = realloc(m->items, capacity * sizeof(*items));

        if (items == NULL)
            return false;
        m->items = items;
        m->capacity = capacity;
    }
    m->items[m->count++] = (struct manifest){.tree = tree, .source = source};
    return true;
}

/* A List stands for its items. */
static bool add_document(struct manifests *m, struct json *tree, const char *source)
{
    struct json *items = json_get(tree, BYTES("items"));

    if (!bytes_ends_with(json_get_text(tree, "kind"), BYTES("List")) || !json_is(items, JSON_ARRAY))
        return add(m, tree, source);
    json_each(items, item) {
        if (!add(m, item, source))
            return false;
    }
    return true;
}

/* JSON is read as JSON: it keeps numbers exact and is the faster reader. What only looks like it is
 * tried as YAML, whose words about it are better. */
static enum status parse(struct manifests *m, struct bytes text, struct json **ret_array,
                         struct error *reterr)
{
    struct json *single = NULL;

    if (bytes_starts_with(bytes_trim(text), BYTES("{")) &&
        json_parse(&m->arena, text, &single, NULL, NULL) == STATUS_OK) {
        *ret_array = json_new_array(&m->arena);
        json_append(*ret_array, single);
        return m->arena.failed ? STATUS_NO_MEMORY : STATUS_OK;
    }
    return yaml_parse_all(&m->arena, text, ret_array, reterr);
}

static bool add_text(struct manifests *m, struct bytes text, const char *source)
{
    struct error error = {0};
    struct json *documents = NULL;
    bool ok = true;

    if (parse(m, arena_dup(&m->arena, text), &documents, &error) != STATUS_OK) {
        tidectl_say("error parsing %s: %s", source, error_message(&error));
        error_release(&error);
        return false;
    }
    json_each(documents, document) {
        ok = ok && add_document(m, document, source);
    }
    return ok || tidectl_say("out of memory") == 0;
}

static bool add_file(struct manifests *m, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    struct buf text = {0};
    bool ok;

    if (file == NULL)
        return tidectl_say(errno == ENOENT ? "the path \"%s\" does not exist"
                                           : "the path \"%s\" cannot be accessed: %m",
                           path) == 0;
    ok = read_stream(file, &text) || tidectl_say("cannot read %s: %m", path) == 0;
    if (!is_stdin)
        fclose(file);
    if (ok)
        ok = add_text(m, buf_bytes(&text),
                      is_stdin ? "STDIN" : arena_str(&m->arena, bytes_str(path)));
    buf_release(&text);
    return ok;
}

static bool is_manifest(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static bool is_folder(const char *path)
{
    struct stat info;

    return strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum { FOLDERS_DEEP = 32 };

/* Its files, in the order of their names; with -R also those of the folders in it. */
static bool add_folder(struct tidectl *t, struct manifests *m, const char *path, int depth)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    bool ok = count >= 0 || tidectl_say("cannot read %s: %m", path) == 0;

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const char *full = arena_printf(&m->arena, "%s/%s", path, name).ptr;

        if (full == NULL)
            ok = tidectl_say_no_memory() == 0;
        else if (is_folder(full) && t->flags.recursive && name[0] != '.' && depth < FOLDERS_DEEP)
            ok = add_folder(t, m, full, depth + 1) && ok;
        else if (is_manifest(name) && !is_folder(full))
            ok = add_file(m, full) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool add_path(struct tidectl *t, struct manifests *m, const char *path)
{
    size_t before = m->count;

    if (!is_folder(path))
        return add_file(m, path);
    if (!add_folder(t, m, path, 0))
        return false;
    return m->count != before ||
           tidectl_say("error reading [%s]: recognized file extensions are [.json .yaml .yml]",
                       path) == 0;
}

/* Where it goes: its own namespace, which --namespace may not contradict, or ours. */
static bool place(struct tidectl *t, struct manifests *m, struct manifest *item)
{
    struct json *metadata = json_ensure_object(&m->arena, item->tree, "metadata");
    struct bytes ns = json_get_text(metadata, "namespace");

    item->name = arena_str(&m->arena, json_get_text(metadata, "name"));
    if (!item->info->resource.namespaced)
        return true;
    if (ns.len == 0) {
        ns = bytes_str(tw_client_namespace(t->client));
        json_set_text(&m->arena, metadata, "namespace", ns);
    } else if (t->flags.ns != NULL && !bytes_eq_str(ns, t->flags.ns)) {
        return tidectl_say("the namespace from the provided object \"%.*s\" does not match the "
                           "namespace \"%s\". You must pass '--namespace=%.*s' to perform this "
                           "operation.",
                           BYTES_FMT(ns), t->flags.ns, BYTES_FMT(ns)) == 0;
    }
    item->ns = arena_str(&m->arena, ns);
    return true;
}

static bool identify(struct tidectl *t, struct manifests *m, struct manifest *item)
{
    const char *version = arena_str(&m->arena, json_get_text(item->tree, "apiVersion"));
    const char *kind = arena_str(&m->arena, json_get_text(item->tree, "kind"));
    tw_error *error = NULL;
    tw_status st;

    if (*kind == '\0' || *version == '\0')
        return tidectl_say("error validating \"%s\": %s not set", item->source,
                           *version == '\0' ? "apiVersion" : "kind") == 0;
    st = tw_discovery_find_kind(t->discovery, version, kind, &item->info, &error);
    if (st == TW_ERR_NO_MATCH) {
        struct bytes name = json_text(json_at(item->tree, "metadata", "name", NULL));

        tidectl_say("resource mapping not found for name: \"%.*s\" namespace: \"%.*s\" from "
                    "\"%s\": %s\nensure CRDs are installed first",
                    BYTES_FMT(name),
                    BYTES_FMT(json_text(json_at(item->tree, "metadata", "namespace", NULL))),
                    item->source, tw_error_message(error));
        tw_error_free(error);
        return false;
    }
    return st == TW_OK ? place(t, m, item) : tidectl_fail(error) == 0;
}

bool manifests_read(struct tidectl *t, struct manifests *m)
{
    bool ok = true;

    if (t->flags.files.count == 0)
        return tidectl_say("must specify one of -f and -k") == 0;
    for (size_t i = 0; i < t->flags.files.count; i++)
        ok = add_path(t, m, t->flags.files.items[i]) && ok;
    for (size_t i = 0, kept = 0, count = m->count; i < count; i++) {
        if (!identify(t, m, &m->items[i]))
            ok = false;
        else
            m->items[kept++] = m->items[i];
        m->count = kept;
    }
    if (ok && m->count == 0)
        return tidectl_say("no objects passed to %s", t->command->name) == 0;
    return ok && (!m->arena.failed || tidectl_say("out of memory") == 0);
}
