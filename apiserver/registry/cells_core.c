#include "apiserver/registry/cells.h"

#include <stdlib.h>

static uint32_t count_of(const struct json *node)
{
    return node != NULL && node->type >= JSON_ARRAY ? node->count : 0;
}

void cell_config_map_data(struct buf *out, const struct cell_source *from)
{
    cell_put_int(out, (int64_t)count_of(json_get(from->tree, BYTES("data"))) +
                          count_of(json_get(from->tree, BYTES("binaryData"))));
}

void cell_secret_data(struct buf *out, const struct cell_source *from)
{
    cell_put_int(out, count_of(json_get(from->tree, BYTES("data"))));
}

void cell_service_account_secrets(struct buf *out, const struct cell_source *from)
{
    cell_put_int(out, count_of(json_get(from->tree, BYTES("secrets"))));
}

/* ---- endpoints: at most three, then how many more ---- */

enum { ENDPOINTS_SHOWN = 3 };

static void append_endpoint(struct buf *text, struct bytes ip, const struct json *port)
{
    bool v6 = bytes_find(ip, ':') < ip.len;

    if (text->len > 0)
        buf_append_char(text, ',');
    if (port == NULL) {
        buf_append_bytes(text, ip);
        return;
    }
    buf_appendf(text, v6 ? "[%.*s]:%lld" : "%.*s:%lld", BYTES_FMT(ip),
                (long long)cell_int(json_get(port, BYTES("port"))));
}

/* Every address of a subset with one of its ports, or with none if it has no ports. */
static void append_subset(struct buf *text, const struct json *addresses, const struct json *port,
                          size_t *count)
{
    json_each(addresses, address) {
        if ((*count)++ < ENDPOINTS_SHOWN)
            append_endpoint(text, json_get_text(address, "ip"), port);
    }
}

void cell_endpoints(struct buf *out, const struct cell_source *from)
{
    const struct json *subsets = json_get(from->tree, BYTES("subsets"));
    struct buf text = {0};
    size_t count = 0;

    json_each(subsets, subset) {
        const struct json *addresses = json_get(subset, BYTES("addresses"));
        const struct json *ports = json_get(subset, BYTES("ports"));

        if (count_of(ports) == 0)
            append_subset(&text, addresses, NULL, &count);
        json_each(ports, port)
            append_subset(&text, addresses, port, &count);
    }
    if (count > ENDPOINTS_SHOWN)
        buf_appendf(&text, " + %zu more...", count - ENDPOINTS_SHOWN);
    cell_put_buf(out, &text, count_of(subsets) == 0 ? "<none>" : "");
}

/* ---- services ---- */

void cell_service_cluster_ip(struct buf *out, const struct cell_source *from)
{
    const struct json *ips = json_at(from->tree, "spec", "clusterIPs", NULL);
    struct bytes ip = json_text(json_index(ips, 0));

    if (ips == NULL)
        ip = json_text(json_at(from->tree, "spec", "clusterIP", NULL));
    cell_put(out, ip, "<none>");
}

void cell_service_external_ip(struct buf *out, const struct cell_source *from)
{
    const struct json *spec = json_get(from->tree, BYTES("spec"));
    struct bytes type = json_get_text(spec, "type");
    struct buf text = {0};
    const char *fallback = "<none>";

    if (bytes_eq_str(type, "ExternalName")) {
        cell_put(out, json_get_text(spec, "externalName"), "");
        return;
    }
    if (bytes_eq_str(type, "LoadBalancer")) {
        fallback = "<pending>";
        cell_append_ingress(&text, json_at(from->tree, "status", "loadBalancer", "ingress", NULL));
    } else if (type.len > 0 && !bytes_eq_str(type, "ClusterIP") &&
               !bytes_eq_str(type, "NodePort")) {
        cell_put(out, BYTES("<unknown>"), "");
        return;
    }
    json_each(json_get(spec, BYTES("externalIPs")), ip)
        cell_append_item(&text, json_text(ip), ",");
    cell_put_buf(out, &text, fallback);
}

void cell_service_ports(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    json_each(json_at(from->tree, "spec", "ports", NULL), port) {
        int64_t node_port = cell_int(json_get(port, BYTES("nodePort")));
        struct bytes protocol = json_get_text(port, "protocol");

        cell_append_item(&text, BYTES(""), ",");
        buf_appendf(&text, "%lld", (long long)cell_int(json_get(port, BYTES("port"))));
        if (node_port > 0)
            buf_appendf(&text, ":%lld", (long long)node_port);
        buf_append_char(&text, '/');
        buf_append_bytes(&text, protocol.len > 0 ? protocol : BYTES("TCP"));
    }
    cell_put_buf(out, &text, "<none>");
}

static int compare_bytes(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Sorted, each once, joined by commas; sorts `items` in place. */
static void append_set(struct buf *text, struct bytes *items, size_t count)
{
    if (count > 0)
        qsort(items, count, sizeof(*items), compare_bytes);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !bytes_eq(items[i], items[i - 1]))
            cell_append_item(text, items[i], ",");
    }
}

void cell_append_ingress(struct buf *text, const struct json *ingress)
{
    struct arena arena = {0};
    struct bytes *items = arena_alloc(&arena, (count_of(ingress) + 1) * sizeof(*items));
    size_t count = 0;

    if (items == NULL) {
        text->failed = true;
        return;
    }
    json_each(ingress, point) {
        struct bytes ip = json_get_text(point, "ip");
        struct bytes name = ip.len > 0 ? ip : json_get_text(point, "hostname");

        if (name.len > 0)
            items[count++] = name;
    }
    append_set(text, items, count);
    arena_release(&arena);
}

