/*
 * flags - the command line: one table of flags, of which each command takes some.
 *
 *   tidectl get pods -n x -o wide  -->  struct flags + words {"pods"}
 *
 * Forms: -n x, -nx, -n=x, --namespace x, --namespace=x, -w, --watch, --watch=false; `--` ends
 * flags.
 */
#ifndef TIDEWATCH_TIDECTL_FLAGS_H
#define TIDEWATCH_TIDECTL_FLAGS_H

#include "base/buf.h"

enum { FLAGS_FILES_MAX = 64 };

struct flags {
    /* all commands */
    bool help, insecure;
    const char *kubeconfig, *context, *server, *token, *ns, *timeout;
    /* some */
    bool all_namespaces, watch, watch_only, output_watch_events, no_headers, show_labels;
    bool ignore_not_found, client_only, wait;
    const char *output, *selector, *field_selector, *chunk_size, *api_group, *namespaced;
    const char *files[FLAGS_FILES_MAX];
    size_t file_count;
    /* what is left */
    const char **words;
    size_t word_count;
};

/* Which flags a command takes besides those of all commands: a bit each. */
enum flag_set {
    FLAGS_GET = 1,
    FLAGS_FILE = 2,
    FLAGS_DELETE = 4,
    FLAGS_RESOURCES = 8,
    FLAGS_VERSION = 16,
};

/* Reads argv[0..argc) and writes the words into `words` (room for argc). False with `reterr` saying
 * what is wrong in kubectl's words. */
bool flags_parse(struct flags *flags, unsigned set, int argc, char **argv, const char **words,
                 struct buf *reterr);
/* The lines of --help for a set; 0: those of all commands. */
void flags_help(unsigned set, struct buf *out);

#endif
