#include "client-go-like/tidectl/tidectl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const struct command commands[] = {
    {"get", "get RESOURCE[,RESOURCE..] [NAME..] | RESOURCE/NAME..",
     "Prints objects, one or many, and with -w every change of them.", FLAGS_GET, tidectl_get},
    {"create", "create -f FILE", "Creates the objects of a file.", FLAGS_FILE, tidectl_create},
    {"apply", "apply -f FILE",
     "Creates the objects of a file, or changes those that exist to what it says.", FLAGS_FILE,
     tidectl_apply},
    {"delete", "delete -f FILE | RESOURCE NAME.. | RESOURCE -l SELECTOR", "Deletes objects.",
     FLAGS_FILE | FLAGS_DELETE, tidectl_delete},
    {"api-resources", "api-resources", "Prints the resource types the server has.", FLAGS_RESOURCES,
     tidectl_api_resources},
    {"version", "version", "Prints the versions of tidectl and of the server.", FLAGS_VERSION,
     tidectl_version},
};

static int show(struct buf *text)
{
    int rc = tidectl_write(text) ? 0 : 1;

    buf_release(text);
    return rc;
}

static int help_all(void)
{
    struct buf out = {0};

    buf_append_str(&out, "tidectl talks to a Kubernetes-style API server.\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        buf_appendf(&out, "  %-15s %s\n", commands[i].name, commands[i].help);
    buf_append_str(&out, "\nFlags of all commands:\n");
    flags_help(0, &out);
    buf_append_str(&out, "\nUse \"tidectl COMMAND --help\" for the flags of one.\n");
    return show(&out);
}

static int help_one(const struct command *command)
{
    struct buf out = {0};

    buf_appendf(&out, "%s\n\nUsage:\n  tidectl %s [flags]\n\nFlags:\n", command->help,
                command->usage);
    flags_help(command->flags, &out);
    buf_append_str(&out, "\nFlags of all commands:\n");
    flags_help(0, &out);
    return show(&out);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char **words = calloc((size_t)argc + 1, sizeof(*words));
    struct tidectl t = {.program = "tidectl"};
    struct buf error = {0};
    int rc = 1;

    if (words == NULL)
        return tidectl_say("out of memory");
    if (!flags_parse(&t.flags, command->flags, argc, argv, words, &error)) {
        tidectl_say("%.*s\nSee 'tidectl %s --help' for usage.", BYTES_FMT(buf_bytes(&error)),
                    command->name);
    } else if (t.flags.help) {
        rc = help_one(command);
    } else if (tidectl_begin(&t)) {
        rc = command->run(&t);
    }
    tidectl_end(&t);
    buf_release(&error);
    free(words);
    return rc;
}

/* Flags of all commands may stand before the command too, as kubectl allows: it is moved to the
 * front. */
static int find_command(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            return i;
        if (strchr(argv[i], '=') == NULL && strcmp(argv[i], "-h") != 0 &&
            strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "--insecure-skip-tls-verify") != 0)
            i++; /* its value */
    }
    return 0;
}

int main(int argc, char **argv)
{
    int at = find_command(argc, argv);

    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is an error of fwrite() */
    if (at == 0 || strcmp(argv[at], "help") == 0)
        return help_all();
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[at], commands[i].name) != 0)
            continue;
        memmove(&argv[1], &argv[0], (size_t)at * sizeof(*argv));
        return run(&commands[i], argc - 2 < 0 ? 0 : argc - 2, &argv[2]);
    }
    return tidectl_say("unknown command \"%s\" for \"tidectl\"\nSee 'tidectl --help' for usage.",
                       argv[at]);
}
