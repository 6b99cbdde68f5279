#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/kubeconfig_file.h"
#include "client-go-like/tidectl/request.h"

/*
 * What could stand where the last word is: commands and flags from our tables, types, names and
 * namespaces from the server. The scripts of completion.c show it; files are the shell's own.
 */
enum { ASK_MS = 2000, WORDS_MAX = 256 };

struct completion {
    struct tidectl t;
    const char *prefix; /* what is there of the last word */
    struct buf out;
    bool began;
};

static void offer(struct completion *c, struct bytes lead, const char *word)
{
    struct bytes prefix = bytes_str(c->prefix);

    if (prefix.len >= lead.len && strncmp(word, prefix.ptr + lead.len, prefix.len - lead.len) == 0)
        buf_appendf(&c->out, "%.*s%s\n", BYTES_FMT(lead), word);
}

static bool ask_server(struct completion *c)
{
    if (!c->began && tidectl_begin(&c->t)) {
        tw_client_set_timeout(c->t.client, ASK_MS);
        c->began = true;
    }
    return c->began;
}

static void offer_types(struct completion *c)
{
    if (!ask_server(c) || tw_discovery_load(c->t.discovery, NULL) != TW_OK)
        return;
    for (size_t i = 0; i < tw_discovery_count(c->t.discovery); i++) {
        const tw_resource_info *info = tw_discovery_at(c->t.discovery, i);
        struct buf full = {0};

        if (*info->resource.group != '\0' && strcmp(info->resource.group, "apps") != 0 &&
            strcmp(info->resource.group, "batch") != 0)
            buf_appendf(&full, "%s.%s", info->resource.resource, info->resource.group);
        else
            buf_append_str(&full, info->resource.resource);
        buf_append_char(&full, '\0');
        if (!full.failed && info->verbs[0] != NULL)
            offer(c, BYTES(""), full.data);
        buf_release(&full);
    }
}

/* `lead`: what stands before the name in the word, "configmap/". */
static void offer_names(struct completion *c, const char *type, struct bytes lead)
{
    const tw_resource_info *info = NULL;
    tw_list *list = NULL;

    if (!ask_server(c) || tw_discovery_find(c->t.discovery, type, &info, NULL) != TW_OK ||
        call_list(&c->t, &info->resource, info->resource.namespaced ? c->t.ns : NULL, NULL, NULL,
                  &list, NULL) != TW_OK)
        return;
    for (size_t i = 0; i < tw_list_count(list); i++)
        offer(c, lead, tw_object_name(tw_list_at(list, i)));
    tw_list_free(list);
}

static void offer_entries(struct completion *c, const char *list)
{
    struct kubeconfig_files files = {.count = 0};

    if (kubeconfig_files_read(&c->t, &files))
        json_each(json_get(kubeconfig_files_merge(&files), bytes_str(list)), it) {
            offer(c, BYTES(""), arena_str(&files.arena, json_get_text(it, "name")));
        }
    kubeconfig_files_release(&files);
}

static void offer_namespaces(struct completion *c)
{
    offer_names(c, "namespaces", BYTES(""));
}

static void offer_contexts(struct completion *c)
{
    offer_entries(c, "contexts");
}

static void offer_clusters(struct completion *c)
{
    offer_entries(c, "clusters");
}

static void offer_users(struct completion *c)
{
    offer_entries(c, "users");
}

/* A flag's values: those that are asked for, or the words its help names: "json|yaml|name". */
static void offer_values(struct completion *c, const struct flag *flag, struct bytes lead)
{
    static const struct {
        const char *flag;
        void (*offer)(struct completion *c);
    } asked[] = {{"namespace", offer_namespaces},
                 {"context", offer_contexts},
                 {"cluster", offer_clusters},
                 {"user", offer_users}};
    struct bytes words = bytes_str(flag->value);

    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        if (strcmp(flag->name, asked[i].flag) == 0) {
            asked[i].offer(c);
            return;
        }
    if (strcmp(flag->name, "output") == 0)
        words = bytes_find(bytes_str(flag->help), '|') < strlen(flag->help)
                    ? bytes_str("json|yaml|name|wide|jsonpath=|custom-columns=")
                    : words;
    if (bytes_find(words, '|') == words.len)
        return;
    while (words.len != 0) {
        char word[64];
        struct bytes one = bytes_cut(&words, '|');

        snprintf(word, sizeof(word), "%.*s", BYTES_FMT(one));
        offer(c, lead, word);
    }
}

