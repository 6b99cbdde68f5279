/*
 * label_syntax - what a label's key and value may look like, with the apiserver's reasons when not.
 *
 * Key    an optional DNS-1123 subdomain and `/`, then a name of at most 63 characters.
 * Value  empty, or such a name.
 * Source k8s.io/apimachinery/pkg/util/validation: IsQualifiedName, IsValidLabelValue.
 *
 * Owner    appends to the caller's buf, keeps nothing.
 * Threads  pure: from anywhere.
 * Errors   false, with the reasons joined by "; " in `why`; a NULL `why` declines the words.
 */
#ifndef TIDEWATCH_CODEC_LABEL_SYNTAX_H
#define TIDEWATCH_CODEC_LABEL_SYNTAX_H

#include "base/buf.h"

bool label_key_check(struct bytes key, struct buf *why);
bool label_value_check(struct bytes value, struct buf *why);
/* Lower case labels joined by dots, at most 253 characters; `prefix` stands before each reason. */
bool dns_subdomain_check(struct bytes name, const char *prefix, struct buf *why);

#endif
