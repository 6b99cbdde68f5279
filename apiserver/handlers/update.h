/*
 * update - putting a new version in the place of an old one: PUT and PATCH, of the whole and of its
 * subresources.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_UPDATE_H
#define TIDEWATCH_APISERVER_HANDLERS_UPDATE_H

#include "apiserver/handlers/write.h"

enum part { PART_WHOLE, PART_STATUS, PART_FINALIZE };

/* What the URL says of the object. */
enum part update_part(const struct api_request *api);
/* BAD_REQUEST: the object's name or namespace is not that of the URL. */
MUST_CHECK enum status update_check_name(const struct api_request *api, const struct json *tree,
                                         struct error *reterr);
/* OK if the version and the uid that `tree` names are those of the object in the cache, or it names
 * none; CONFLICT, BAD_REQUEST. */
MUST_CHECK enum status update_check_version(const struct write_job *job, const struct json *tree,
                                            struct error *reterr);
/* Plans to put `tree`, in the job's arena, in the place of job->old; an object that is being
 * deleted and held by nothing any more is deleted instead. */
MUST_CHECK enum status update_plan(struct write_job *job, enum part part, struct json *tree,
                                   struct error *reterr);

#endif