static void offer_flags(struct completion *c, unsigned set)
{
    for (size_t i = 0; i < flag_table_len; i++) {
        char word[64];

        snprintf(word, sizeof(word), "--%s", flag_table[i].name);
        if (flag_is_of(&flag_table[i], set))
            offer(c, BYTES(""), word);
    }
}

/* The next words of commands that begin with these. */
static void offer_commands(struct completion *c, const char *const *words, size_t count)
{
    struct buf last = {0};

    for (size_t i = 0; i < commands_len; i++) {
        struct bytes rest = bytes_str(commands[i].name), word = bytes_cut(&rest, ' ');
        size_t at = 0;

        for (; at < count && bytes_eq_str(word, words[at]); at++)
            word = bytes_cut(&rest, ' ');
        if (at != count || word.len == 0 || word.ptr[0] == '_' || bytes_eq(word, buf_bytes(&last)))
            continue;
        last.len = 0;
        buf_append_bytes(&last, word);
        if (bytes_starts_with(word, bytes_str(c->prefix)))
            buf_appendf(&c->out, "%.*s\n", BYTES_FMT(word));
    }
    buf_release(&last);
}

static bool takes_objects(const struct command *command)
{
    return strstr(command->usage, "RESOURCE") != NULL;
}

/* A word that is neither flag nor its value. */
static void offer_words(struct completion *c, const struct command *command)
{
    const struct flags *f = &c->t.flags;
    const char *slash = strchr(c->prefix, '/');

    if (strcmp(command->name, "config use-context") == 0 ||
        strcmp(command->name, "config set-context") == 0) {
        offer_contexts(c);
    } else if (strcmp(command->name, "completion") == 0) {
        offer(c, BYTES(""), "bash");
        offer(c, BYTES(""), "zsh");
        offer(c, BYTES(""), "fish");
    } else if (takes_objects(command) && slash != NULL) {
        char type[256];

        snprintf(type, sizeof(type), "%.*s", (int)(slash - c->prefix), c->prefix);
        offer_names(c, type, bytes_of(c->prefix, (size_t)(slash - c->prefix) + 1));
    } else if (takes_objects(command) && f->word_count == 0) {
        offer_types(c);
    } else if (takes_objects(command) && strchr(f->words[0], '/') == NULL) {
        offer_names(c, f->words[0], BYTES(""));
    }
}

static void complete(struct completion *c, const struct command *command, int argc, char **argv)
{
    const char *words[WORDS_MAX] = {NULL};
    struct buf error = {0};
    const char *last = argc > 0 ? argv[argc - 1] : "", *equals = strchr(c->prefix, '=');
    const struct flag *flag = flags_find(last, command->flags);

    if (flag != NULL && flags_takes_next(last, command->flags)) {
        (void)flags_parse(&c->t.flags, command->flags, argc - 1, argv, words, &error);
        offer_values(c, flag, BYTES(""));
    } else if (c->prefix[0] == '-' && equals != NULL) {
        char name[64];

        snprintf(name, sizeof(name), "%.*s", (int)(equals - c->prefix), c->prefix);
        flag = flags_find(name, command->flags);
        if (flag != NULL)
            offer_values(c, flag, bytes_of(c->prefix, (size_t)(equals - c->prefix) + 1));
    } else if (c->prefix[0] == '-') {
        offer_flags(c, command->flags);
    } else if (flags_parse(&c->t.flags, command->flags, argc, argv, words, &error)) {
        offer_words(c, command);
    }
    buf_release(&error);
}

/* argv: the words behind "tidectl", the last of which is to be completed. */
int complete_words(int argc, char **argv)
{
    struct completion c = {.prefix = argc > 0 ? argv[argc - 1] : ""};
    const char *words[WORDS_MAX] = {NULL};
    char *rest[WORDS_MAX] = {NULL};
    size_t count = 0, used = 0;
    int left = 0, plain = 0;
    const struct command *command;

    if (argc > WORDS_MAX)
        return 0;
    for (int i = 0; i + 1 < argc; i++) {
        if (argv[i][0] != '-')
            words[count++] = argv[i];
        else if (flags_takes_next(argv[i], 0))
            i++;
    }
    command = command_find(words, count, &used);
    for (int i = 0; i + 1 < argc; i++) /* flags and words without those of the command */
        if (argv[i][0] == '-' || plain == (int)used || (i > 0 && flags_takes_next(argv[i - 1], 0)))
            rest[left++] = argv[i];
        else
            plain++;
    if (c.prefix[0] != '-')
        offer_commands(&c, words, count);
    if (command != NULL) {
        c.t.command = command;
        complete(&c, command, left, rest);
    }
    tidectl_end(&c.t);
    return tidectl_finish(&c.out, 0);
}
