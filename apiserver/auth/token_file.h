/*
 * token_file - static bearer tokens: lines of `token,user,uid,"group1,group2"`
 * (k8s.io/apiserver/pkg/authentication/token/tokenfile, which reads encoding/csv).
 *
 * Tokens are kept and compared as SHA-256 digests: how long a look-up takes tells nothing that
 * leads to a token.
 *
 * Owner    token_file_free().
 * Threads  immutable once loaded.
 * Errors   a line that names the file and the line in it; never a token.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_TOKEN_FILE_H
#define TIDEWATCH_APISERVER_AUTH_TOKEN_FILE_H

#include "apiserver/auth/user.h"
#include "base/error.h"

enum { DIGEST_LEN = 32 };

/* SHA-256 of bytes; false without memory. */
MUST_CHECK bool digest_of(struct bytes bytes, uint8_t ret_digest[DIGEST_LEN]);

struct token_file;
MUST_CHECK enum status token_file_load(const char *path, struct token_file **ret_file,
                                       struct error *reterr);
/* For the text of one; `name` stands in messages. */
MUST_CHECK enum status token_file_parse(const char *name, struct bytes text,
                                        struct token_file **ret_file, struct error *reterr);
void token_file_free(struct token_file *file);
/* NULL: no such token. Borrowed from the file. */
const struct user *token_file_find(const struct token_file *file,
                                   const uint8_t token_digest[DIGEST_LEN]);

#endif
