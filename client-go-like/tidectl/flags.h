/*
 * flags - the command line: one table of flags (flag_table.c), of which each command takes some.
 *
 *   tidectl get pods -n x -o wide  -->  struct flags + words {"pods"}
 *
 * Forms: -n x, -nx, -n=x, --namespace x, --namespace=x, -w, --watch, --watch=false; `--` ends
 * flags. A flag that may stand alone (--dry-run, --cascade) takes its value after a = only.
 */
#ifndef TIDEWATCH_TIDECTL_FLAGS_H
#define TIDEWATCH_TIDECTL_FLAGS_H

#include "base/buf.h"

enum { FLAGS_LIST_MAX = 64 };

/* The values of a flag that may be repeated, in their order. */
struct flag_list {
    const char *items[FLAGS_LIST_MAX + 1]; /* NULL behind the last */
    size_t count;
};

struct flags {
    /* all commands */
    bool help, insecure;
    const char *kubeconfig, *context, *cluster, *user, *server, *token, *ns, *request_timeout;
    const char *as, *verbosity;
    struct flag_list as_groups;
    /* what is meant */
    bool all_namespaces, all, recursive, ignore_not_found;
    const char *selector, *field_selector, *subresource;
    struct flag_list files;
    /* how it is printed */
    bool no_headers, show_labels, show_kind, show_managed_fields;
    const char *output, *sort_by, *raw;
    struct flag_list label_columns;
    /* get */
    bool watch, watch_only, output_watch_events, timestamps, live, stats;
    const char *chunk_size, *since_rv, *until, *timeout, *give_up_after;
    /* writes */
    bool overwrite, list, force, now, wait, server_side, force_conflicts;
    const char *dry_run, *field_manager, *validate, *grace_period, *cascade, *patch, *patch_file;
    const char *patch_type, *resource_version, *wait_for;
    /* create */
    struct flag_list literals, from_files, from_env_files;
    const char *type, *image, *replicas;
    /* the rest */
    bool client_only, minify, show_raw, current, quiet;
    struct flag_list verbs;
    const char *api_group, *api_version, *namespaced, *categories;
    /* what is left */
    const char **words;
    size_t word_count;
};

/* Which flags a command takes besides those of all commands: a bit each. */
enum {
    FLAGS_OUTPUT = 1u << 0,     /* -o, for what was written */
    FLAGS_SELECT = 1u << 1,     /* -l --field-selector */
    FLAGS_NAMESPACES = 1u << 2, /* -A */
    FLAGS_ALL = 1u << 3,
    FLAGS_FILE = 1u << 4,
    FLAGS_WRITE = 1u << 5, /* --dry-run --field-manager */
    FLAGS_GET = 1u << 6,
    FLAGS_DELETE = 1u << 7,
    FLAGS_APPLY = 1u << 8,
    FLAGS_CREATE = 1u << 9,
    FLAGS_CREATE_DATA = 1u << 10, /* --from-literal and its like */
    FLAGS_PATCH = 1u << 11,
    FLAGS_LABEL = 1u << 12,
    FLAGS_WAIT = 1u << 13,
    FLAGS_EXPLAIN = 1u << 14,
    FLAGS_RESOURCES = 1u << 15,
    FLAGS_VERSION = 1u << 16,
    FLAGS_CAN_I = 1u << 17,
    FLAGS_CONFIG_VIEW = 1u << 18,
    FLAGS_CONFIG_CONTEXTS = 1u << 19,
    FLAGS_CONFIG_SET = 1u << 20,
    FLAGS_REPLACE = 1u << 21,
    FLAGS_SUBRESOURCE = 1u << 22,
    FLAGS_MANAGED = 1u << 23,         /* --show-managed-fields */
    FLAGS_CREATE_WORKLOAD = 1u << 24, /* --image and its like */
    FLAGS_DIFF = 1u << 25,
    FLAGS_IGNORE = 1u << 27, /* --ignore-not-found */
    FLAGS_NO_HEADERS = 1u << 28,
};

enum flag_kind { FLAG_SWITCH, FLAG_TEXT, FLAG_MAYBE, FLAG_LIST, FLAG_COMMAS };

struct flag {
    unsigned set; /* 0: all commands */
    enum flag_kind kind;
    char letter;
    const char *name, *value, *help;
    size_t offset; /* in struct flags */
};
extern const struct flag flag_table[];
extern const size_t flag_table_len;

static inline bool flag_is_of(const struct flag *flag, unsigned set)
{
    return flag->set == 0 || (flag->set & set) != 0;
}

/* Reads argv[0..argc) and writes the words into `words` (room for argc). False with `reterr` saying
 * what is wrong in kubectl's words. */
bool flags_parse(struct flags *flags, unsigned set, int argc, char **argv, const char **words,
                 struct buf *reterr);
/* The flag that `arg` ("-n", "--namespace") names; NULL if it names none or brings its value. */
const struct flag *flags_find(const char *arg, unsigned set);
/* Is the argument behind `arg` its value? */
bool flags_takes_next(const char *arg, unsigned set);
/* The lines of --help for a set; 0: those of all commands. */
void flags_help(unsigned set, struct buf *out);

#endif
