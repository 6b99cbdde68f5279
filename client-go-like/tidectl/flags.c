#include "client-go-like/tidectl/flags.h"

#include <stddef.h>

enum flag_kind { FLAG_SWITCH, FLAG_TEXT, FLAG_FILE };

static const struct flag {
    unsigned set; /* 0: all commands */
    enum flag_kind kind;
    char letter;
    const char *name, *value, *help;
    size_t offset;
} table[] = {
    {FLAGS_GET | FLAGS_DELETE, FLAG_SWITCH, 'A', "all-namespaces", NULL, "In all namespaces.",
     offsetof(struct flags, all_namespaces)},
    {FLAGS_GET | FLAGS_DELETE, FLAG_TEXT, 'l', "selector", "SELECTOR",
     "Only objects with such labels: a=b,c!=d,e in (f,g).", offsetof(struct flags, selector)},
    {FLAGS_GET | FLAGS_DELETE, FLAG_TEXT, 0, "field-selector", "SELECTOR",
     "Only objects with such fields: metadata.name=x.", offsetof(struct flags, field_selector)},
    {FLAGS_GET, FLAG_TEXT, 'o', "output", "wide|json|yaml|name",
     "How to print; as a table by default.", offsetof(struct flags, output)},
    {FLAGS_GET, FLAG_SWITCH, 'w', "watch", NULL, "Then print every change, for ever.",
     offsetof(struct flags, watch)},
    {FLAGS_GET, FLAG_SWITCH, 0, "watch-only", NULL, "Print changes only.",
     offsetof(struct flags, watch_only)},
    {FLAGS_GET, FLAG_SWITCH, 0, "output-watch-events", NULL,
     "Say of each change whether it is ADDED, MODIFIED or DELETED.",
     offsetof(struct flags, output_watch_events)},
    {FLAGS_GET | FLAGS_RESOURCES, FLAG_SWITCH, 0, "no-headers", NULL, "Without the headers.",
     offsetof(struct flags, no_headers)},
    {FLAGS_GET, FLAG_SWITCH, 0, "show-labels", NULL, "With a column of labels.",
     offsetof(struct flags, show_labels)},
    {FLAGS_GET, FLAG_TEXT, 0, "chunk-size", "N", "Objects a request; 500, 0 for all at once.",
     offsetof(struct flags, chunk_size)},
    {FLAGS_GET | FLAGS_DELETE, FLAG_SWITCH, 0, "ignore-not-found", NULL,
     "What does not exist is no error.", offsetof(struct flags, ignore_not_found)},
    {FLAGS_FILE, FLAG_FILE, 'f', "filename", "FILE",
     "A file or folder of YAML or JSON, - for stdin; may be repeated.", 0},
    {FLAGS_DELETE, FLAG_SWITCH, 0, "wait", NULL, "Until it is gone; true by default.",
     offsetof(struct flags, wait)},
    {FLAGS_RESOURCES, FLAG_TEXT, 0, "api-group", "GROUP", "Of this group only.",
     offsetof(struct flags, api_group)},
    {FLAGS_RESOURCES, FLAG_TEXT, 0, "namespaced", "true|false", "With this scope only.",
     offsetof(struct flags, namespaced)},
    {FLAGS_RESOURCES, FLAG_TEXT, 'o', "output", "wide|name", "How to print.",
     offsetof(struct flags, output)},
    {FLAGS_VERSION, FLAG_SWITCH, 0, "client", NULL, "Without asking the server.",
     offsetof(struct flags, client_only)},
    {0, FLAG_TEXT, 'n', "namespace", "NS", "Instead of the context's namespace.",
     offsetof(struct flags, ns)},
    {0, FLAG_TEXT, 's', "server", "URL", "Instead of the context's server.",
     offsetof(struct flags, server)},
    {0, FLAG_TEXT, 0, "kubeconfig", "FILE", "Instead of $KUBECONFIG or ~/.kube/config.",
     offsetof(struct flags, kubeconfig)},
    {0, FLAG_TEXT, 0, "context", "NAME", "Instead of the current context.",
     offsetof(struct flags, context)},
    {0, FLAG_TEXT, 0, "token", "TOKEN", "A bearer token.", offsetof(struct flags, token)},
    {0, FLAG_TEXT, 0, "request-timeout", "SECONDS", "For a request; 0, for ever, by default.",
     offsetof(struct flags, timeout)},
    {0, FLAG_SWITCH, 0, "insecure-skip-tls-verify", NULL, "Do not check the server's certificate.",
     offsetof(struct flags, insecure)},
    {0, FLAG_SWITCH, 'h', "help", NULL, "This text.", offsetof(struct flags, help)},
};