/* ---- nodes ---- */

void cell_node_status(struct buf *out, const struct cell_source *from)
{
    const struct json *conditions = json_at(from->tree, "status", "conditions", NULL);
    struct buf text = {0};

    if (cell_condition(conditions, "Ready") == NULL)
        buf_append_str(&text, "Unknown");
    else
        buf_append_str(&text,
                       cell_condition_is(conditions, "Ready", "True") ? "Ready" : "NotReady");
    if (json_is_true(json_at(from->tree, "spec", "unschedulable", NULL)))
        buf_append_str(&text, ",SchedulingDisabled");
    cell_put_buf(out, &text, "");
}

/* From labels `node-role.kubernetes.io/<role>` and `kubernetes.io/role=<role>`. */
void cell_node_roles(struct buf *out, const struct cell_source *from)
{
    static const struct bytes prefix = BYTES_INIT("node-role.kubernetes.io/");
    const struct json *labels = json_at(from->tree, "metadata", "labels", NULL);
    struct arena arena = {0};
    struct bytes *roles = arena_alloc(&arena, (count_of(labels) + 1) * sizeof(*roles));
    struct buf text = {0};
    size_t count = 0;

    if (roles != NULL) {
        json_each(labels, label) {
            if (bytes_starts_with(label->key, prefix) && label->key.len > prefix.len)
                roles[count++] = bytes_from(label->key, prefix.len);
            else if (bytes_eq_str(label->key, "kubernetes.io/role") && json_text(label).len > 0)
                roles[count++] = json_text(label);
        }
        append_set(&text, roles, count);
    }
    out->failed |= arena.failed;
    cell_put_buf(out, &text, "<none>");
    arena_release(&arena);
}

static void put_address(struct buf *out, const struct cell_source *from, const char *type)
{
    json_each(json_at(from->tree, "status", "addresses", NULL), address) {
        if (bytes_eq_str(json_get_text(address, "type"), type)) {
            cell_put(out, json_get_text(address, "address"), "");
            return;
        }
    }
    cell_put(out, BYTES("<none>"), "");
}

void cell_node_internal_ip(struct buf *out, const struct cell_source *from)
{
    put_address(out, from, "InternalIP");
}

void cell_node_external_ip(struct buf *out, const struct cell_source *from)
{
    put_address(out, from, "ExternalIP");
}

static void put_node_info(struct buf *out, const struct cell_source *from, const char *member)
{
    cell_put(out, json_get_text(json_at(from->tree, "status", "nodeInfo", NULL), member),
             "<unknown>");
}

void cell_node_os_image(struct buf *out, const struct cell_source *from)
{
    put_node_info(out, from, "osImage");
}

void cell_node_kernel(struct buf *out, const struct cell_source *from)
{
    put_node_info(out, from, "kernelVersion");
}

void cell_node_runtime(struct buf *out, const struct cell_source *from)
{
    put_node_info(out, from, "containerRuntimeVersion");
}

/* ---- quotas: "requests.cpu: 1/2, .." on one side, "limits.*" on the other ---- */

void cell_append_quantity(struct buf *text, const struct json *quantity)
{
    if (quantity == NULL)
        buf_append_char(text, '0');
    else
        buf_append_bytes(text,
                         quantity->type == JSON_NUMBER ? quantity->text : json_text(quantity));
}

static int compare_keys(const void *a, const void *b)
{
    return bytes_cmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

/* The members of an object by key, NULL-terminated. */
static const struct json **sorted_members(struct arena *arena, const struct json *object)
{
    const struct json **members = arena_zalloc(arena, (count_of(object) + 1UL) * sizeof(*members));
    size_t count = 0;

    if (members == NULL)
        return NULL;
    json_each(object, it)
        members[count++] = it;
    qsort(members, count, sizeof(*members), compare_keys);
    return members;
}

/* Walks hard and used side by side: a quota may have as many entries as fit in a request. */
static void append_quota(struct buf *text, const struct json **hard, const struct json **used,
                         bool limits)
{
    for (; *hard != NULL; hard++) {
        struct bytes name = (*hard)->key;

        while (*used != NULL && bytes_cmp((*used)->key, name) < 0)
            used++;
        if (bytes_starts_with(name, BYTES("limits.")) != limits)
            continue;
        cell_append_item(text, name, ", ");
        buf_append_str(text, ": ");
        cell_append_quantity(text, *used != NULL && bytes_eq((*used)->key, name) ? *used : NULL);
        buf_append_char(text, '/');
        cell_append_quantity(text, *hard);
    }
}

static void put_quota(struct buf *out, const struct cell_source *from, bool limits)
{
    struct arena arena = {0};
    const struct json *status = json_get(from->tree, BYTES("status"));
    const struct json **hard = sorted_members(&arena, json_get(status, BYTES("hard")));
    const struct json **used = sorted_members(&arena, json_get(status, BYTES("used")));
    struct buf text = {0};

    if (hard != NULL && used != NULL)
        append_quota(&text, hard, used, limits);
    out->failed |= arena.failed;
    cell_put_buf(out, &text, "");
    arena_release(&arena);
}

void cell_quota_request(struct buf *out, const struct cell_source *from)
{
    put_quota(out, from, false);
}

void cell_quota_limit(struct buf *out, const struct cell_source *from)
{
    put_quota(out, from, true);
}
