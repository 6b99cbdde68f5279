#include "apiserver/registry/cells.h"

/* "RWO,ROX", in this order whatever the object's. */
static void put_access_modes(struct buf *out, const struct json *modes)
{
    static const char *const words[][2] = {{"ReadWriteOnce", "RWO"},
                                           {"ReadOnlyMany", "ROX"},
                                           {"ReadWriteMany", "RWX"},
                                           {"ReadWriteOncePod", "RWOP"}};
    struct buf text = {0};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        json_each(modes, mode) {
            if (!bytes_eq_str(json_text(mode), words[i][0]))
                continue;
            cell_append_item(&text, bytes_str(words[i][1]), ",");
            break;
        }
    }
    cell_put_buf(out, &text, "");
}

static void put_storage(struct buf *out, const struct json *capacity)
{
    struct buf text = {0};

    cell_append_quantity(&text, json_get(capacity, BYTES("storage")));
    cell_put_buf(out, &text, "");
}

void cell_pv_capacity(struct buf *out, const struct cell_source *from)
{
    put_storage(out, json_at(from->tree, "spec", "capacity", NULL));
}

void cell_pv_access_modes(struct buf *out, const struct cell_source *from)
{
    put_access_modes(out, json_at(from->tree, "spec", "accessModes", NULL));
}

void cell_pv_claim(struct buf *out, const struct cell_source *from)
{
    const struct json *claim = json_at(from->tree, "spec", "claimRef", NULL);
    struct buf text = {0};

    if (json_is(claim, JSON_OBJECT)) {
        buf_append_bytes(&text, json_get_text(claim, "namespace"));
        buf_append_char(&text, '/');
        buf_append_bytes(&text, json_get_text(claim, "name"));
    }
    cell_put_buf(out, &text, "");
}

/* A claim shows what its volume has; unbound it has neither size nor modes. */
static bool is_bound(const struct cell_source *from)
{
    return json_text(json_at(from->tree, "spec", "volumeName", NULL)).len > 0;
}

void cell_pvc_capacity(struct buf *out, const struct cell_source *from)
{
    if (is_bound(from))
        put_storage(out, json_at(from->tree, "status", "capacity", NULL));
    else
        cell_put(out, BYTES(""), "");
}

void cell_pvc_access_modes(struct buf *out, const struct cell_source *from)
{
    put_access_modes(out,
                     is_bound(from) ? json_at(from->tree, "status", "accessModes", NULL) : NULL);
}

void cell_volume_phase(struct buf *out, const struct cell_source *from)
{
    if (from->object->deletion_timestamp.len > 0)
        cell_put(out, BYTES("Terminating"), "");
    else
        cell_put(out, json_text(json_at(from->tree, "status", "phase", NULL)), "");
}

void cell_volume_class(struct buf *out, const struct cell_source *from)
{
    const struct json *annotation = json_get(json_at(from->tree, "metadata", "annotations", NULL),
                                             BYTES("volume.beta.kubernetes.io/storage-class"));

    if (annotation == NULL)
        annotation = json_at(from->tree, "spec", "storageClassName", NULL);
    cell_put(out, json_text(annotation), "");
}

void cell_volume_attributes_class(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "spec", "volumeAttributesClassName", NULL)),
             "<unset>");
}

void cell_volume_mode(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "spec", "volumeMode", NULL)), "<unset>");
}

/* ---- storage classes ---- */

static bool is_default_class(const struct json *tree)
{
    const struct json *annotations = json_at(tree, "metadata", "annotations", NULL);

    return bytes_eq_str(json_get_text(annotations, "storageclass.kubernetes.io/is-default-class"),
                        "true") ||
           bytes_eq_str(
               json_get_text(annotations, "storageclass.beta.kubernetes.io/is-default-class"),
               "true");
}

void cell_storage_class_name(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    buf_append_bytes(&text, from->object->name);
    if (is_default_class(from->tree))
        buf_append_str(&text, " (default)");
    cell_put_buf(out, &text, "");
}

void cell_storage_class_reclaim_policy(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_get_text(from->tree, "reclaimPolicy"), "Delete");
}

void cell_storage_class_binding_mode(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_get_text(from->tree, "volumeBindingMode"), "Immediate");
}
