#include "client-go-like/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client-go-like/config/exec_plugin.h"
#include "codec/yaml.h"

/* The files of one lookup, in order. An entry is taken whole from the first file that has it, as
 * client-go's clientcmd does: it says why, the second file's fields must not leak into it. */
enum { FILES_MAX = 32 };

struct kubeconfig {
    struct arena arena;
    struct {
        struct json *tree;
        const char *path;
    } files[FILES_MAX];
    size_t count;
};

static tw_status read_one(struct kubeconfig *all, const char *path, tw_error **reterr)
{
    struct buf text = {0};
    struct error detail = {0};
    struct json *tree = NULL;
    struct bytes kept;
    tw_status st = config_read_file(path, &text, reterr);

    if (st != TW_OK)
        return st;
    if (all->count == FILES_MAX) {
        buf_release(&text);
        return tw_fail(reterr, TW_ERR_CONFIG, "more than %d kubeconfig files", FILES_MAX);
    }
    kept = arena_dup(&all->arena, buf_bytes(&text));
    buf_release(&text);
    if (yaml_parse(&all->arena, kept, &tree, &detail) != STATUS_OK) {
        if (all->arena.failed) /* whatever it took the missing bytes for */
            detail.status = STATUS_NO_MEMORY;
        return tw_fail_detail(reterr, TW_ERR_CONFIG, path, &detail);
    }
    if (!json_is(tree, JSON_OBJECT) && !json_is(tree, JSON_NULL))
        return tw_fail(reterr, TW_ERR_CONFIG, "%s: not a kubeconfig", path);
    all->files[all->count].tree = tree;
    all->files[all->count++].path = arena_str(&all->arena, bytes_str(path));
    return all->arena.failed ? tw_fail_no_memory(reterr) : TW_OK;
}

/* A list of paths; those that do not exist are passed over. */
static tw_status read_list(struct kubeconfig *all, const char *list, tw_error **reterr)
{
    struct bytes rest = bytes_str(list);

    while (rest.len != 0) {
        struct bytes part = bytes_cut(&rest, ':');
        const char *path = arena_str(&all->arena, part);
        tw_status st;

        if (part.len == 0 || access(path, F_OK) != 0)
            continue;
        st = read_one(all, path, reterr);
        if (st != TW_OK)
            return st;
    }
    return TW_OK;
}

static tw_status read_files(struct kubeconfig *all, const char *path, tw_error **reterr)
{
    const char *env = getenv("KUBECONFIG"), *home = getenv("HOME");
    struct bytes standard;

    if (path != NULL)
        return read_one(all, path, reterr);
    if (env != NULL && *env != '\0')
        return read_list(all, env, reterr);
    if (home == NULL || *home == '\0')
        return TW_OK;
    standard = arena_printf(&all->arena, "%s/.kube/config", home);
    if (all->arena.failed)
        return tw_fail_no_memory(reterr);
    return access(standard.ptr, F_OK) == 0 ? read_one(all, standard.ptr, reterr) : TW_OK;
}

/* The entry `name` of the list `kind` ("clusters"): its member `body` ("cluster"), and the file. */
static const struct json *find_entry(const struct kubeconfig *all, const char *kind,
                                     const char *body, struct bytes name, const char **ret_path)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct json *list = json_get(all->files[i].tree, bytes_str(kind));

        json_each(list, entry) {
            if (!bytes_eq(json_get_text(entry, "name"), name))
                continue;
            *ret_path = all->files[i].path;
            return json_get(entry, bytes_str(body));
        }
    }
    return NULL;
}

static struct bytes current_context(const struct kubeconfig *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct bytes name = json_get_text(all->files[i].tree, "current-context");

        if (name.len != 0)
            return name;
    }
    return bytes_of(NULL, 0);
}

/* One cluster or user entry on its way into a config. */
struct entry {
    const struct json *node;
    const char *what, *path; /* "cluster", and the file it stands in */
    struct bytes name;
    struct arena *arena;
    const struct json *cluster; /* of a user: the cluster it comes with */
};

static tw_status keep_text(const struct entry *e, const char *member, char **to, tw_error **reterr)
{
    return config_replace(to, json_get_text(e->node, member)) ? TW_OK : tw_fail_no_memory(reterr);
}

/* A path is relative to the file that names it. */
static struct bytes resolve_path(const struct entry *e, struct bytes path)
{
    const char *slash = strrchr(e->path, '/');

    if (path.len == 0 || path.ptr[0] == '/' || slash == NULL)
        return path;
    return arena_printf(e->arena, "%.*s/%.*s", (int)(slash - e->path), e->path, BYTES_FMT(path));
}

/* It must be readable now: a later, vaguer failure
 * inside TLS helps nobody. */
