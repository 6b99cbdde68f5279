#include "client-go-like/tidectl/kubeconfig_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client-go-like/tidectl/output.h"
#include "codec/yaml.h"

static bool read_one(struct kubeconfig_files *files, struct bytes path)
{
    const char *name = arena_str(&files->arena, path);
    struct json *tree = NULL;
    struct error error = {0};
    struct buf text = {0};
    bool ok = true;

    if (path.len == 0 || files->count == KUBECONFIG_FILES_MAX)
        return true;
    if (access(name, F_OK) == 0)
        ok = output_read_file(name, &text);
    if (ok && text.len != 0 &&
        yaml_parse(&files->arena, arena_dup(&files->arena, buf_bytes(&text)), &tree, &error) !=
            STATUS_OK)
        ok = tidectl_say("error loading config file \"%s\": %s", name, error_message(&error)) == 0;
    if (!json_is(tree, JSON_OBJECT))
        tree = json_new_object(&files->arena);
    files->files[files->count].path = name;
    files->files[files->count++].tree = tree;
    error_release(&error);
    buf_release(&text);
    return ok && tree != NULL;
}

bool kubeconfig_files_read(const struct tidectl *t, struct kubeconfig_files *files)
{
    struct bytes list = bytes_str(getenv("KUBECONFIG"));
    const char *home = getenv("HOME");
    bool ok = true;

    if (t->flags.kubeconfig != NULL)
        return read_one(files, bytes_str(t->flags.kubeconfig));
    while (list.len != 0)
        ok = read_one(files, bytes_cut(&list, ':')) && ok;
    if (files->count == 0)
        ok = read_one(files,
                      arena_printf(&files->arena, "%s/.kube/config", home != NULL ? home : "")) &&
             ok;
    return ok;
}

void kubeconfig_files_release(struct kubeconfig_files *files)
{
    arena_release(&files->arena);
}

struct json *kubeconfig_entry(const struct json *tree, const char *list, struct bytes name)
{
    json_each(json_get(tree, bytes_str(list)), it) {
        if (bytes_eq(json_get_text(it, "name"), name))
            return it;
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return bytes_cmp(json_get_text(*(struct json *const *)a, "name"),
                     json_get_text(*(struct json *const *)b, "name"));
}

/* A list of all files, each name once, in the order of names; null if it is empty, as Go writes it.
 */
static struct json *merge_list(struct kubeconfig_files *files, const char *list)
{
    struct json *merged = json_new_array(&files->arena), *sorted = json_new_array(&files->arena);
    struct json **items;
    size_t count = 0;

    for (size_t i = 0; i < files->count; i++) {
        json_each(json_get(files->files[i].tree, bytes_str(list)), it) {
            bool there = false;

            json_each(merged, old) {
                there = there || bytes_eq(json_get_text(old, "name"), json_get_text(it, "name"));
            }
            if (!there)
                json_append(merged, json_copy(&files->arena, it));
        }
    }
    if (merged == NULL || merged->count == 0)
        return json_new_null(&files->arena);
    items = arena_alloc(&files->arena, merged->count * sizeof(*items));
    if (items == NULL)
        return NULL;
    json_each(merged, it) {
        items[count++] = it;
    }
    qsort(items, count, sizeof(struct json *), by_name);
    for (size_t i = 0; i < count; i++)
        json_append(sorted, json_copy(&files->arena, items[i]));
    return sorted;
}

struct json *kubeconfig_files_merge(struct kubeconfig_files *files)
{
    static const char *const lists[] = {"clusters", "contexts", "users"};
    struct json *merged = json_new_object(&files->arena);
    struct bytes current = BYTES("");

    json_set_text(&files->arena, merged, "apiVersion", BYTES("v1"));
    json_set_text(&files->arena, merged, "kind", BYTES("Config"));
    json_set(merged, BYTES("preferences"), json_new_object(&files->arena));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        json_set(merged, bytes_str(lists[i]), merge_list(files, lists[i]));
    for (size_t i = 0; i < files->count && current.len == 0; i++)
        current = json_get_text(files->files[i].tree, "current-context");
    json_set_text(&files->arena, merged, "current-context",
                  current.ptr != NULL ? current : BYTES(""));
    return files->arena.failed ? NULL : merged;
}

bool kubeconfig_files_write(const struct kubeconfig_files *files, size_t index)
{
    const char *path = files->files[index].path;
    struct buf text = {0}, temporary = {0};
    FILE *file = NULL;
    int fd = -1;
    bool ok = false;

    yaml_write(&text, files->files[index].tree);
    buf_appendf(&temporary, "%s.XXXXXX", path);
    buf_append_char(&temporary, '\0');
    if (text.failed || temporary.failed || files->arena.failed)
        tidectl_say_no_memory();
    else if ((fd = mkstemp(temporary.data)) < 0 || (file = fdopen(fd, "w")) == NULL)
        tidectl_say("cannot write %s: %m", path);
    else
        ok = fwrite(text.data, 1, text.len, file) == text.len;
    if (file != NULL)
        ok = fclose(file) == 0 && ok; /* 0600, as mkstemp() makes them */
    if (file != NULL && (!ok || rename(temporary.data, path) != 0)) {
        ok = tidectl_say("cannot write %s: %m", path) == 0;
        unlink(temporary.data);
    }
    buf_release(&text);
    buf_release(&temporary);
    return ok;
}
