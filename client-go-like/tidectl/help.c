#include "client-go-like/tidectl/commands.h"

#include <stdio.h>
#include <string.h>

int help_all(void)
{
    struct buf out = {0};

    buf_append_str(&out, "tidectl talks to a Kubernetes-style API server.\n\nCommands:\n");
    for (size_t i = 0; i < commands_len; i++)
        if (commands[i].name[0] != '_')
            buf_appendf(&out, "  %-24s %s\n", commands[i].name, commands[i].help);
    buf_append_str(&out,
                   "\nUse \"tidectl COMMAND --help\" for the flags of one, \"tidectl options\" "
                   "for those of all.\n");
    return tidectl_finish(&out, 0);
}

int help_one(const struct command *command)
{
    struct buf out = {0};

    buf_appendf(&out, "%s\n\nUsage:\n  tidectl %s [flags]\n\nExamples:\n%s", command->help,
                command->usage, command->examples);
    if (command->flags != 0) {
        buf_append_str(&out, "\nFlags:\n");
        flags_help(command->flags, &out);
    }
    buf_append_str(&out, "\nUse \"tidectl options\" for the flags of all commands.\n");
    return tidectl_finish(&out, 0);
}

bool help_group(const char *word)
{
    size_t len = strlen(word);
    bool any = false;

    for (size_t i = 0; i < commands_len; i++) {
        const char *name = commands[i].name;

        if (strncmp(name, word, len) != 0 || name[len] != ' ')
            continue;
        if (!any)
            fprintf(stderr, "error: \"%s\" needs one of these:\n", word);
        fprintf(stderr, "  tidectl %s\n", commands[i].usage);
        any = true;
    }
    return any;
}

int tidectl_options(struct tidectl *t)
{
    struct buf out = {0};

    (void)t;
    buf_append_str(&out, "The flags of all commands:\n\n");
    flags_help(0, &out);
    return tidectl_finish(&out, 0);
}
