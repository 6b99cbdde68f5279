/*
 * metrics - counters and latencies of requests, and the page that shows them
 * (names: k8s.io/apiserver/pkg/endpoints/metrics/metrics.go; format: Prometheus text 0.0.4).
 *
 * Bounded  series are by verb, kind, subresource and code, all from our own tables: a client cannot
 *          make new ones (CVE-2020-8552).
 * Threads  counting on its worker's loop; the page may read every worker's from any loop.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_METRICS_H
#define TIDEWATCH_APISERVER_HANDLERS_METRICS_H

#include "apiserver/handlers/server_info.h"

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
/* A request was answered, or became a stream. */
void metrics_count_request(struct metrics *metrics, const struct api_request *api, uint64_t took_us,
                           size_t bytes);
/* The page, as `worker` sees it: its own counts of objects, everybody's of the rest. */
void metrics_write(struct buf *out, const struct worker *worker);

#endif
