/*
 * negotiate - from the Accept header to the form of an answer
 * (k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go).
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_NEGOTIATE_H
#define TIDEWATCH_APISERVER_REQUEST_NEGOTIATE_H

#include "base/arena.h"
#include "base/error.h"
#include "codec/projection.h"

enum negotiated_form { FORM_JSON, FORM_YAML, FORM_EVENT_STREAM, FORM_PROTOBUF, FORM_COUNT };
enum negotiated_as { AS_OBJECT, AS_TABLE, AS_METADATA, AS_METADATA_LIST };
enum negotiated_discovery { NEGOTIATED_LEGACY, NEGOTIATED_V2, NEGOTIATED_V2BETA1 };

struct negotiated {
    enum negotiated_form form;
    enum negotiated_as as;
    bool v1beta1; /* of meta.k8s.io */
    bool pretty;  /* asked for by a media type parameter */
    /* What the parameters `drop` and `fields` leave (KEP-5958 has the first); NULL: all. Owned:
     * projection_unref(). */
    struct projection *projection;
};

/* What there is to offer. */
enum negotiate_offer {
    OFFER_STREAM = 1,            /* for a watch */
    OFFER_PROTOBUF = 2,          /* of whole objects and of their metadata */
    OFFER_PROTOBUF_METADATA = 4, /* of their metadata alone: the kind has no message */
};

/* NOT_ACCEPTABLE names what would be; BAD_REQUEST: a projection is wrong. */
MUST_CHECK enum status negotiate(struct arena *arena, struct bytes accept, unsigned offers,
                                 struct negotiated *ret_negotiated, struct error *reterr);
/* For a Status that tells of a failure: its form is the best there is, in the end JSON
 * (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/writers.go ErrorNegotiated). */
enum negotiated_form negotiate_failure(struct arena *arena, struct bytes accept);
/* For /api and /apis: what the client can take; `*ret_form` is JSON or protobuf. */
enum negotiated_discovery negotiate_discovery(struct arena *arena, struct bytes accept,
                                              enum negotiated_form *ret_form);
#define PROTOBUF_MEDIA_TYPE "application/vnd.kubernetes.protobuf"

/* OK if a body of this Content-Type (empty: JSON) can be read; else
 * UNSUPPORTED_MEDIA_TYPE, worded as the real server does. */
MUST_CHECK enum status negotiate_body(struct bytes content_type, struct error *reterr);

#endif
