/*
 * commands - every command is a row: its words, its help, its flags and what runs it.
 */
#ifndef TIDEWATCH_TIDECTL_COMMANDS_H
#define TIDEWATCH_TIDECTL_COMMANDS_H

#include "client-go-like/tidectl/tidectl.h"

struct command {
    const char *name; /* "get", or two words: "config view" */
    const char *usage, *help, *examples;
    unsigned flags;
    bool offline; /* it asks no server, or calls tidectl_begin() itself */
    int (*run)(struct tidectl *t);
};

extern const struct command commands[];
extern const size_t commands_len;

/* The command that words[0..count) begin with, the longest first; NULL if there is none. */
const struct command *command_find(const char *const *words, size_t count, size_t *ret_used);

/* ---- help.c ---- */
int help_all(void);
int help_one(const struct command *command);
/* Of a first word that needs a second one: false if `word` is no such. */
bool help_group(const char *word);

int tidectl_annotate(struct tidectl *t);
int tidectl_api_resources(struct tidectl *t);
int tidectl_api_versions(struct tidectl *t);
int tidectl_apply(struct tidectl *t);
int tidectl_can_i(struct tidectl *t);
int tidectl_cluster_info(struct tidectl *t);
int tidectl_completion(struct tidectl *t);
int tidectl_config_current_context(struct tidectl *t);
int tidectl_config_get_contexts(struct tidectl *t);
int tidectl_config_set_context(struct tidectl *t);
int tidectl_config_use_context(struct tidectl *t);
int tidectl_config_view(struct tidectl *t);
int tidectl_create(struct tidectl *t);
int tidectl_create_configmap(struct tidectl *t);
int tidectl_create_deployment(struct tidectl *t);
int tidectl_create_namespace(struct tidectl *t);
int tidectl_create_secret(struct tidectl *t);
int tidectl_create_service_account(struct tidectl *t);
int tidectl_delete(struct tidectl *t);
int tidectl_describe(struct tidectl *t);
int tidectl_diff(struct tidectl *t);
int tidectl_edit(struct tidectl *t);
int tidectl_explain(struct tidectl *t);
int tidectl_get(struct tidectl *t);
int tidectl_label(struct tidectl *t);
int tidectl_man(struct tidectl *t);
int tidectl_options(struct tidectl *t);
int tidectl_patch(struct tidectl *t);
int tidectl_replace(struct tidectl *t);
int tidectl_version_command(struct tidectl *t);
int tidectl_wait(struct tidectl *t);
int tidectl_whoami(struct tidectl *t);
/* `tidectl __complete WORD..`: what could stand where the last word is, one a line. */
int complete_words(int argc, char **argv);

#endif
