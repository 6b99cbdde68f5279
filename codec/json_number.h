/*
 * json_number - the text of a JSON number, taken by value. Private to codec/json_*.c.
 */
#ifndef TIDEWATCH_CODEC_JSON_NUMBER_H
#define TIDEWATCH_CODEC_JSON_NUMBER_H

#include "base/bytes.h"

/* 1, 1.0 and 10e-1 are equal, 2^53 and 2^53+1 are not. Exponents past 10^18 compare as text. */
bool json_number_equal(struct bytes a, struct bytes b);

#endif
