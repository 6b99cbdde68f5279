#include "apiserver/encryption/encryption_config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "apiserver/auth/read_file.h"
#include "apiserver/registry/kind.h"
#include "base/base64.h"
#include "base/log.h"
#include "codec/yaml.h"

enum { PLACE_MAX = 96, PREFIX_MAX = 600 };

struct reading {
    const char *name; /* of the file */
    struct arena arena;
    struct sealing *sealing;
    const struct json *entries;
    char place[PLACE_MAX]; /* in the file: resources[0].providers[1] */
};

/* ---- words ---- */

static void go_to(struct reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);
static void go_to(struct reading *reading, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(reading->place, sizeof(reading->place), format, args);
    va_end(args);
}

static enum status wrong(const struct reading *reading, struct error *reterr, const char *format,
                         ...) PRINTF_LIKE(3, 4);
static enum status wrong(const struct reading *reading, struct error *reterr, const char *format,
                         ...)
{
    struct buf words = {0};
    va_list args;

    va_start(args, format);
    buf_vappendf(&words, format, args);
    va_end(args);
    error_set(reterr, STATUS_BAD_REQUEST, "%s: %s%s%.*s", reading->name, reading->place,
              reading->place[0] != '\0' ? ": " : "", BYTES_FMT(buf_bytes(&words)));
    buf_release(&words);
    return STATUS_BAD_REQUEST;
}

/* Objects have the members that are known, and no others. */
static enum status check_members(const struct reading *reading, const struct json *object,
                                 const char *const *known, struct error *reterr)
{
    if (!json_is(object, JSON_OBJECT))
        return wrong(reading, reterr, "an object is expected");
    json_each(object, it) {
        size_t i = 0;

        while (known[i] != NULL && !bytes_eq_str(it->key, known[i]))
            i++;
        if (known[i] == NULL)
            return wrong(reading, reterr, "unknown field \"%.*s\"", BYTES_FMT(it->key));
    }
    return STATUS_OK;
}

static enum status need_list(const struct reading *reading, const struct json *object,
                             const char *name, const struct json **ret_list, struct error *reterr)
{
    const struct json *list = json_get(object, bytes_str(name));

    if (!json_is(list, JSON_ARRAY) || list->count == 0)
        return wrong(reading, reterr, "\"%s\" must be a list that is not empty", name);
    *ret_list = list;
    return STATUS_OK;
}

/* ---- keys ---- */

static void wipe(struct bytes text)
{
    if (text.len != 0)
        explicit_bzero((char *)text.ptr, text.len);
}

static enum status add_secret(struct reading *reading, struct bytes id, const struct buf *secret,
                              struct error *reterr)
{
    struct error err = {0};
    enum status st;

    if (secret->len != SEALING_SECRET_LEN)
        return wrong(reading, reterr,
                     "the secret has %zu bytes: of AES only AES-256 is supported, whose keys have "
                     "%d",
                     secret->len, SEALING_SECRET_LEN);
    st = sealing_add_key(reading->sealing, id, (const uint8_t *)secret->data, &err);
    if (st != STATUS_OK)
        st = wrong(reading, reterr, "%s", error_message(&err));
    error_release(&err);
    return st;
}

static enum status add_key(struct reading *reading, const struct json *key, struct error *reterr)
{
    static const char *const members[] = {"name", "secret", NULL};
    struct bytes text = json_get_text(key, "secret");
    struct buf secret = {0};
    enum status st = check_members(reading, key, members, reterr);

    if (st == STATUS_OK && !base64_decode(&secret, bytes_trim(text), BASE64_STANDARD))
        st = wrong(reading, reterr, "the secret is not base64");
    if (st == STATUS_OK)
        st = add_secret(reading, json_get_text(key, "name"), &secret, reterr);
    wipe(buf_bytes(&secret));
    buf_release(&secret);
    return st;
}

static enum status add_keys(struct reading *reading, const struct json *aesgcm, size_t entry,
                            size_t provider, struct bytes *ret_first, struct error *reterr)
{
    static const char *const members[] = {"keys", NULL};
    const struct json *keys = NULL;
    size_t n = 0;
    enum status st = check_members(reading, aesgcm, members, reterr);

    if (st == STATUS_OK)
        st = need_list(reading, aesgcm, "keys", &keys, reterr);
    json_each(keys, it) {
        go_to(reading, "resources[%zu].providers[%zu].aesgcm.keys[%zu]", entry, provider, n++);
        if (st == STATUS_OK)
            st = add_key(reading, it, reterr);
    }
    if (st == STATUS_OK)
        *ret_first = json_get_text(json_first(keys), "name");
    return st;
}

/* ---- providers ---- */

/* What becomes of a resource: the key that seals (empty: none does), and whether unsealed values
 * are taken. */
struct provided {
    bool decided;
    struct bytes id;
    bool takes_unsealed;
};

