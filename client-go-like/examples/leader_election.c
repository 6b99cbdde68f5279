/* Does its work while it leads: leader_election NAMESPACE LEASE IDENTITY
 * Ends at a signal, and lets the next one lead at once. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <tidewatch/tidewatch.h>

static tw_elector *elector;

static void on_started(void *user)
{
    fprintf(user, "%s leads\n", tw_elector_identity(elector));
    fflush(user); /* here the work would start, in a thread of its own */
}

static void on_stopped(void *user)
{
    fprintf(user, "%s has stopped\n", tw_elector_identity(elector));
    fflush(user); /* and here it would be ended, and waited for */
}

static void on_new_leader(void *user, const char *identity)
{
    fprintf(user, "the leader is %s\n", identity);
    fflush(user);
}

static void *wait_for_signal(void *signals)
{
    int which;

    sigwait(signals, &which);
    tw_elector_stop(elector);
    return NULL;
}

int main(int argc, char **argv)
{
    tw_elector_options options = {
        .lease_ns = argc > 1 ? argv[1] : "default",
        .lease_name = argc > 2 ? argv[2] : "example",
        .identity = argc > 3 ? argv[3] : NULL,
        .release_on_stop = true,
        .on_started_leading = on_started,
        .on_stopped_leading = on_stopped,
        .on_new_leader = on_new_leader,
        .user = stdout,
    };
    tw_client *client = NULL;
    tw_error *error = NULL;
    tw_status st;
    sigset_t signals;
    pthread_t waiter;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    st = tw_client_new(NULL, &client, &error);
    if (st == TW_OK)
        st = tw_elector_new(client, &options, &elector, &error);
    if (st == TW_OK && pthread_create(&waiter, NULL, wait_for_signal, &signals) == 0) {
        while ((st = tw_elector_run(elector, &error)) == TW_OK)
            ; /* lost it: be a candidate again */
        if (st == TW_ERR_STOPPED)
            pthread_join(waiter, NULL);
    }
    if (st != TW_ERR_STOPPED)
        fprintf(stderr, "%s\n", tw_error_message(error));
    tw_error_free(error);
    tw_elector_free(elector);
    tw_client_unref(client);
    return st != TW_ERR_STOPPED;
}
