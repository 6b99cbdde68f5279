/* A watch and a request in the caller's own event loop, without a thread, over one HTTP/2
 * connection: loop URL makes a ConfigMap as soon as the watch is open, and ends when the watch
 * tells of it. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <tidewatch/tidewatch.h>

struct program {
    tw_loop *loop;
    int exit_code; /* -1: goes on */
};

static void on_done(void *user, tw_status status, const tw_response *response,
                    const tw_error *error)
{
    struct program *p = user;

    if (status == TW_OK) {
        printf("created: %d\n", tw_response_code(response));
    } else {
        fprintf(stderr, "create: %s\n", tw_error_message(error));
        p->exit_code = 1;
    }
}

static void on_open(void *user)
{
    static const char body[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
                               "\"metadata\":{\"generateName\":\"loop-\"}}";
    static const tw_request create = {.method = "POST",
                                      .path = "/api/v1/namespaces/default/configmaps",
                                      .body = body,
                                      .body_len = sizeof(body) - 1};
    struct program *p = user;

    if (tw_loop_request(p->loop, &create, on_done, p, NULL, NULL) != TW_OK)
        p->exit_code = 1;
}

static void on_event(void *user, const tw_event *event)
{
    struct program *p = user;

    printf("%s %s\n", tw_event_type_name(event->type), tw_object_name(event->object));
    if (strncmp(tw_object_name(event->object), "loop-", 5) == 0)
        p->exit_code = 0;
}

static void on_end(void *user, tw_status status, const tw_error *error)
{
    struct program *p = user;

    fprintf(stderr, "watch: %s %s\n", tw_status_name(status), tw_error_message(error));
    p->exit_code = 1;
}

int main(int argc, char **argv)
{
    static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    struct program p = {.exit_code = -1};
    const tw_watch_callbacks callbacks = {on_open, on_event, on_end, &p};
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_error *error = NULL;
    tw_status st = argc > 1 ? tw_config_from_url(argv[1], &config, &error)
                            : tw_config_default(&config, &error);

    if (st == TW_OK) {
        tw_config_set_http2_prior_knowledge(config, true);
        st = tw_client_new(config, &client, &error);
    }
    if (st == TW_OK)
        st = tw_loop_new(client, &p.loop, &error);
    if (st == TW_OK)
        st = tw_loop_watch(p.loop, &configmaps, "default", NULL, &callbacks, NULL, &error);
    while (st == TW_OK && p.exit_code < 0) {
        struct pollfd fd = {.fd = tw_loop_fd(p.loop), .events = POLLIN};

        poll(&fd, 1, -1); /* beside whatever else the program waits for */
        st = tw_loop_process(p.loop, &error);
    }
    if (st != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    tw_loop_free(p.loop);
    tw_client_unref(client);
    tw_config_free(config);
    tw_error_free(error);
    return st == TW_OK ? p.exit_code : 1;
}
