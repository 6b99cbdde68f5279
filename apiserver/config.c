#include "apiserver/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/request/origin.h"
#include "codec/yaml.h"

enum setting_type { TEXT, TEXTS, LIST, NUMBER, BYTE_SIZE, SECONDS, MILLISECONDS, SWITCH };

struct setting {
    const char *name, *value, *fallback, *help;
    enum setting_type type;
    size_t offset;
};

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
    {"listen", "URL", "http://127.0.0.1:8080",
     "where to serve: http[s]://HOST:PORT (port 0 picks one), unix:///PATH or [https+]fd://N, a "
     "socket that was inherited; may be repeated",
     TEXTS, AT(listen)},
    {"data-dir", "DIR", "tidewatch-data", "where the database lives; made if it is missing", TEXT,
     AT(data_dir)},
    {"storage", "KIND", "sqlite", "sqlite, or memory: nothing outlives the process", TEXT,
     AT(storage)},
    {"threads", "N", "0", "event loops; 0 is one a processor", NUMBER, AT(threads)},
    {"write-kubeconfig", "FILE", NULL, "write a kubeconfig for the first listener", TEXT,
     AT(write_kubeconfig)},
    {"event-ttl", "DURATION", "1h", "how long Event objects are kept; 0 is for ever", SECONDS,
     AT(event_ttl_s)},
    {"history-age", "DURATION", "6h", "how long the log of changes is kept", SECONDS,
     AT(history_age_s)},
    {"history-bytes", "SIZE", "4GiB", "and how large it may grow; 0 is without bound", BYTE_SIZE,
     AT(history_bytes)},
    {"watch-window-events", "N", "16384", "changes of one resource a loop keeps in memory", NUMBER,
     AT(window_events)},
    {"watch-window-bytes", "SIZE", "32MiB", "and how many bytes of them", BYTE_SIZE,
     AT(window_bytes)},
    {"bookmark-interval", "DURATION", "10s", "between bookmarks of watches that allow them",
     MILLISECONDS, AT(bookmark_ms)},
    {"write-stall", "DURATION", "30s", "a client that takes nothing for so long is cut",
     MILLISECONDS, AT(write_stall_ms)},
    {"ping-interval", "DURATION", "10s",
     "between pings of WebSockets and of HTTP/2 connections with streams; 0ms is none",
     MILLISECONDS, AT(ping_ms)},
    {"pong-timeout", "DURATION", "20s", "a client that answers no ping for so long is cut",
     MILLISECONDS, AT(pong_ms)},
    {"consistency-check-interval", "DURATION", "5m",
     "between comparisons of what is served with what is stored; 0ms is none", MILLISECONDS,
     AT(check_ms)},
    {"max-requests-inflight", "N", "400", "reads at once; 0 is without bound", NUMBER,
     AT(reads_max)},
    {"max-mutating-requests-inflight", "N", "200", "writes at once; 0 is without bound", NUMBER,
     AT(writes_max)},
    {"enable-priority-and-fairness", "BOOL", "true",
     "beyond these, users wait and are served in turn; else it is 429 for all", SWITCH, AT(fair)},
    {"max-connections-per-peer", "N", "20000", "of one address; 0 is without bound", NUMBER,
     AT(peer_conns_max)},
    {"max-buffered-bytes", "SIZE", "512MiB",
     "of requests that are not complete; of one address as much as is free; 0 is without bound",
     BYTE_SIZE, AT(buffered_max)},
    {"max-answer-bytes", "SIZE", "512MiB",
     "of answers that have not left; of one user as much as is free; 0 is without bound", BYTE_SIZE,
     AT(answers_max)},
    {"max-watches-per-user", "N", "200000", "or of an address without one; 0 is without bound",
     NUMBER, AT(user_watches_max)},
    {"request-timeout", "DURATION", "1m", "of what is no watch, then 504; 0s is without bound",
     MILLISECONDS, AT(request_ms)},
    {"shutdown-grace", "DURATION", "80ms", "how long SIGTERM waits for answers under way",
     MILLISECONDS, AT(shutdown_grace_ms)},
    {"cors-allowed-origins", "LIST", "",
     "pages of other origins that may read answers and open WebSockets: scheme://host[:port], "
     "several by commas, or *",
     TEXT, AT(cors_allowed_origins)},
    {"tls-cert-file", "FILE", NULL, "certificate of https listeners, with its chain", TEXT,
     AT(tls_cert_file)},
    {"tls-private-key-file", "FILE", NULL, "its key; SIGHUP rereads both", TEXT,
     AT(tls_private_key_file)},
    {"cert-dir", "DIR", NULL, "where certificates are made if none are given (DATA-DIR/certs)",
     TEXT, AT(cert_dir)},
    {"client-ca-file", "FILE", NULL, "clients with a certificate of these CAs are CN, in groups O",
     TEXT, AT(client_ca_file)},
    {"token-auth-file", "FILE", NULL, "static tokens: lines of token,user,uid,\"group1,group2\"",
     TEXT, AT(token_auth_file)},
    {"service-account-issuer", "URL", NULL, "whose tokens of service accounts are taken, and made",
     TEXT, AT(service_account_issuer)},
    {"service-account-key-file", "FILES", NULL, "keys that they are checked with, by commas", LIST,
     AT(service_account_key_file)},
    {"service-account-signing-key-file", "FILE", NULL, "the key that they are signed with", TEXT,
     AT(service_account_signing_key_file)},
    {"api-audiences", "LIST", NULL, "what such tokens must be for (the issuer)", LIST,
     AT(api_audiences)},
    {"anonymous-auth", "BOOL", "true", "requests without credentials are system:anonymous", SWITCH,
     AT(anonymous_auth)},
    {"authorization-mode", "MODE", "AlwaysAllow", "AlwaysAllow, or RBAC", TEXT,
     AT(authorization_mode)},
    {"audit-log-path", "FILE", NULL,
     "record who did what, as audit.k8s.io/v1 lines (- is stdout); SIGHUP reopens it", TEXT,
     AT(audit_log_path)},
    {"audit-policy-file", "FILE", NULL, "how much of what is recorded (Metadata of everything)",
     TEXT, AT(audit_policy_file)},
    {"encryption-provider-config", "FILE", NULL,
     "what is encrypted on the disk, and the keys: an EncryptionConfiguration; SIGHUP rereads it",
     TEXT, AT(encryption_provider_config)},
    {"allow-insecure-http", NULL, NULL, "let http:// listen beyond loopback", SWITCH,
     AT(allow_insecure_http)},
    {"no-sandbox", NULL, NULL,
     "keep what a server does not need: other files, calls like execve, core dumps", SWITCH,
     AT(no_sandbox)},
    {"log-level", "LEVEL", "info", "debug, info, warn or error", TEXT, AT(log_level)},
    {"log-format", "FORM", "text", "text (logfmt) or json, on stderr", TEXT, AT(log_format)},
    {"config", "FILE", NULL, "YAML file of these settings, by the same names; SIGHUP rereads it",
     TEXT, AT(config_file)},
    {"version", NULL, NULL, "print the version", SWITCH, AT(version)},
    {"help", NULL, NULL, "print the settings of every day", SWITCH, AT(help)},
    {"help-all", NULL, NULL, "print all settings", SWITCH, AT(help_all)},
};

