#include "server_thread.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct server_test test;

TEST(listen, two_loops_share_a_port_that_was_picked)
{
    struct server_test other;
    struct error err = {0};
    int fds[2], connections = 0;
    char *url = NULL, expected[64];

    init_test(&test);
    init_test(&other);
    start(&test);
    start(&other);
    CHECK(http_listen(BYTES("http://127.0.0.1:0"), fds, 2, &url, &err) == STATUS_OK);
    test.port = other.port = atoi(strrchr(url, ':') + 1);
    snprintf(expected, sizeof(expected), "http://127.0.0.1:%d", test.port);
    CHECK_TEXT(bytes_str(url), expected);
    CHECK(test.port != 0);
    loop_stop(test.loop);
    loop_stop(other.loop);
    pthread_join(test.thread, NULL);
    pthread_join(other.thread, NULL);
    CHECK(http_server_accept_on(test.server, fds[0], &err) == STATUS_OK);
    CHECK(http_server_accept_on(other.server, fds[1], &err) == STATUS_OK);
    CHECK(pthread_create(&test.thread, NULL, run_loop, &test) == 0);
    CHECK(pthread_create(&other.thread, NULL, run_loop, &other) == 0);
    while (value_of(&test, &test.requests) == 0 || value_of(&other, &other.requests) == 0) {
        struct buf answer = ask(&test, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", "peer 127.0.0.1:");

        CHECK(++connections < 1000); /* the kernel spreads them */
        buf_release(&answer);
    }
    stop(&test);
    stop(&other);
    free(url);
}

TEST(listen, a_port_in_use_is_refused_although_ports_are_shared_between_loops)
{
    struct error err = {0};
    int fds[2], more;
    char *url = NULL, *again = NULL;

    CHECK(http_listen(BYTES("http://127.0.0.1:0"), fds, 2, &url, &err) == STATUS_OK);
    CHECK(http_listen(bytes_str(url), &more, 1, &again, &err) == STATUS_IO);
    CHECK(strstr(error_message(&err), "in use") != NULL);
    CHECK(again == NULL);
    close(fds[0]);
    close(fds[1]);
    CHECK(http_listen(bytes_str(url), &more, 1, &again, &err) == STATUS_OK);
    CHECK_TEXT(bytes_str(again), url);
    close(more);
    error_release(&err);
    free(url);
    free(again);
}

TEST(listen, what_is_no_url_is_refused_with_words)
{
    static const char *const rows[] = {"",
                                       "ftp://127.0.0.1:1",
                                       "https://127.0.0.1",
                                       "http://",
                                       "http://127.0.0.1",
                                       "http://:80",
                                       "http://127.0.0.1:x",
                                       "http://127.0.0.1:65536",
                                       "http://::1:80",
                                       "unix://",
                                       "unix://relative"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};
        char *url = NULL;
        int fd;

        CHECK(http_listen(bytes_str(rows[i]), &fd, 1, &url, &err) == STATUS_BAD_REQUEST);
        CHECK(strlen(error_message(&err)) > 10);
        error_release(&err);
    }
}

static int connect_to_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    bound_waits(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

TEST(listen, a_unix_socket_serves_and_a_stale_one_is_replaced)
{
    char folder[] = "/tmp/transport-XXXXXX", url[128], path[64];
    struct buf answer = {0};
    struct error err = {0};
    char *again = NULL;
    int fd;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/s", folder);
    snprintf(url, sizeof(url), "unix://%s", path);
    for (int round = 0; round < 2; round++) { /* the second finds the file of the first */
        init_test(&test);
        start_on(&test, url);
        CHECK_TEXT(bytes_str(test.url), url);
        fd = connect_to_path(path);
        CHECK(fd >= 0);
        CHECK(send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
        CHECK(read_until(fd, "peer unix.", round + 1, &answer));
        close(fd);
        CHECK(http_listen(bytes_str(url), &fd, 1, &again, &err) == STATUS_IO); /* in use */
        stop(&test);
    }
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    error_release(&err);
    buf_release(&answer);
}

/* The client's socket is the last that this process may open. */
TEST(listen, without_descriptors_accepting_pauses_and_goes_on_later)
{
    struct rlimit before, none;
    struct buf answer = {0};
    int fd;

    init_test(&test);
    start(&test);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    none = before;
    none.rlim_cur = (rlim_t)fd + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    connect_socket(&test, fd);
    CHECK(send_text(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"));
    on_loop(&test, nothing_to_do); /* it has tried, and failed */
    CHECK_INT(value_of(&test, &test.requests), 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(read_until(fd, "peer 127.0.0.1:", 1, &answer));
    close(fd);
    buf_release(&answer);
    stop(&test);
}
