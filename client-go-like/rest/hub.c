/* The side of an http_hub that libcurl talks to: its sockets in an epoll set, its timer and ours in
 * a timerfd beside them, so that whoever polls the one fd misses nothing. */
#include "client-go-like/rest/http_easy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVENTS_A_TURN = 64 };

struct http_hub {
    CURLM *multi;
    bool has_h2;
    int epoll, timer;
    uint64_t curl_due_ms; /* 0: libcurl wants no timer */
};

static int on_interest(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
    struct http_hub *hub = user;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    (void)socket;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(hub->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(hub->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return errno == ENOENT && epoll_ctl(hub->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi, long wait_ms, void *user)
{
    struct http_hub *hub = user;

    (void)multi;
    hub->curl_due_ms = wait_ms >= 0 ? clock_monotonic_ms() + (uint64_t)wait_ms : 0;
    return 0;
}

static CURLM *new_multi(struct http_hub *hub)
{
    CURLM *multi = curl_multi_init();

    if (multi == NULL)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, hub);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, hub);
    return multi;
}

tw_status http_hub_new(struct http_hub **ret_hub, tw_error **reterr)
{
    struct http_hub *hub = calloc(1, sizeof(*hub));
    struct epoll_event event = {.events = EPOLLIN};

    if (hub == NULL || (hub->multi = new_multi(hub)) == NULL) {
        free(hub);
        return tw_fail_no_memory(reterr);
    }
    hub->epoll = epoll_create1(EPOLL_CLOEXEC);
    hub->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    event.data.fd = hub->timer;
    if (hub->epoll < 0 || hub->timer < 0 ||
        epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->timer, &event) != 0) {
        tw_status st = tw_fail(reterr, TW_ERR_CONNECT, "epoll: %s", strerror(errno));

        http_hub_free(hub);
        return st;
    }
    *ret_hub = hub;
    return TW_OK;
}

void http_hub_free(struct http_hub *hub)
{
    if (hub == NULL)
        return;
    curl_multi_cleanup(hub->multi);
    if (hub->timer >= 0)
        close(hub->timer);
    if (hub->epoll >= 0)
        close(hub->epoll);
    free(hub);
}

bool http_hub_renew(struct http_hub *hub)
{
    CURLM *multi = new_multi(hub);

    if (multi == NULL)
        return false;
    curl_multi_cleanup(hub->multi);
    hub->multi = multi;
    hub->curl_due_ms = 0;
    hub->has_h2 = false;
    return true;
}

CURLM *http_hub_multi(struct http_hub *hub, bool **ret_has_h2)
{
    *ret_has_h2 = &hub->has_h2;
    return hub->multi;
}

int http_hub_fd(const struct http_hub *hub)
{
    return hub->epoll;
}

static int selected(uint32_t events)
{
    return (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

tw_status http_hub_turn(struct http_hub *hub, tw_error **reterr)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(hub->epoll, events, EVENTS_A_TURN, 0), running;
    CURLMcode rc = CURLM_OK;

    for (int i = 0; i < count && rc == CURLM_OK; i++)
        if (events[i].data.fd != hub->timer)
            rc = curl_multi_socket_action(hub->multi, events[i].data.fd, selected(events[i].events),
                                          &running);
    if (rc == CURLM_OK && hub->curl_due_ms != 0 && clock_monotonic_ms() >= hub->curl_due_ms) {
        hub->curl_due_ms = 0; /* libcurl says anew if there is more */
        rc = curl_multi_socket_action(hub->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    http_collect(hub->multi);
    return rc == CURLM_OK ? TW_OK : tw_fail_no_memory(reterr);
}

void http_hub_arm(struct http_hub *hub, uint64_t due_ms)
{
    uint64_t now = clock_monotonic_ms(), left;
    struct itimerspec spec = {.it_value = {0}};

    if (hub->curl_due_ms != 0 && (due_ms == 0 || hub->curl_due_ms < due_ms))
        due_ms = hub->curl_due_ms;
    if (due_ms != 0) {
        left = due_ms > now ? due_ms - now : 0;
        spec.it_value.tv_sec = (time_t)(left / 1000);
        spec.it_value.tv_nsec = left != 0 ? (long)(left % 1000) * 1000000 : 1; /* 0: disarmed */
    }
    timerfd_settime(hub->timer, 0, &spec, NULL); /* also takes back an expiry nobody has read */
}
