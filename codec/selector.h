/*
 * selector - label selectors and field selectors: parsed once, matched for every event.
 *
 * Labels  `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x,y)`, `a`, `!a`, `a>1`, `a<5`, joined by
 *         commas (k8s.io/apimachinery/pkg/labels/selector.go).
 * Fields  `a=b`, `a==b`, `a!=b`, joined by commas, `\` escapes `,` `=` `\`
 *         (k8s.io/apimachinery/pkg/fields/selector.go).
 * Owner   a selector owns its texts; NULL is the selector that matches all.
 * Threads immutable once parsed: share at will.
 */
#ifndef TIDEWATCH_CODEC_SELECTOR_H
#define TIDEWATCH_CODEC_SELECTOR_H

#include "base/bytes.h"
#include "base/error.h"

struct label {
    struct bytes key, value;
};

struct label_selector;

/* BAD_REQUEST with kube-apiserver's wording ("unable to parse requirement: ..."). Empty text gives
 * NULL. At most SELECTOR_VALUES_MAX values in all. */
enum { SELECTOR_VALUES_MAX = 20000 };
MUST_CHECK enum status label_selector_parse(struct bytes text, struct label_selector **ret_selector,
                                            struct error *reterr);
void label_selector_free(struct label_selector *selector);
/* `labels` sorted by key bytes. */
bool label_selector_matches(const struct label_selector *selector, const struct label *labels,
                            size_t count);
/* A label and the one value that it must have, if a requirement says so (the first that does);
 * borrowed. */
bool label_selector_required(const struct label_selector *selector, struct bytes *ret_key,
                             struct bytes *ret_value);

struct field_term {
    struct bytes field, value; /* unescaped */
    bool negated;
};
struct field_selector {
    size_t count;
    struct field_term terms[];
};

MUST_CHECK enum status field_selector_parse(struct bytes text, struct field_selector **ret_selector,
                                            struct error *reterr);
void field_selector_free(struct field_selector *selector);
/* The value that `field` must equal, if a term says so; else ptr NULL. */
struct bytes field_selector_required(const struct field_selector *selector, const char *field);

#endif
