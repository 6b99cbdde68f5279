/*
 * strategy - from what a client sent to what is stored: the rules of each kind, around the rules of
 * all (k8s.io/apiserver/pkg/registry/rest, k8s.io/kubernetes/pkg/registry/core and others).
 *
 *   draft (tree, old) --system fields--> --defaults--> --the kind's own--> --validated--> object
 *
 * Owner    a draft borrows everything; nodes live in its arena.
 * Threads  the loop of its registry.
 * Errors   INVALID with causes, BAD_REQUEST for what cannot be decoded, TOO_LARGE, NO_MEMORY.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_STRATEGY_H
#define TIDEWATCH_APISERVER_HANDLERS_STRATEGY_H

#include "apiserver/handlers/meta_rules.h"
#include "apiserver/registry/registry.h"

struct api_request;

struct draft {
    struct arena *arena;
    const struct registry *registry;
    struct api_request *api; /* on whose behalf; NULL: the server's own */
    const struct kind *kind;
    struct bytes namespace;
    struct json *tree;      /* becomes the new version */
    const struct json *old; /* what it replaces; NULL: it is created */
    struct field_errors errors;
};

/* metadata.name must be there, unless it is to be missed. */
MUST_CHECK enum status strategy_create(struct draft *draft, struct error *reterr);
/* The whole object but its status. */
MUST_CHECK enum status strategy_update(struct draft *draft, struct error *reterr);
/* Of the status subresource: takes only .status from the tree. */
MUST_CHECK enum status strategy_update_status(struct draft *draft, struct error *reterr);
/* Of namespaces/finalize: takes only .spec.finalizers from the tree. */
MUST_CHECK enum status strategy_update_finalize(struct draft *draft, struct error *reterr);

/* Nothing holds this object back from being deleted. */
bool strategy_may_go(const struct kind *kind, const struct json *tree);
/* The deletion has begun: what the kind says about it (phase, condition). */
void strategy_mark_deleting(struct arena *arena, const struct kind *kind, struct json *tree);
/* Seconds that the object gets to end by itself; `asked` < 0: not said. */
int64_t strategy_grace_s(const struct kind *kind, const struct json *tree, bool given,
                         int64_t asked);

/* The image of a finished tree. TOO_LARGE: beyond what is stored. */
enum { OBJECT_BYTES_MAX = 1536 * 1024 };
MUST_CHECK enum status strategy_image(struct arena *arena, const struct kind *kind,
                                      struct json *tree, struct object **ret_object,
                                      struct error *reterr);

#endif