static tw_status keep_path(const struct entry *e, const char *member, char **to, tw_error **reterr)
{
    struct bytes path = resolve_path(e, json_get_text(e->node, member));

    if (path.len == 0 && !e->arena->failed)
        return TW_OK;
    if (e->arena->failed || !config_replace(to, path))
        return tw_fail_no_memory(reterr);
    if (access(*to, R_OK) != 0)
        return tw_fail(reterr, TW_ERR_CONFIG, "unable to read %s %s for %s \"%.*s\": %s", member,
                       *to, e->what, BYTES_FMT(e->name), strerror(errno));
    return TW_OK;
}

/* `x-data` holds the file's content in base64, and wins over `x`. */
static tw_status keep_data(const struct entry *e, const char *member, char **to, tw_error **reterr)
{
    struct bytes text = json_get_text(e->node, member);
    bool bad;

    if (text.len == 0)
        return TW_OK;
    free(*to);
    *to = config_base64_decode(text, &bad);
    if (bad)
        return tw_fail(reterr, TW_ERR_CONFIG, "%s of %s \"%.*s\" in %s is no base64", member,
                       e->what, BYTES_FMT(e->name), e->path);
    return *to != NULL ? TW_OK : tw_fail_no_memory(reterr);
}

/* What the cluster has to say to plugins (client.authentication.k8s.io: spec.cluster.config). */
static const struct json *plugin_extension(const struct json *cluster)
{
    json_each(json_get(cluster, BYTES("extensions")), row) {
        if (bytes_eq(json_get_text(row, "name"), BYTES("client.authentication.k8s.io/exec")))
            return json_get(row, BYTES("extension"));
    }
    return NULL;
}

/* A command with a slash in it is a path, as of any file. */
static tw_status keep_exec(const struct entry *e, const char *member, char **to, tw_error **reterr)
{
    const struct json *node = json_get(e->node, bytes_str(member)), *extension;
    struct bytes command = json_get_text(node, "command");
    struct json *exec;
    struct buf text = {0};
    tw_status st;

    if (node == NULL || json_is(node, JSON_NULL))
        return TW_OK;
    st = exec_plugin_check(node, e->name, reterr);
    if (st != TW_OK)
        return st;
    exec = json_copy(e->arena, node);
    if (bytes_find(command, '/') != command.len)
        json_set_text(e->arena, exec, "command", resolve_path(e, command));
    if ((extension = plugin_extension(e->cluster)) != NULL)
        json_set(exec, BYTES(CONFIG_EXEC_EXTENSION), json_copy(e->arena, extension));
    if (!e->arena->failed)
        json_write(&text, exec, false);
    if (e->arena->failed || text.failed || !config_replace(to, buf_bytes(&text)))
        st = tw_fail_no_memory(reterr);
    buf_release(&text);
    return st;
}

typedef tw_status keep_fn(const struct entry *e, const char *member, char **to, tw_error **reterr);

struct field {
    const char *member;
    keep_fn *keep;
    size_t offset; /* in tw_config */
};

static const struct field cluster_fields[] = {
    {"certificate-authority", keep_path, offsetof(tw_config, ca_file)},
    {"certificate-authority-data", keep_data, offsetof(tw_config, ca_data)},
    {"tls-server-name", keep_text, offsetof(tw_config, tls_server_name)},
    {"proxy-url", keep_text, offsetof(tw_config, proxy)},
};

static const struct field user_fields[] = {
    {"client-certificate", keep_path, offsetof(tw_config, cert_file)},
    {"client-certificate-data", keep_data, offsetof(tw_config, cert_data)},
    {"client-key", keep_path, offsetof(tw_config, key_file)},
    {"client-key-data", keep_data, offsetof(tw_config, key_data)},
    {"token", keep_text, offsetof(tw_config, token)},
    {"tokenFile", keep_path, offsetof(tw_config, token_file)},
    {"username", keep_text, offsetof(tw_config, username)},
    {"password", keep_text, offsetof(tw_config, password)},
    {"exec", keep_exec, offsetof(tw_config, exec)},
};

static tw_status keep_fields(const struct entry *e, const struct field *fields, size_t count,
                             tw_config *config, tw_error **reterr)
{
    tw_status st = TW_OK;

    for (size_t i = 0; i < count && st == TW_OK; i++)
        st = fields[i].keep(e, fields[i].member, (char **)((char *)config + fields[i].offset),
                            reterr);
    return st;
}

static tw_status use_cluster(struct entry *e, tw_config *config, tw_error **reterr)
{
    struct bytes server = json_get_text(e->node, "server");
    tw_status st;

    if (server.len == 0)
        return tw_fail(reterr, TW_ERR_CONFIG, "cluster \"%.*s\" in %s has no server",
                       BYTES_FMT(e->name), e->path);
    config->insecure = json_is_true(json_get(e->node, BYTES("insecure-skip-tls-verify")));
    st = config_set_server(config, server, reterr);
    if (st == TW_OK)
        st = keep_fields(e, cluster_fields, ARRAY_LEN(cluster_fields), config, reterr);
    return st;
}