/* What --help shows, so that it fits on a screen. */
static const char *const everyday[] = {
    "listen",      "data-dir",      "storage",        "threads",         "write-kubeconfig",
    "history-age", "history-bytes", "client-ca-file", "token-auth-file", "authorization-mode",
    "log-level",   "log-format",    "config",         "version",         "help",
    "help-all",
};

static const struct setting *find_setting(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (bytes_eq_str(name, settings[i].name))
            return &settings[i];
    return NULL;
}

/* ---- values ---- */

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations_ms[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit sizes[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}};

/* "90s", "1h30m", "4GiB"; a bare 0 needs no unit, a bare size is bytes. */
static bool parse_units(struct bytes text, const struct unit *units, size_t count, bool bare,
                        uint64_t *ret)
{
    uint64_t total = 0;

    if (text.len == 0)
        return false;
    while (text.len != 0) {
        size_t digits = 0, letters = 0, unit = 0;
        uint64_t n;

        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        while (digits + letters < text.len &&
               (text.ptr[digits + letters] < '0' || text.ptr[digits + letters] > '9'))
            letters++;
        if (!bytes_to_u64(bytes_of(text.ptr, digits), &n))
            return false;
        while (unit < count &&
               !bytes_eq_str(bytes_of(text.ptr + digits, letters), units[unit].name))
            unit++;
        if (unit == count && (letters != 0 || (n != 0 && !bare)))
            return false;
        if (__builtin_mul_overflow(n, unit < count ? units[unit].factor : 1, &n) ||
            __builtin_add_overflow(total, n, &total))
            return false;
        text = bytes_from(text, digits + letters);
    }
    *ret = total;
    return true;
}

static bool parse_number(enum setting_type type, struct bytes text, uint64_t *ret)
{
    switch (type) {
    case NUMBER:
        return bytes_to_u64(text, ret);
    case BYTE_SIZE:
        return parse_units(text, sizes, ARRAY_LEN(sizes), true, ret);
    case SECONDS:
        if (!parse_units(text, durations_ms, ARRAY_LEN(durations_ms), false, ret))
            return false;
        *ret = (*ret + 999) / 1000;
        return true;
    default:
        return parse_units(text, durations_ms, ARRAY_LEN(durations_ms), false, ret);
    }
}

