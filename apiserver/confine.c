#include "apiserver/confine.h"

#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "apiserver/process/sandbox.h"
#include "base/arena.h"
#include "base/log.h"

enum { FOLDERS_MAX = 64 };

struct folders {
    struct arena arena;
    struct sandbox_folder list[FOLDERS_MAX];
    size_t count;
    bool too_many;
};

static void add(struct folders *folders, const char *path, bool writable)
{
    if (folders->count == FOLDERS_MAX)
        folders->too_many = true;
    else
        folders->list[folders->count++] = (struct sandbox_folder){path, writable};
}

static const char *folder_of(struct folders *folders, const char *path)
{
    return dirname((char *)arena_str(&folders->arena, bytes_str(path)));
}

static bool is_link(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/* The folder that names it, and the one it really is in: certificates are often links. A folder
 * that is a link is one to be pointed at its target's neighbour. */
static void add_folder_of(struct folders *folders, struct bytes file, bool writable)
{
    const char *path = arena_str(&folders->arena, file), *folder = folder_of(folders, path);
    char *real = realpath(path, NULL);

    add(folders, folder, writable);
    if (real != NULL) {
        const char *target = folder_of(folders, real);

        add(folders, is_link(folder) ? folder_of(folders, target) : target, writable);
    }
    free(real);
}

static void add_read_at_reload(struct folders *folders, const struct config *config)
{
    const char *const files[] = {
        config->config_file,
        config->tls_cert_file,
        config->tls_private_key_file,
        config->client_ca_file,
        config->token_auth_file,
        config->service_account_signing_key_file,
        config->encryption_provider_config,
    };
    struct bytes more = bytes_str(config->service_account_key_file);

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i] != NULL)
            add_folder_of(folders, bytes_str(files[i]), false);
    while (more.len != 0) {
        struct bytes file = bytes_cut(&more, ',');

        add_folder_of(folders, file, false);
    }
}

void confine(const struct config *config)
{
    struct folders folders = {0};
    struct sandbox got = {0};

    if (config->no_sandbox || !sandbox_possible())
        return;
    add_folder_of(&folders, arena_printf(&folders.arena, "%s/tidewatch.db", config->data_dir),
                  true);
    if (config->cert_dir != NULL)
        add(&folders, config->cert_dir, true);
    add_read_at_reload(&folders, config);
    if (config->audit_log_path != NULL && strcmp(config->audit_log_path, "-") != 0)
        add_folder_of(&folders, bytes_str(config->audit_log_path), true);
    add(&folders, "/proc/self", false); /* metrics of the process */
    if (!folders.too_many)
        got = sandbox_enter(folders.list, folders.count);
    arena_release(&folders.arena);
    if (got.files && got.calls)
        LOG_DEBUG("sandbox entered");
    else
        LOG_WARN("the sandbox is not whole: too old a kernel, or one that forbids it",
                 LOG_STR("files", got.files ? "confined" : "open"),
                 LOG_STR("calls", got.calls ? "confined" : "open"));
}
