/*
 * encryption_config - the file of --encryption-provider-config: what is sealed on the disk, and
 * with which keys.
 *
 *   apiVersion: apiserver.config.k8s.io/v1
 *   kind: EncryptionConfiguration
 *   resources:
 *   - resources: [secrets, widgets.example.com]   # also *.apps, *. (the core group), *.*
 *     providers:
 *     - aesgcm: {keys: [{name: key2, secret: <base64 of 32 bytes>}, {name: key1, secret: ..}]}
 *     - identity: {}
 *
 * As kube-apiserver reads it (k8s.io/apiserver/pkg/apis/apiserver): the first entry that names a
 * resource is that resource's; its first provider writes, with its first key; without `identity`
 * among them nothing unsealed is taken. Beyond it, every key of the file opens every resource.
 *
 * Errors   BAD_REQUEST, with the file, the place in it and what is wrong, never a secret; also for
 *          a file that others may read, for providers that are none of these, and for a resource
 *          that never gets its turn.
 */
#ifndef TIDEWATCH_APISERVER_ENCRYPTION_ENCRYPTION_CONFIG_H
#define TIDEWATCH_APISERVER_ENCRYPTION_ENCRYPTION_CONFIG_H

#include "storage/sealing.h"

MUST_CHECK enum status encryption_config_load(const char *path, struct sealing **ret_sealing,
                                              struct error *reterr);
/* For the text of one; `name` stands in messages. The secrets in it are wiped. */
MUST_CHECK enum status encryption_config_parse(const char *name, struct buf *text,
                                               struct sealing **ret_sealing, struct error *reterr);

#endif
