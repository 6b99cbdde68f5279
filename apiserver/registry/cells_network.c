#include "apiserver/registry/cells.h"

enum { SHOWN = 3 };

/* Ends a list of which at most three were appended: how many more there are, or "<unset>". */
static void put_list(struct buf *out, struct buf *text, size_t count)
{
    if (count > SHOWN)
        buf_appendf(text, " + %zu more...", count - SHOWN);
    cell_put_buf(out, text, "<unset>");
}

void cell_slice_ports(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};
    size_t count = 0;

    json_each(json_get(from->tree, BYTES("ports")), port) {
        const struct json *number = json_get(port, BYTES("port"));
        const struct json *name = json_get(port, BYTES("name"));

        if (count++ >= SHOWN)
            continue;
        if (json_is(number, JSON_NUMBER))
            cell_append_item(&text, number->text, ",");
        else
            cell_append_item(&text, json_is(name, JSON_STRING) ? json_text(name) : BYTES("*"), ",");
    }
    put_list(out, &text, count);
}

void cell_slice_endpoints(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};
    size_t count = 0;

    json_each(json_get(from->tree, BYTES("endpoints")), endpoint) {
        json_each(json_get(endpoint, BYTES("addresses")), address) {
            if (count++ < SHOWN)
                cell_append_item(&text, json_text(address), ",");
        }
    }
    put_list(out, &text, count);
}

void cell_ingress_class(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "spec", "ingressClassName", NULL)), "<none>");
}

/* The first three hosts, then how many rules there are besides; "*" without any host. */
void cell_ingress_hosts(struct buf *out, const struct cell_source *from)
{
    const struct json *rules = json_at(from->tree, "spec", "rules", NULL);
    struct buf text = {0};
    size_t shown = 0;
    bool more = false;

    json_each(rules, rule) {
        struct bytes host = json_get_text(rule, "host");

        more |= shown == SHOWN;
        if (more || host.len == 0)
            continue;
        cell_append_item(&text, host, ",");
        shown++;
    }
    if (more)
        buf_appendf(&text, " + %u more...", rules->count - SHOWN);
    cell_put_buf(out, &text, "*");
}

void cell_ingress_address(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    cell_append_ingress(&text, json_at(from->tree, "status", "loadBalancer", "ingress", NULL));
    cell_put_buf(out, &text, "");
}

void cell_ingress_ports(struct buf *out, const struct cell_source *from)
{
    const struct json *tls = json_at(from->tree, "spec", "tls", NULL);

    cell_put(out, json_is(tls, JSON_ARRAY) && tls->count > 0 ? BYTES("80, 443") : BYTES("80"), "");
}

void cell_ingress_class_parameters(struct buf *out, const struct cell_source *from)
{
    const struct json *parameters = json_at(from->tree, "spec", "parameters", NULL);
    struct bytes group = json_get_text(parameters, "apiGroup");
    struct buf text = {0};

    if (json_is(parameters, JSON_OBJECT)) {
        buf_append_bytes(&text, json_get_text(parameters, "kind"));
        if (group.len > 0) {
            buf_append_char(&text, '.');
            buf_append_bytes(&text, group);
        }
        buf_append_char(&text, '/');
        buf_append_bytes(&text, json_get_text(parameters, "name"));
    }
    cell_put_buf(out, &text, "<none>");
}

/* ---- role bindings ---- */

void cell_role_ref(struct buf *out, const struct cell_source *from)
{
    const struct json *ref = json_get(from->tree, BYTES("roleRef"));
    struct buf text = {0};

    buf_append_bytes(&text, json_get_text(ref, "kind"));
    buf_append_char(&text, '/');
    buf_append_bytes(&text, json_get_text(ref, "name"));
    cell_put_buf(out, &text, "");
}

static void put_subjects(struct buf *out, const struct cell_source *from, const char *kind)
{
    struct buf text = {0};

    json_each(json_get(from->tree, BYTES("subjects")), subject) {
        struct bytes namespace = json_get_text(subject, "namespace");

        if (!bytes_eq_str(json_get_text(subject, "kind"), kind))
            continue;
        cell_append_item(&text, BYTES(""), ", ");
        if (namespace.len > 0 && kind[0] == 'S') {
            buf_append_bytes(&text, namespace);
            buf_append_char(&text, '/');
        }
        buf_append_bytes(&text, json_get_text(subject, "name"));
    }
    cell_put_buf(out, &text, "");
}

void cell_role_users(struct buf *out, const struct cell_source *from)
{
    put_subjects(out, from, "User");
}

void cell_role_groups(struct buf *out, const struct cell_source *from)
{
    put_subjects(out, from, "Group");
}

void cell_role_service_accounts(struct buf *out, const struct cell_source *from)
{
    put_subjects(out, from, "ServiceAccount");
}
