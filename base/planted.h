/*
 * planted - bugs put in on purpose, so that the checker of tests/fault is seen to catch them.
 *
 * Only in a build with cmake -DPLANTED=ON, and there one at a time: TIDEWATCH_PLANT=NAME in the
 * environment plants a bug, NAME/N lets it act each N-th time. In any other build PLANTED() is a
 * constant, and the compiler leaves nothing of it. From any thread.
 */
#ifndef TIDEWATCH_BASE_PLANTED_H
#define TIDEWATCH_BASE_PLANTED_H

#include "base/base.h"

#ifdef TIDEWATCH_PLANTED
#define PLANTED(name) planted_acts(#name)
bool planted_acts(const char *name);
#else
#define PLANTED(name) false
#endif

#endif
