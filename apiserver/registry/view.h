/*
 * view - how an object is shown: whole, as a row of a Table, or its metadata alone; in JSON, or in
 * protobuf, in its envelope, which is made from the JSON (view_protobuf.c).
 *
 * Table and PartialObjectMetadata: k8s.io/apimachinery/pkg/apis/meta/v1/types.go; how
 * kube-apiserver fills them: k8s.io/apiserver/pkg/endpoints/handlers/response.go. Threads  pure
 * functions.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_VIEW_H
#define TIDEWATCH_APISERVER_REGISTRY_VIEW_H

#include "apiserver/registry/kind.h"
#include "codec/projection.h"

enum view_shape { VIEW_OBJECT, VIEW_TABLE, VIEW_METADATA };
enum view_include { VIEW_INCLUDE_METADATA, VIEW_INCLUDE_NONE, VIEW_INCLUDE_OBJECT };

struct view {
    enum view_shape shape;
    enum view_include include; /* of a Table's rows */
    bool v1beta1;              /* meta.k8s.io/v1beta1 instead of v1 */
    bool protobuf;             /* not for Tables, nor for kinds without a message */
    /* What is shown of an object or its metadata; NULL: all of it. Tables have rows instead.
     * Borrowed. */
    const struct projection *projection;
};

/* metadata of a list. */
struct list_meta {
    uint64_t rev;
    struct bytes continue_token; /* empty: none */
    int64_t remaining;           /* < 0: not said */
};

/* One object (a Table of one row for VIEW_TABLE), with `rev` as its resourceVersion (0: its own).
 */
void view_write_object(struct buf *out, const struct kind *kind, struct view view,
                       const struct object *object, uint64_t rev);
/* A list, piece by piece: begin, one item after the other, end. */
void view_begin_list(struct buf *out, const struct kind *kind, struct view view,
                     const struct list_meta *meta);
void view_add_item(struct buf *out, const struct kind *kind, struct view view,
                   const struct object *object, bool first);
void view_end_list(struct buf *out, const struct kind *kind, struct view view);

/* The object of a watch event. Tables carry their columnDefinitions in the first event only. */
void view_write_event_object(struct buf *out, const struct kind *kind, struct view view,
                             const struct object *object, uint64_t rev, bool with_columns);
/* The object of a BOOKMARK: kind, apiVersion, metadata.resourceVersion, and the annotation
 * k8s.io/initial-events-end if asked. */
void view_write_bookmark_object(struct buf *out, const struct kind *kind, struct view view,
                                uint64_t rev, bool initial_events_end, bool with_columns);

/* "5m3s": how kubectl words an age (k8s.io/apimachinery/pkg/util/duration HumanDuration). */
void view_human_age(struct buf *out, int64_t seconds);

#endif
