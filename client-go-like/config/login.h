/*
 * login - the credentials of one client, as they are now. Internal.
 *
 *   token of the config | token file, read again each minute | exec plugin, until its answer
 * expires
 *                                --login_get()--> credentials --> one request
 *                                <--login_refused()-- 401
 *
 * Shape    a cache of one. While it is being filled other threads wait for it: a plugin may ask a
 *          person, and must not ask twice.
 * Owner    in place; borrows the config. Credentials are reference counted, and never change.
 * Threads  any.
 */
#ifndef TIDEWATCH_CLIENT_CONFIG_LOGIN_H
#define TIDEWATCH_CLIENT_CONFIG_LOGIN_H

#include <pthread.h>
#include <stdatomic.h>

#include "client-go-like/config/config.h"

struct credentials {
    atomic_uint refs;
    char *token;            /* bearer; NULL: none */
    char *cert, *key;       /* PEM, both or neither; they stand in for the config's */
    int64_t expires_wall_s; /* 0: never */
};

/* Copies; empty bytes are left out. NULL without memory. */
struct credentials *credentials_new(struct bytes token, struct bytes cert, struct bytes key);
/* Harmless with NULL, as is _unref(). */
struct credentials *credentials_ref(const struct credentials *credentials);
void credentials_unref(struct credentials *credentials);

struct login {
    const tw_config *config;
    pthread_mutex_t lock; /* what follows */
    struct credentials *current;
    uint64_t read_ms;
    bool refused; /* `current` got a 401 */
};

void login_init(struct login *login, const tw_config *config);
void login_release(struct login *login);
/* Gives a reference; NULL if the config names nothing to send. A file that cannot be read now, or a
 * plugin that fails now, leaves what was known in use as long as it is not known to be bad. */
tw_status login_get(struct login *login, struct credentials **ret_credentials, tw_error **reterr);
/* The server did not know `used` (which may be NULL): the next login_get() asks anew. False: there
 * is nothing else to try. */
bool login_refused(struct login *login, const struct credentials *used);

#endif
