/*
 * kubeconfig_file - the files of a kubeconfig as trees: to be shown, and to be changed.
 *
 * Shape    --kubeconfig, else the list of $KUBECONFIG, else ~/.kube/config. In the merged tree the
 *          first file that has an entry wins, as with client-go's loading rules.
 * Owner    everything lives in the arena.
 */
#ifndef TIDEWATCH_TIDECTL_KUBECONFIG_FILE_H
#define TIDEWATCH_TIDECTL_KUBECONFIG_FILE_H

#include "client-go-like/tidectl/tidectl.h"
#include "codec/json.h"

enum { KUBECONFIG_FILES_MAX = 32 };

struct kubeconfig_files {
    struct arena arena;
    struct {
        const char *path;
        struct json *tree; /* an empty one where the file does not exist */
    } files[KUBECONFIG_FILES_MAX];
    size_t count;
};

/* False after saying which file cannot be read. */
bool kubeconfig_files_read(const struct tidectl *t, struct kubeconfig_files *files);
void kubeconfig_files_release(struct kubeconfig_files *files);
/* All of them as one. NULL without memory. */
struct json *kubeconfig_files_merge(struct kubeconfig_files *files);
/* The entry `name` of "clusters", "contexts" or "users" in a tree; NULL if there is none. */
struct json *kubeconfig_entry(const struct json *tree, const char *list, struct bytes name);
/* Writes one file anew, in one step. False after saying why not. */
bool kubeconfig_files_write(const struct kubeconfig_files *files, size_t index);

#endif
