/*
 * list_options - the query of a list, a watch or a deletecollection, checked.
 *
 * Rules: k8s.io/apimachinery/pkg/apis/meta/internalversion/{defaults.go,validation/validation.go}
 * and k8s.io/apiserver/pkg/storage/interfaces.go.
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_LIST_OPTIONS_H
#define TIDEWATCH_APISERVER_REQUEST_LIST_OPTIONS_H

#include "apiserver/request/request_info.h"
#include "base/error.h"
#include "codec/selector.h"

enum rv_match { RV_MATCH_NONE, RV_MATCH_EXACT, RV_MATCH_NOT_OLDER };

struct list_options {
    struct label_selector *labels; /* owned: list_options_release() */
    struct field_selector *fields;
    bool rv_set; /* to something not empty */
    uint64_t rv;
    enum rv_match match;
    uint64_t limit; /* 0: none */
    struct bytes continue_token;
    bool watch, bookmarks;
    bool send_initial_set, send_initial; /* sendInitialEvents, defaulted */
    uint64_t timeout_s;                  /* 0: not given */
};

/* BAD_REQUEST or INVALID ("ListOptions.meta.k8s.io \"\" is invalid: ..."). `watch` is the verb. */
MUST_CHECK enum status list_options_parse(const struct query *query, bool watch,
                                          struct list_options *ret_options, struct error *reterr);
void list_options_release(struct list_options *options);
/* How many watches one with these selectors counts for: they stay in memory with it, ten times as
 * long as they were written. */
enum { LIST_OPTIONS_WEIGHED = 256 }; /* bytes of selectors that count for one more */
uint32_t list_options_weight(const struct query *query);

/* "continue" tokens: base64url of {"v":"meta.k8s.io/v1","rv":N,"start":"key\u0000"}
 * (k8s.io/apiserver/pkg/storage/continue.go), and "left", our own: items behind this page. */
struct continue_token {
    int64_t rv;               /* of the snapshot; -1: go on at the newest state */
    struct bytes start_after; /* the key, without the list's prefix */
    int64_t left;             /* < 0: not known */
};
struct bytes continue_encode(struct arena *arena, const struct continue_token *token);
MUST_CHECK enum status continue_decode(struct arena *arena, struct bytes text,
                                       struct continue_token *ret_token, struct error *reterr);

#endif
