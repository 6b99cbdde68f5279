#include "client-go-like/tidectl/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int run(const struct command *command, int argc, char **argv)
{
    const char **words = calloc((size_t)argc + 1, sizeof(*words));
    struct tidectl t = {.command = command};
    struct buf error = {0};
    int rc = EXIT_FAILED;

    if (words == NULL)
        return tidectl_say_no_memory();
    if (!flags_parse(&t.flags, command->flags, argc, argv, words, &error)) {
        tidectl_say("%.*s\nSee 'tidectl %s --help' for usage.", BYTES_FMT(buf_bytes(&error)),
                    command->name);
    } else if (t.flags.help) {
        rc = help_one(command);
    } else if (command->offline || tidectl_begin(&t)) {
        rc = command->run(&t);
    }
    tidectl_end(&t);
    buf_release(&error);
    free(words);
    return rc;
}

enum { COMMAND_WORDS_MAX = 3 };

/* The words a command may consist of, where they stand: flags of all commands may come before and
 * between them, as kubectl allows. Returns how many there are. */
static size_t find_words(int argc, char **argv, int *places, const char **words)
{
    size_t count = 0;

    for (int i = 1; i < argc && count < COMMAND_WORDS_MAX; i++) {
        if (argv[i][0] != '-') {
            places[count] = i;
            words[count++] = argv[i];
        } else if (flags_takes_next(argv[i], 0)) {
            i++;
        } else if (flags_find(argv[i], 0) == NULL && strchr(argv[i], '=') == NULL) {
            break; /* a flag of the command: its words are behind us */
        }
    }
    return count;
}

static bool asks_for_help(int argc, char **argv)
{
    return argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
           strcmp(argv[1], "-h") == 0;
}

/* "help get" is "get --help". */
static int help(int argc, char **argv)
{
    const char *const *words = (const char *const *)(uintptr_t)&argv[2];
    size_t used;
    const struct command *command = argc > 2 ? command_find(words, (size_t)argc - 2, &used) : NULL;

    return command != NULL ? help_one(command) : help_all();
}

int main(int argc, char **argv)
{
    const char *words[COMMAND_WORDS_MAX];
    const struct command *command;
    int places[COMMAND_WORDS_MAX];
    size_t count, used;

    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is an error of fwrite() */
    if (argc > 1 && strcmp(argv[1], "__complete") == 0)
        return complete_words(argc - 2, argv + 2);
    if (asks_for_help(argc, argv))
        return help(argc, argv);
    count = find_words(argc, argv, places, words);
    command = command_find(words, count, &used);
    if (command == NULL && count != 0 && help_group(words[0]))
        return EXIT_FAILED;
    if (command == NULL)
        return tidectl_say(
            "unknown command \"%s\" for \"tidectl\"\nSee 'tidectl --help' for usage.",
            count != 0 ? words[0] : argv[1]);
    while (used-- != 0) { /* the command's words go, flags and the rest close up */
        memmove(&argv[places[used]], &argv[places[used] + 1],
                (size_t)(argc - places[used]) * sizeof(*argv));
        argc--;
    }
    return run(command, argc - 1, argv + 1);
}