/* A NULL-terminated array of the strings of `list`, behind what `texts` has. */
static size_t add_texts(struct arena *arena, const struct json *list, const char *name,
                        const char **texts, size_t count)
{
    json_each(list, it) {
        if (texts != NULL && name != NULL)
            texts[count] = name;
        count += name != NULL;
        if (texts != NULL)
            texts[count] = arena_str(arena, json_text(it));
        count++;
    }
    return count;
}

/* as-groups, or as-user-extra with its names: counted first, then filled. */
static const char **make_texts(struct arena *arena, const struct json *node)
{
    const char **texts = NULL;

    for (int pass = 0; pass < 2; pass++) {
        size_t count = 0;

        if (json_is(node, JSON_OBJECT)) {
            json_each(node, member) {
                const char *name = arena_str(arena, member->key);

                count = add_texts(arena, member, name, texts, count);
            }
        } else {
            count = add_texts(arena, node, NULL, texts, 0);
        }
        if (pass == 0 && (texts = arena_zalloc(arena, (count + 1) * sizeof(*texts))) == NULL)
            return NULL;
    }
    return texts;
}

static tw_status use_impersonation(const struct entry *e, tw_config *config, tw_error **reterr)
{
    struct bytes uid = json_get_text(e->node, "as-uid");
    const tw_impersonation who = {
        .user = arena_str(e->arena, json_get_text(e->node, "as")),
        .uid = uid.len != 0 ? arena_str(e->arena, uid) : NULL,
        .groups = make_texts(e->arena, json_get(e->node, BYTES("as-groups"))),
        .extra = make_texts(e->arena, json_get(e->node, BYTES("as-user-extra"))),
    };
    tw_error *own = NULL;
    tw_status st;

    if (e->arena->failed)
        return tw_fail_no_memory(reterr);
    st = tw_config_set_impersonation(config, &who, &own);
    if (st == TW_ERR_ARGUMENT)
        st = tw_fail(reterr, TW_ERR_CONFIG, "user \"%.*s\" in %s: %s", BYTES_FMT(e->name), e->path,
                     tw_error_message(own));
    else if (st != TW_OK)
        st = tw_fail_no_memory(reterr);
    tw_error_free(own);
    return st;
}

static tw_status use_user(struct entry *e, tw_config *config, tw_error **reterr)
{
    tw_status st;

    if (json_get(e->node, BYTES("auth-provider")) != NULL)
        return tw_fail(reterr, TW_ERR_CONFIG,
                       "user \"%.*s\" in %s uses auth-provider, which is not supported",
                       BYTES_FMT(e->name), e->path);
    st = keep_fields(e, user_fields, ARRAY_LEN(user_fields), config, reterr);
    return st == TW_OK ? use_impersonation(e, config, reterr) : st;
}

static tw_status use_context(struct kubeconfig *all, const struct json *context, tw_config *config,
                             tw_error **reterr)
{
    struct entry cluster = {.what = "cluster", .arena = &all->arena};
    struct entry user = {.what = "user", .arena = &all->arena};
    tw_status st;

    cluster.name = json_get_text(context, "cluster");
    cluster.node = find_entry(all, "clusters", "cluster", cluster.name, &cluster.path);
    if (cluster.node == NULL)
        return tw_fail(reterr, TW_ERR_CONFIG, "cluster \"%.*s\" does not exist",
                       BYTES_FMT(cluster.name));
    st = use_cluster(&cluster, config, reterr);
    if (st != TW_OK)
        return st;
    if (!config_replace(&config->ns, json_get_text(context, "namespace")))
        return tw_fail_no_memory(reterr);
    user.cluster = cluster.node;
    user.name = json_get_text(context, "user");
    if (user.name.len == 0)
        return TW_OK;
    user.node = find_entry(all, "users", "user", user.name, &user.path);
    if (user.node == NULL)
        return tw_fail(reterr, TW_ERR_CONFIG, "auth info \"%.*s\" does not exist",
                       BYTES_FMT(user.name));
    return use_user(&user, config, reterr);
}

static tw_status resolve(struct kubeconfig *all, const char *wanted, tw_config **ret_config,
                         tw_error **reterr)
{
    struct bytes name = wanted != NULL ? bytes_str(wanted) : current_context(all);
    const struct json *context;
    const char *path = NULL;
    tw_config *config;
    tw_status st;

    if (name.len == 0)
        return TW_END;
    context = find_entry(all, "contexts", "context", name, &path);
    if (context == NULL)
        return tw_fail(reterr, TW_ERR_CONFIG, "context \"%.*s\" does not exist", BYTES_FMT(name));
    if ((config = config_new()) == NULL)
        return tw_fail_no_memory(reterr);
    st = use_context(all, context, config, reterr);
    if (st == TW_OK)
        *ret_config = config;
    else
        tw_config_free(config);
    return st;
}

tw_status kubeconfig_load(const char *path, const char *context, tw_config **ret_config,
                          tw_error **reterr)
{
    struct kubeconfig all = {.count = 0};
    tw_status st = read_files(&all, path, reterr);

    if (st == TW_OK)
        st = resolve(&all, context, ret_config, reterr);
    arena_release(&all.arena);
    return st;
}
