/*
 * create - making a new object: POST, and a PUT where there is nothing yet.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_CREATE_H
#define TIDEWATCH_APISERVER_HANDLERS_CREATE_H

#include "apiserver/handlers/write.h"

/* Plans to make `tree`, which lives in the job's arena and names the object. ALREADY_EXISTS, and
 * all that admission and the kind's strategy refuse. */
MUST_CHECK enum status create_plan(struct write_job *job, struct json *tree, struct error *reterr);

#endif