static enum status add_provider(struct reading *reading, const struct json *provider, size_t entry,
                                size_t at, struct provided *provided, struct error *reterr)
{
    static const char *const none[] = {NULL};
    const struct json *it = json_first(provider);
    struct bytes first = BYTES("");
    enum status st;

    if (!json_is(provider, JSON_OBJECT) || provider->count != 1)
        return wrong(reading, reterr, "exactly one provider is expected, as in `identity: {}`");
    if (bytes_eq_str(it->key, "aesgcm"))
        st = add_keys(reading, it, entry, at, &first, reterr);
    else if (bytes_eq_str(it->key, "identity"))
        st = json_is(it, JSON_NULL) ? STATUS_OK : check_members(reading, it, none, reterr);
    else
        st = wrong(reading, reterr,
                   "provider \"%.*s\" is not supported: there are aesgcm and identity",
                   BYTES_FMT(it->key));
    if (!provided->decided)
        provided->id = first;
    provided->decided = true;
    provided->takes_unsealed |= first.len == 0;
    return st;
}

static enum status read_providers(struct reading *reading, const struct json *list, size_t entry,
                                  struct provided *provided, struct error *reterr)
{
    enum status st = STATUS_OK;
    size_t n = 0;

    json_each(list, it) {
        go_to(reading, "resources[%zu].providers[%zu]", entry, n);
        if (st == STATUS_OK)
            st = add_provider(reading, it, entry, n++, provided, reterr);
    }
    return st;
}

/* ---- resources ---- */

static bool is_of(struct bytes text, const char *more)
{
    for (size_t i = 0; i < text.len; i++)
        if (!((text.ptr[i] >= 'a' && text.ptr[i] <= 'z') ||
              (text.ptr[i] >= '0' && text.ptr[i] <= '9') || strchr(more, text.ptr[i]) != NULL))
            return false;
    return text.len != 0 && memchr(text.ptr, '\0', text.len) == NULL;
}

/* "secrets" and "*." are of the core group, whose name is empty. */
static struct bytes group_of(struct bytes pattern)
{
    struct bytes group = pattern;

    bytes_cut(&group, '.');
    return group;
}

static enum status check_pattern(const struct reading *reading, struct bytes pattern,
                                 struct error *reterr)
{
    struct bytes group = pattern, plural = bytes_cut(&group, '.');

    if (bytes_eq_str(pattern, "*"))
        return wrong(reading, reterr, "\"*\" is ambiguous: use *. for the core group, or *.*");
    if (bytes_eq_str(pattern, "*.*") || bytes_eq_str(pattern, "*."))
        return STATUS_OK;
    if ((bytes_eq_str(plural, "*") || is_of(plural, "-")) &&
        (group.ptr == NULL ||
         (is_of(group, "-.") && !bytes_eq_str(group, "core") && !bytes_eq_str(group, "custom"))))
        return STATUS_OK;
    return wrong(reading, reterr,
                 "\"%.*s\" names no resource: plural, plural.group, *.group, *. and *.* do",
                 BYTES_FMT(pattern));
}

static bool covers(struct bytes wide, struct bytes pattern)
{
    return bytes_eq_str(wide, "*.*") || bytes_eq(wide, pattern) ||
           (bytes_starts_with(wide, BYTES("*.")) && bytes_eq(group_of(wide), group_of(pattern)) &&
            !bytes_eq_str(pattern, "*.*"));
}

/* Of one list none may cover another, and of the lists before none may cover this. */
static enum status check_turn(const struct reading *reading, const struct json *list,
                              const struct json *pattern, struct error *reterr)
{
    json_each(reading->entries, entry) {
        const struct json *other = json_get(entry, BYTES("resources"));

        json_each(other, it) {
            if (it == pattern)
                return STATUS_OK;
            if (covers(it->text, pattern->text) ||
                (other == list && covers(pattern->text, it->text)))
                return wrong(reading, reterr, "\"%.*s\" overlaps with \"%.*s\" before it",
                             BYTES_FMT(pattern->text), BYTES_FMT(it->text));
        }
    }
    return STATUS_OK;
}

/* Custom resources have a place of their own; of which kind one is may not be known yet. */
static enum status add_rules(struct reading *reading, struct bytes pattern,
                             const struct provided *provided, struct error *reterr)
{
    static const char *const roots[] = {"", "custom/"};
    struct bytes group = group_of(pattern), plural = pattern;
    bool core = group.len == 0, all = bytes_eq_str(pattern, "*.*");
    enum status st = STATUS_OK;

    plural = bytes_cut(&plural, '.');
    for (size_t i = 0; i < (core || all ? 1 : ARRAY_LEN(roots)) && st == STATUS_OK; i++) {
        struct buf prefix = {0};

        if (!all)
            buf_appendf(&prefix, "%s%.*s/", roots[i], BYTES_FMT(core ? BYTES("core") : group));
        if (!bytes_eq_str(plural, "*"))
            buf_appendf(&prefix, "%.*s/", BYTES_FMT(plural));
        st = prefix.failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory")
                           : sealing_add_rule(reading->sealing, buf_bytes(&prefix), provided->id,
                                              provided->takes_unsealed, reterr);
        buf_release(&prefix);
    }
    return st;
}

