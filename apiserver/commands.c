#include "apiserver/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/config.h"
#include "apiserver/encryption/encryption_config.h"
#include "storage/store_file.h"

struct call {
    const char *file; /* the argument that is no setting */
    char *database;   /* in --data-dir */
    const char *data_dir;
    struct sealing *sealing; /* NULL: no keys were given */
    struct store_file_watcher watcher;
    struct store_file_report report;
};

/* ---- progress: one line on a terminal, nothing elsewhere ---- */

static void show_progress(void *user, const char *doing, uint64_t done, uint64_t all)
{
    (void)user;
    fprintf(stderr, "\r\033[K%s", doing);
    if (all != 0)
        fprintf(stderr, ": %" PRIu64 " of %" PRIu64 " (%d %%)", done, all,
                (int)((double)done * 100 / (double)all));
}

static void end_progress(const struct call *call)
{
    if (call->watcher.progress != NULL)
        fputs("\r\033[K", stderr);
}

static void print_report(const struct call *call, const char *what)
{
    const struct store_file_report *report = &call->report;

    printf("%s: %" PRIu64 " objects at revision %" PRIu64 ", %" PRIu64
           " stored changes, history from revision %" PRIu64 "\n",
           what, report->objects, report->committed, report->changes, report->floor);
}

/* Of sealed values: with which keys. */
static void print_keys(const struct call *call, const char *what)
{
    const struct store_file_report *report = &call->report;

    for (size_t i = 0; i < report->key_count; i++)
        if (report->keys[i].id[0] != '\0')
            printf("%s: %" PRIu64 " changes sealed with key \"%s\"%s\n", what,
                   report->keys[i].changes, report->keys[i].id,
                   call->sealing != NULL ? ", opened" : ", not opened: no keys were given");
}

/* ---- commands ---- */

/* Looks at a store, or a backup, and prints what is in it. */
static enum status look_at(struct call *call,
                           enum status (*look)(const char *, const struct sealing *,
                                               const struct store_file_watcher *,
                                               struct store_file_report *, struct error *),
                           struct error *reterr)
{
    const char *path = call->file != NULL ? call->file : call->database;
    enum status st = look(path, call->sealing, &call->watcher, &call->report, reterr);

    end_progress(call);
    if (st == STATUS_OK) {
        print_report(call, path);
        print_keys(call, path);
    }
    return st;
}

static enum status verify(struct call *call, struct error *reterr)
{
    return look_at(call, store_file_verify, reterr);
}

static enum status reseal(struct call *call, struct error *reterr)
{
    if (call->sealing == NULL)
        return error_set(reterr, STATUS_BAD_REQUEST, "--encryption-provider-config is missing");
    return look_at(call, store_file_reseal, reterr);
}

static enum status backup(struct call *call, struct error *reterr)
{
    enum status st =
        store_file_backup(call->database, call->file, &call->watcher, &call->report, reterr);

    end_progress(call);
    if (st == STATUS_OK)
        print_report(call, call->file);
    return st;
}

static enum status restore(struct call *call, struct error *reterr)
{
    enum status st;

    mkdir(call->data_dir, 0700); /* there already, or the next line says what is wrong */
    st = store_file_restore(call->file, call->database, &call->watcher, &call->report, reterr);
    end_progress(call);
    if (st == STATUS_OK)
        print_report(call, call->database);
    return st;
}

static const struct command {
    const char *name, *usage, *help;
    bool needs_file;
    enum status (*run)(struct call *call, struct error *reterr);
} commands[] = {
    {"verify", "verify [--data-dir=DIR] [FILE]",
     "check every page and row of a store, served or not, or of a backup", false, verify},
    {"backup", "backup [--data-dir=DIR] FILE",
     "copy a store, served or not, as it is at one moment; the copy is checked", true, backup},
    {"restore", "restore [--data-dir=DIR] FILE",
     "make a backup the store of an empty data folder; revisions go on far above", true, restore},
    {"reseal", "reseal [--data-dir=DIR] [FILE]",
     "write all of a store that is not served, or of a backup, as --encryption-provider-config "
     "says",
     false, reseal},
};

void commands_write_help(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        buf_appendf(out, "  tidewatch %-32s %s\n", commands[i].usage, commands[i].help);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Takes the file out of the arguments: the others are settings. False: there are two. */
static bool take_file(int *argc, char **argv, const char **ret_file)
{
    int kept = 1;

    *ret_file = NULL;
    for (int i = 1; i < *argc; i++) {
        if (argv[i][0] == '-')
            argv[kept++] = argv[i];
        else if (*ret_file != NULL)
            return false;
        else
            *ret_file = argv[i];
    }
    *argc = kept;
    return true;
}

static int wrong_usage(const struct command *command)
{
    fprintf(stderr, "usage: tidewatch %s\n", command->usage);
    return 2;
}

static int run_command(const struct command *command, struct call *call)
{
    struct error err = {0};
    int code = 0;

    if (isatty(STDERR_FILENO))
        call->watcher.progress = show_progress;
    if (asprintf(&call->database, "%s/tidewatch.db", call->data_dir) < 0)
        return 1;
    if (command->run(call, &err) != STATUS_OK) {
        fprintf(stderr, "tidewatch %s: %s\n", command->name, error_message(&err));
        code = 1;
    }
    error_release(&err);
    free(call->database);
    return code;
}

static bool load_keys(const struct command *command, const struct config *config, struct call *call)
{
    const char *path = config->encryption_provider_config;
    struct error err = {0};

    if (path == NULL || encryption_config_load(path, &call->sealing, &err) == STATUS_OK)
        return true;
    fprintf(stderr, "tidewatch %s: %s\n", command->name, error_message(&err));
    error_release(&err);
    return false;
}

static int run_with_settings(const struct command *command, int argc, char **argv)
{
    struct config config;
    struct error err = {0};
    struct call call = {0};
    int code;

    if (!take_file(&argc, argv, &call.file))
        return wrong_usage(command);
    if (config_parse(argc, argv, &config, &err) != STATUS_OK) {
        fprintf(stderr, "tidewatch %s: %s\n", command->name, error_message(&err));
        error_release(&err);
        return 2;
    }
    call.data_dir = config.data_dir;
    if (config.help)
        code = printf("usage: tidewatch %s\n%s\n", command->usage, command->help) < 0;
    else if (command->needs_file && call.file == NULL)
        code = wrong_usage(command);
    else
        code = load_keys(command, &config, &call) ? run_command(command, &call) : 1;
    sealing_free(call.sealing);
    config_release(&config);
    return code;
}

int command_run(int argc, char *const *argv)
{
    const struct command *command = find_command(argv[0]);
    char **copy;
    int code;

    if (command == NULL) {
        fprintf(stderr, "tidewatch: there is no command %s (see tidewatch --help)\n", argv[0]);
        return 2;
    }
    copy = calloc((size_t)argc + 1, sizeof(*copy));
    if (copy == NULL)
        return 1;
    memcpy(copy, argv, (size_t)argc * sizeof(*copy));
    code = run_with_settings(command, argc, copy);
    free(copy);
    return code;
}