static enum status append_to_list(char **list, struct bytes text, struct error *reterr)
{
    struct buf longer = {0};

    if (*list != NULL)
        buf_appendf(&longer, "%s,", *list);
    buf_append_bytes(&longer, text);
    free(*list);
    *list = longer.failed ? NULL : bytes_dup(buf_bytes(&longer));
    buf_release(&longer);
    return *list != NULL ? STATUS_OK : error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

static enum status set(struct config *config, const struct setting *setting, struct bytes text,
                       struct error *reterr)
{
    void *at = (char *)config + setting->offset;

    switch (setting->type) {
    case SWITCH:
        *(bool *)at = text.len == 0 || bytes_eq_str(text, "true");
        return STATUS_OK;
    case TEXTS:
        if (config->listen_count == LISTEN_MAX)
            return error_set(reterr, STATUS_BAD_REQUEST, "--%s: at most %d of them", setting->name,
                             LISTEN_MAX);
        config->listen[config->listen_count++] = bytes_dup(text);
        return STATUS_OK;
    case LIST: /* repeated, it goes on */
        return append_to_list(at, text, reterr);
    case TEXT:
        free(*(char **)at);
        *(char **)at = bytes_dup(text);
        return STATUS_OK;
    default:
        if (parse_number(setting->type, text, at))
            return STATUS_OK;
        return error_set(reterr, STATUS_BAD_REQUEST, "--%s: \"%.*s\" is no %s", setting->name,
                         BYTES_FMT(text), setting->value);
    }
}

/* ---- sources: defaults, file, flags ---- */

static enum status set_defaults(struct config *config, struct error *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        enum status st;

        if (settings[i].fallback == NULL || (settings[i].type == TEXTS && config->listen_count))
            continue;
        st = set(config, &settings[i], bytes_str(settings[i].fallback), reterr);
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

static bool read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd < 0)
        return false;
    while (buf_reserve(out, 4096) && (got = read(fd, out->data + out->len, 4096)) > 0)
        out->len += (size_t)got;
    close(fd);
    return got == 0;
}

static enum status set_from_node(struct config *config, const struct json *member,
                                 struct error *reterr)
{
    const struct setting *setting = find_setting(member->key);
    enum status st = STATUS_OK;

    if (setting == NULL)
        return error_set(reterr, STATUS_BAD_REQUEST, "unknown setting \"%.*s\"",
                         BYTES_FMT(member->key));
    if (member->type == JSON_NUMBER || member->type == JSON_STRING)
        return set(config, setting, member->text, reterr);
    if (member->type == JSON_BOOL && setting->type == SWITCH)
        return set(config, setting, member->boolean ? BYTES("true") : BYTES("false"), reterr);
    if (member->type != JSON_ARRAY || (setting->type != TEXTS && setting->type != LIST))
        return error_set(reterr, STATUS_BAD_REQUEST, "setting \"%s\" is not of the right type",
                         setting->name);
    for (const struct json *it = member->first; it != NULL && st == STATUS_OK; it = it->next)
        st = set(config, setting, json_text(it), reterr);
    return st;
}

static enum status set_from_file(struct config *config, const char *path, struct error *reterr)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct json *root = NULL;
    enum status st = STATUS_OK;

    if (!read_file(path, &text))
        st = error_set(reterr, STATUS_IO, "%s: %s", path, strerror(errno));
    if (st == STATUS_OK)
        st = yaml_parse(&arena, buf_bytes(&text), &root, reterr);
    if (st == STATUS_OK && !json_is(root, JSON_OBJECT) && !json_is(root, JSON_NULL))
        st = error_set(reterr, STATUS_BAD_REQUEST, "%s: not a map of settings", path);
    for (const struct json *it = json_is(root, JSON_OBJECT) ? root->first : NULL;
         it != NULL && st == STATUS_OK; it = it->next)
        st = set_from_node(config, it, reterr);
    buf_release(&text);
    arena_release(&arena);
    return st;
}

/* Calls `use` for each flag: --name=value, --name value, --switch. */
static enum status each_flag(struct config *config, int argc, char *const *argv,
                             enum status (*use)(struct config *, const struct setting *,
                                                struct bytes, struct error *),
                             struct error *reterr)
{
    for (int i = 1; i < argc; i++) {
        struct bytes value = bytes_str(argv[i]), name = bytes_cut(&value, '=');
        const struct setting *setting = NULL;
        enum status st;

        if (bytes_starts_with(name, BYTES("--")))
            setting = find_setting(bytes_from(name, 2));
        if (setting == NULL)
            return error_set(reterr, STATUS_BAD_REQUEST, "unknown argument \"%s\"", argv[i]);
        if (value.ptr == NULL && setting->type != SWITCH) {
            if (++i == argc)
                return error_set(reterr, STATUS_BAD_REQUEST, "--%s wants a %s", setting->name,
                                 setting->value);
            value = bytes_str(argv[i]);
        }
        st = use(config, setting, value, reterr);
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

static enum status set_config_file_only(struct config *config, const struct setting *setting,
                                        struct bytes value, struct error *reterr)
{
    return setting->offset == AT(config_file) ? set(config, setting, value, reterr) : STATUS_OK;
}

/* A list on the command line goes before that of the file. */
static enum status clear_list(struct config *config, const struct setting *setting,
                              struct bytes value, struct error *reterr)
{
    char **at = (char **)((char *)config + setting->offset);

    (void)value;
    (void)reterr;
    if (setting->type == LIST) {
        free(*at);
        *at = NULL;
    }
    return STATUS_OK;
}

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words != NULL && strcmp(text, *words) != 0)
        words++;
    return *words != NULL;
}

