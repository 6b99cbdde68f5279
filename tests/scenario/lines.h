/*
 * lines - what factory.c and informers.c print for their tests: a line for each call of a handler,
 * "WHO TYPE NAME OLD NEW", the state of a store, and answers; never two at a time.
 */
#ifndef TIDEWATCH_TESTS_SCENARIO_LINES_H
#define TIDEWATCH_TESTS_SCENARIO_LINES_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include <tidewatch/tidewatch.h>

struct teller {
    const char *who;
    bool held; /* its handler does not return */
};

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER; /* also of each `held` */
static pthread_cond_t lines_go_on = PTHREAD_COND_INITIALIZER;

static inline void hold(struct teller *teller, bool held)
{
    pthread_mutex_lock(&lines_lock);
    teller->held = held;
    pthread_cond_broadcast(&lines_go_on);
    pthread_mutex_unlock(&lines_lock);
}

__attribute__((format(printf, 1, 2))) static inline void print_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&lines_lock);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&lines_lock);
    va_end(args);
}

static inline void print_call(struct teller *teller, const char *type, const tw_object *old,
                              const tw_object *now)
{
    pthread_mutex_lock(&lines_lock);
    while (teller->held)
        pthread_cond_wait(&lines_go_on, &lines_lock);
    printf("%s %s %s %s %s\n", teller->who, type, tw_object_name(now),
           old != NULL ? tw_object_resource_version(old) : "-", tw_object_resource_version(now));
    fflush(stdout);
    pthread_mutex_unlock(&lines_lock);
}

static inline void on_add(void *user, tw_object *object, bool initial)
{
    print_call(user, initial ? "found" : "added", NULL, object);
}

static inline void on_update(void *user, tw_object *old, tw_object *object)
{
    print_call(user, "updated", old, object);
}

static inline void on_delete(void *user, tw_object *object, bool tombstone)
{
    print_call(user, tombstone ? "gone" : "deleted", NULL, object);
}

static inline tw_handler_options printing_handler(struct teller *teller)
{
    return (tw_handler_options){
        .on_add = on_add, .on_update = on_update, .on_delete = on_delete, .user = teller};
}

static inline bool print_object(void *user, tw_object *object)
{
    (void)user;
    printf(" %s=%s", tw_object_name(object), tw_object_resource_version(object));
    return true;
}

/* "STATE NAME=RV .." */
static inline void print_state(const char *state, tw_informer *informer)
{
    tw_snapshot *snapshot = tw_store_snapshot(tw_informer_store(informer));

    pthread_mutex_lock(&lines_lock);
    printf("%s", state);
    tw_snapshot_each(snapshot, NULL, NULL, print_object, NULL);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&lines_lock);
    tw_snapshot_release(snapshot);
}

#endif
