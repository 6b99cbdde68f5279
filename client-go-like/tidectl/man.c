#include "client-go-like/tidectl/commands.h"

/* The man page, from the same rows as the command line: docs/man/tidectl.1 is `tidectl __man`. */

/* Text as roff: `-` and `\` are written out, and a dot or quote that begins a line says nothing. */
static void append_roff(struct buf *out, const char *text)
{
    bool at_start = true;

    for (; *text != '\0'; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            buf_append_str(out, "\\&");
        if (*text == '\\')
            buf_append_str(out, "\\e");
        else if (*text == '-')
            buf_append_str(out, "\\-");
        else
            buf_append_char(out, *text);
        at_start = *text == '\n';
    }
}

static void append_flag(struct buf *out, const struct flag *flag)
{
    buf_append_str(out, ".TP\n.B ");
    if (flag->letter != 0)
        buf_appendf(out, "\\-%c, ", flag->letter);
    append_roff(out, "--");
    append_roff(out, flag->name);
    if (flag->value != NULL) {
        buf_append_str(out, flag->kind == FLAG_MAYBE ? "[=" : " ");
        append_roff(out, flag->value);
        buf_append_str(out, flag->kind == FLAG_MAYBE ? "]" : "");
    }
    buf_append_char(out, '\n');
    append_roff(out, flag->help);
    buf_append_char(out, '\n');
}

static void append_command(struct buf *out, const struct command *command)
{
    buf_append_str(out, ".SS ");
    append_roff(out, command->name);
    buf_append_str(out, "\n.B tidectl ");
    append_roff(out, command->usage);
    buf_append_str(out, "\n.PP\n");
    append_roff(out, command->help);
    buf_append_str(out, "\n.PP\n.nf\n");
    append_roff(out, command->examples);
    buf_append_str(out, ".fi\n");
    for (size_t i = 0; i < flag_table_len; i++)
        if ((flag_table[i].set & command->flags) != 0)
            append_flag(out, &flag_table[i]);
}

static const struct {
    const char *title, *text;
} before[] = {
    {"NAME", "tidectl - talk to a Kubernetes-style API server"},
    {"SYNOPSIS", "tidectl COMMAND [WORDS] [FLAGS]"},
    {"DESCRIPTION",
     "tidectl is a small kubectl: the commands of everyday use, with the same words, flags, output "
     "and exit codes, against any Kubernetes API server. A watch (get -w) differs: it comes back "
     "by itself when the server or the network goes away, says so on stderr, prints no change "
     "twice, and gives up only after --give-up-after.\n"
     "\n"
     "It leaves out what needs a cluster behind the API (logs, exec, cp, port-forward, drain, "
     "top), Go templates (-o go-template; use jsonpath) and kustomize (-k)."},
};

static const struct {
    const char *code, *text;
} codes[] = {
    {"0", "It is done. For wait and get --until: the condition holds."},
    {"1", "An error, told on stderr. diff: there are differences. auth can-i: no."},
    {"2", "diff: an error (also what an external diff ends with)."},
    {"3", "get -w: no answer from the server for --give-up-after."},
    {"4", "get -w --until: the watch ended (--timeout) before the condition held."},
    {"130, 143", "A watch with --stats was ended by SIGINT or SIGTERM."},
};

static const struct {
    const char *name, *text;
} environment[] = {
    {"KUBECONFIG", "The kubeconfig files, with : between them; else ~/.kube/config."},
    {"KUBE_EDITOR, EDITOR", "The editor of edit; else vi."},
    {"KUBECTL_EXTERNAL_DIFF", "What diff compares two folders with; else diff -u -N."},
    {"NO_COLOR", "If set and not empty, watches are not coloured on a terminal."},
};

static const char differences[] =
    "Client-side apply and edit send JSON merge patches for every type, where kubectl sends "
    "strategic merge patches for built-in ones: lists are replaced as a whole. edit takes several "
    "objects one after the other. describe prints every type as kubectl prints custom resources. "
    "Members of objects are sorted in all output.";

int tidectl_man(struct tidectl *t)
{
    struct buf out = {0};

    (void)t;
    buf_append_str(&out,
                   ".TH TIDECTL 1 \"\" \"Tidewatch " TIDEWATCH_VERSION "\" \"User Commands\"\n");
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        buf_appendf(&out, ".SH %s\n", before[i].title);
        append_roff(&out, before[i].text);
        buf_append_char(&out, '\n');
    }
    buf_append_str(&out, ".SH COMMANDS\n");
    for (size_t i = 0; i < commands_len; i++)
        if (commands[i].name[0] != '_')
            append_command(&out, &commands[i]);
    buf_append_str(&out, ".SH FLAGS OF ALL COMMANDS\n");
    for (size_t i = 0; i < flag_table_len; i++)
        if (flag_table[i].set == 0)
            append_flag(&out, &flag_table[i]);
    buf_append_str(&out, ".SH EXIT CODES\n");
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        buf_appendf(&out, ".TP\n.B %s\n", codes[i].code);
        append_roff(&out, codes[i].text);
        buf_append_char(&out, '\n');
    }
    buf_append_str(&out, ".SH ENVIRONMENT\n");
    for (size_t i = 0; i < ARRAY_LEN(environment); i++) {
        buf_appendf(&out, ".TP\n.B %s\n", environment[i].name);
        append_roff(&out, environment[i].text);
        buf_append_char(&out, '\n');
    }
    buf_append_str(&out, ".SH DIFFERENCES FROM KUBECTL\n");
    append_roff(&out, differences);
    buf_append_str(&out, "\n.SH SEE ALSO\ntidewatch(8), kubectl(1)\n");
    return tidectl_finish(&out, 0);
}