static enum status check(const struct config *config, struct error *reterr)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    static const char *const formats[] = {"text", "json", NULL};

    if (!is_one_of(config->log_level, levels))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "--log-level: \"%s\" is none of debug, info, warn, error",
                         config->log_level);
    if (!is_one_of(config->log_format, formats))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "--log-format: \"%s\" is neither text nor json", config->log_format);
    if (strcmp(config->storage, "sqlite") != 0 && strcmp(config->storage, "memory") != 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "--storage: \"%s\" is neither sqlite nor memory", config->storage);
    if (strcmp(config->authorization_mode, "AlwaysAllow") != 0 &&
        strcmp(config->authorization_mode, "RBAC") != 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "--authorization-mode: \"%s\" is neither AlwaysAllow nor RBAC",
                         config->authorization_mode);
    if ((config->tls_cert_file == NULL) != (config->tls_private_key_file == NULL))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "--tls-cert-file and --tls-private-key-file go together");
    if (config->threads > 256)
        return error_set(reterr, STATUS_BAD_REQUEST, "--threads: at most 256");
    return origin_list_check(bytes_str(config->cors_allowed_origins), reterr);
}

enum status config_parse(int argc, char *const *argv, struct config *ret_config,
                         struct error *reterr)
{
    struct config config = {0};
    enum status st;
    size_t from_file;

    st = each_flag(&config, argc, argv, set_config_file_only, reterr);
    if (st == STATUS_OK) {
        char *file = config.config_file;

        config.config_file = NULL;
        st = set_defaults(&config, reterr);
        free(config.listen[0]);
        config.listen_count = 0;
        if (st == STATUS_OK && file != NULL)
            st = set_from_file(&config, file, reterr);
        free(file);
    }
    from_file = config.listen_count;
    if (st == STATUS_OK)
        st = each_flag(&config, argc, argv, clear_list, reterr);
    if (st == STATUS_OK)
        st = each_flag(&config, argc, argv, set, reterr);
    if (st == STATUS_OK && config.listen_count > from_file) { /* flags replace the file's list */
        for (size_t i = 0; i < from_file; i++)
            free(config.listen[i]);
        config.listen_count -= from_file;
        memmove(config.listen, config.listen + from_file,
                config.listen_count * sizeof(config.listen[0]));
    }
    if (st == STATUS_OK && config.listen_count == 0)
        st = set(&config, &settings[0], bytes_str(settings[0].fallback), reterr);
    if (st == STATUS_OK)
        st = check(&config, reterr);
    if (st != STATUS_OK) {
        config_release(&config);
        return st;
    }
    *ret_config = config;
    return STATUS_OK;
}

void config_release(struct config *config)
{
    for (size_t i = 0; i < config->listen_count; i++)
        free(config->listen[i]);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (settings[i].type == TEXT || settings[i].type == LIST)
            free(*(char **)((char *)config + settings[i].offset));
    *config = (struct config){0};
}

static bool is_everyday(const struct setting *setting)
{
    for (size_t i = 0; i < ARRAY_LEN(everyday); i++)
        if (strcmp(everyday[i], setting->name) == 0)
            return true;
    return false;
}

void config_write_help(struct buf *out, bool all)
{
    buf_append_str(out,
                   "tidewatch - a Kubernetes-style API server with list and watch, on sqlite\n\n"
                   "usage: tidewatch [--listen=URL] [--data-dir=DIR] [SETTING ...]\n\n");
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        char left[48];

        if (!all && !is_everyday(s))
            continue;
        snprintf(left, sizeof(left), "--%s%s%s", s->name, s->value != NULL ? "=" : "",
                 s->value != NULL ? s->value : "");
        buf_appendf(out, "  %-30s %s", left, s->help);
        if (s->fallback != NULL)
            buf_appendf(out, " [%s]", s->fallback);
        buf_append_char(out, '\n');
    }
    buf_append_str(out, "\nprints `tidewatch ready: URL` for each listener once it serves\n");
}
