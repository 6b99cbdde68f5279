/*
 * watcher - what anyone can write who has downloaded the .proto files: a watch of a custom resource
 * in C, by libcurl and protoc-c. Nothing here is of this project.
 *
 *   watcher URL COUNT     prints so many events, a line each
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boats.pb-c.h"
#include "meta_v1.pb-c.h"
#include "runtime.pb-c.h"

typedef Harbor__Example__Com__V1__Boat Boat;

static unsigned char pending[1 << 20];
static size_t pending_len;
static long wanted;

static void must(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void print_boat(const Boat *boat)
{
    printf(" name=%s rv=%s", boat->metadata->name, boat->metadata->resourceversion);
    if (boat->spec == NULL)
        return;
    if (boat->spec->sail != NULL)
        printf(" sail=%s", boat->spec->sail);
    if (boat->spec->has_crew)
        printf(" crew=%lld", (long long)boat->spec->crew);
    for (size_t i = 0; i < boat->spec->n_masts; i++)
        printf(" mast=%g", boat->spec->masts[i]->height);
    for (size_t i = 0; i < boat->spec->n_flags; i++)
        printf(" flag=%s:%s", boat->spec->flags[i]->key, boat->spec->flags[i]->value);
}

static void on_event(const unsigned char *data, size_t len)
{
    static const char magic[4] = {'k', '8', 's', 0};
    K8s__Io__Apimachinery__Pkg__Apis__Meta__V1__WatchEvent *event =
        k8s__io__apimachinery__pkg__apis__meta__v1__watch_event__unpack(NULL, len, data);
    K8s__Io__Apimachinery__Pkg__Runtime__Unknown *unknown;
    Boat *boat;

    must(event != NULL && event->object != NULL, "no WatchEvent");
    must(event->object->raw.len > 4 && memcmp(event->object->raw.data, magic, 4) == 0,
         "no envelope");
    unknown = k8s__io__apimachinery__pkg__runtime__unknown__unpack(NULL, event->object->raw.len - 4,
                                                                   event->object->raw.data + 4);
    must(unknown != NULL, "no Unknown");
    printf("%s %s %s", event->type, unknown->typemeta->apiversion, unknown->typemeta->kind);
    boat = harbor__example__com__v1__boat__unpack(NULL, unknown->raw.len, unknown->raw.data);
    must(boat != NULL && boat->metadata != NULL, "no Boat");
    print_boat(boat);
    printf("\n");
    fflush(stdout);
    harbor__example__com__v1__boat__free_unpacked(boat, NULL);
    k8s__io__apimachinery__pkg__runtime__unknown__free_unpacked(unknown, NULL);
    k8s__io__apimachinery__pkg__apis__meta__v1__watch_event__free_unpacked(event, NULL);
}

/* Frames: a length in four bytes, big-endian, and a message. Ends the transfer after the last. */
static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    size_t at = 0, len;

    (void)user;
    must(pending_len + size * count <= sizeof(pending), "too much");
    memcpy(pending + pending_len, data, size * count);
    pending_len += size * count;
    while (pending_len - at >= 4) {
        len = (size_t)pending[at] << 24 | (size_t)pending[at + 1] << 16 |
              (size_t)pending[at + 2] << 8 | pending[at + 3];
        if (pending_len - at - 4 < len)
            break;
        on_event(pending + at + 4, len);
        at += 4 + len;
        if (--wanted == 0)
            exit(0);
    }
    memmove(pending, pending + at, pending_len - at);
    pending_len -= at;
    return size * count;
}

int main(int argc, char **argv)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "Accept: application/vnd.kubernetes.protobuf;stream=watch");

    must(argc == 3, "watcher URL COUNT");
    wanted = atol(argv[2]);
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    must(curl_easy_perform(curl) == CURLE_OK, "the watch failed");
    must(0, "the watch ended");
}
