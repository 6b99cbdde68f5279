/*
 * proto_files - /proto: the messages of all that is served in protobuf, as files for protoc.
 *
 *   /proto                                       what there is
 *   /proto/core_v1.proto                         of built-in kinds, and what they are made of
 *   /proto/stable.example.com/v1/crontabs.proto  of a custom resource; imports some of the others
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_PROTO_FILES_H
#define TIDEWATCH_APISERVER_HANDLERS_PROTO_FILES_H

#include "apiserver/handlers/api.h"

handler handle_proto_files;

/* The files of proto/; CMake makes the table. */
struct proto_file {
    const char *name;
    const unsigned char *text;
    size_t len;
};
extern const struct proto_file proto_files[];
extern const size_t proto_files_count;

#endif
