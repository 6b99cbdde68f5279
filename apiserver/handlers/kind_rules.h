/*
 * kind_rules - what single kinds add to the rules of all. A kind with rules of its own is a row of
 * the table in strategy.c, and functions here.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_KIND_RULES_H
#define TIDEWATCH_APISERVER_HANDLERS_KIND_RULES_H

#include "apiserver/handlers/strategy.h"

struct kind_rules {
    const char *group_resource;
    enum name_rule name_rule;
    bool keeps_status; /* a status sent with a create is taken */
    /* Normalises, behind the defaults. */
    void (*prepare)(struct draft *draft);
    /* Adds to draft->errors. */
    void (*validate)(struct draft *draft);
    /* The last word, with words of its own. */
    enum status (*finish)(struct draft *draft, struct error *reterr);
};

/* data_rules.c: ConfigMap, Secret */
void config_map_prepare(struct draft *draft);
void config_map_validate(struct draft *draft);
void secret_prepare(struct draft *draft);
void secret_validate(struct draft *draft);

/* core_rules.c */
void namespace_prepare(struct draft *draft);
void service_prepare(struct draft *draft);
void network_policy_prepare(struct draft *draft);

/* workload_rules.c: what holds pods; spec.selector and the template it must match */
void pod_prepare(struct draft *draft);
void workload_prepare(struct draft *draft);
void cron_job_prepare(struct draft *draft);
void controller_prepare(struct draft *draft);
void workload_validate(struct draft *draft);

/* rbac_rules.c: roles and bindings */
void rbac_role_validate(struct draft *draft);
void rbac_binding_prepare(struct draft *draft);
void rbac_binding_validate(struct draft *draft);
/* Nobody gives away what he does not have. */
enum status rbac_role_finish(struct draft *draft, struct error *reterr);
enum status rbac_binding_finish(struct draft *draft, struct error *reterr);

/* crd_rules.c */
enum status crd_finish(struct draft *draft, struct error *reterr);
void crd_mark_deleting(struct arena *arena, struct json *crd);
/* All of its objects are gone. */
void crd_remove_finalizer(struct arena *arena, struct json *crd);

#endif