static const struct flag *find_long(struct bytes name, unsigned set)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if ((table[i].set == 0 || (table[i].set & set) != 0) && bytes_eq_str(name, table[i].name))
            return &table[i];
    return NULL;
}

static const struct flag *find_letter(char letter, unsigned set)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if ((table[i].set == 0 || (table[i].set & set) != 0) && table[i].letter == letter)
            return &table[i];
    return NULL;
}

struct reader {
    struct flags *flags;
    unsigned set;
    int argc, at;
    char **argv;
    struct buf *error;
};

/* `value` NULL: the next argument is it. */
static bool set_flag(struct reader *r, const struct flag *flag, const char *value)
{
    char *place = (char *)r->flags + flag->offset;

    if (flag->kind == FLAG_SWITCH) {
        *(bool *)place = value == NULL || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
        return true;
    }
    if (value == NULL && r->at < r->argc)
        value = r->argv[r->at++];
    if (value == NULL) {
        buf_appendf(r->error, "flag needs an argument: --%s", flag->name);
        return false;
    }
    if (flag->kind == FLAG_TEXT) {
        *(const char **)place = value;
    } else if (r->flags->file_count < FLAGS_FILES_MAX) {
        r->flags->files[r->flags->file_count++] = value;
    } else {
        buf_appendf(r->error, "more than %d files", FLAGS_FILES_MAX);
        return false;
    }
    return true;
}

static bool read_long(struct reader *r, const char *arg)
{
    struct bytes rest = bytes_str(arg + 2), name = bytes_cut(&rest, '=');
    const struct flag *flag = find_long(name, r->set);

    if (flag == NULL) {
        buf_appendf(r->error, "unknown flag: --%.*s", BYTES_FMT(name));
        return false;
    }
    return set_flag(r, flag, rest.ptr);
}

/* A run of letters: switches may stand together, and the first that takes a value has the rest. */
static bool read_letters(struct reader *r, const char *arg)
{
    for (const char *at = arg + 1; *at != '\0'; at++) {
        const struct flag *flag = find_letter(*at, r->set);
        const char *value = at[1] == '=' ? at + 2 : at[1] != '\0' ? at + 1 : NULL;

        if (flag == NULL) {
            buf_appendf(r->error, "unknown shorthand flag: '%c' in %s", *at, arg);
            return false;
        }
        if (flag->kind != FLAG_SWITCH || at[1] == '=')
            return set_flag(r, flag, value);
        set_flag(r, flag, NULL);
    }
    return true;
}

bool flags_parse(struct flags *flags, unsigned set, int argc, char **argv, const char **words,
                 struct buf *reterr)
{
    struct reader r = {flags, set, argc, 0, argv, reterr};
    bool ok = true;

    *flags = (struct flags){.words = words, .wait = true};
    while (ok && r.at < argc) {
        const char *arg = argv[r.at++];

        if (strcmp(arg, "--") == 0)
            break;
        if (arg[0] != '-' || arg[1] == '\0')
            words[flags->word_count++] = arg;
        else
            ok = arg[1] == '-' ? read_long(&r, arg) : read_letters(&r, arg);
    }
    while (ok && r.at < argc)
        words[flags->word_count++] = argv[r.at++];
    return ok;
}

void flags_help(unsigned set, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct buf left = {0};

        if (set == 0 ? table[i].set != 0 : (table[i].set & set) == 0)
            continue;
        if (table[i].letter != 0)
            buf_appendf(&left, "-%c, --%s", table[i].letter, table[i].name);
        else
            buf_appendf(&left, "    --%s", table[i].name);
        if (table[i].value != NULL)
            buf_appendf(&left, " %s", table[i].value);
        buf_appendf(out, "  %-34.*s %s\n", BYTES_FMT(buf_bytes(&left)), table[i].help);
        buf_release(&left);
    }
}