/* A kind that is misspelt is one that lies open: kube-apiserver does not mind. */
static void warn_of_unknown(const struct reading *reading, struct bytes pattern)
{
    struct bytes group = group_of(pattern), plural = pattern;
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    plural = bytes_cut(&plural, '.');
    if (bytes_eq_str(plural, "*") || !kinds_have_group(group))
        return;
    for (size_t i = 0; i < count; i++)
        if (bytes_eq_str(group, kinds[i]->group) && bytes_eq_str(plural, kinds[i]->plural))
            return;
    LOG_WARN("a resource that is to be sealed is not known", LOG_STR("file", reading->name),
             LOG_BYTES("resource", pattern));
}

static enum status read_entry(struct reading *reading, const struct json *entry, size_t at,
                              struct error *reterr)
{
    static const char *const members[] = {"resources", "providers", NULL};
    const struct json *resources = NULL, *providers = NULL;
    struct provided provided = {0};
    size_t n = 0;
    enum status st;

    go_to(reading, "resources[%zu]", at);
    st = check_members(reading, entry, members, reterr);
    if (st == STATUS_OK)
        st = need_list(reading, entry, "resources", &resources, reterr);
    if (st == STATUS_OK)
        st = need_list(reading, entry, "providers", &providers, reterr);
    if (st == STATUS_OK)
        st = read_providers(reading, providers, at, &provided, reterr);
    json_each(resources, it) {
        if (st != STATUS_OK)
            break;
        go_to(reading, "resources[%zu].resources[%zu]", at, n++);
        st = check_pattern(reading, json_text(it), reterr);
        if (st == STATUS_OK)
            st = check_turn(reading, resources, it, reterr);
        if (st == STATUS_OK)
            st = add_rules(reading, it->text, &provided, reterr);
        if (st == STATUS_OK)
            warn_of_unknown(reading, it->text);
    }
    return st;
}

/* ---- the file ---- */

static enum status read_tree(struct reading *reading, const struct json *tree, struct error *reterr)
{
    static const char *const members[] = {"apiVersion", "kind", "resources", NULL};
    size_t n = 0;
    enum status st = check_members(reading, tree, members, reterr);

    if (st == STATUS_OK &&
        (!bytes_eq_str(json_get_text(tree, "kind"), "EncryptionConfiguration") ||
         !bytes_eq_str(json_get_text(tree, "apiVersion"), "apiserver.config.k8s.io/v1")))
        st = wrong(reading, reterr, "not an apiserver.config.k8s.io/v1 EncryptionConfiguration");
    if (st == STATUS_OK)
        st = need_list(reading, tree, "resources", &reading->entries, reterr);
    json_each(reading->entries, it)
        if (st == STATUS_OK)
            st = read_entry(reading, it, n++, reterr);
    return st;
}

/* At the end, since what YAML repeats by an alias is there once. */
static void wipe_secrets(const struct json *tree)
{
    json_each(json_get(tree, BYTES("resources")), entry)
        json_each(json_get(entry, BYTES("providers")), provider)
            json_each(provider, it)
                json_each(json_get(it, BYTES("keys")), key)
                    wipe(json_get_text(key, "secret"));
}

enum status encryption_config_parse(const char *name, struct buf *text,
                                    struct sealing **ret_sealing, struct error *reterr)
{
    struct reading reading = {.name = name, .sealing = sealing_new()};
    struct error err = {0};
    struct json *tree = NULL;
    enum status st = yaml_parse(&reading.arena, buf_bytes(text), &tree, &err);

    if (st != STATUS_OK)
        st = wrong(&reading, reterr, "%s", error_message(&err));
    else if (reading.sealing == NULL)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    else
        st = read_tree(&reading, tree, reterr);
    wipe_secrets(tree);
    wipe(buf_bytes(text));
    arena_release(&reading.arena);
    error_release(&err);
    if (st == STATUS_OK)
        *ret_sealing = reading.sealing;
    else
        sealing_free(reading.sealing);
    return st;
}

/* The keys are what all else is worth: a file that anybody can read would make a show of it. Its
 * group may, since that is how a secret is mounted for a user that is not root. */
static enum status check_mode(const char *path, struct error *reterr)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return error_set(reterr, STATUS_IO, "%s: %s", path, strerror(errno));
    if ((info.st_mode & (S_IWGRP | S_IRWXO)) != 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "%s holds keys, and others may read or write it (its mode is %03o): "
                         "chmod 600 it",
                         path, info.st_mode & 0777);
    return STATUS_OK;
}

enum status encryption_config_load(const char *path, struct sealing **ret_sealing,
                                   struct error *reterr)
{
    struct buf text = {0};
    enum status st = check_mode(path, reterr);

    if (st == STATUS_OK)
        st = read_whole_file(path, &text, reterr);
    if (st == STATUS_OK)
        st = encryption_config_parse(path, &text, ret_sealing, reterr);
    buf_release(&text);
    return st;
}
