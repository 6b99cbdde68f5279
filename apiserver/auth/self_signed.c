#include "apiserver/auth/self_signed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/log.h"

/* Apple's systems take no serving certificate of more than 825 days, whoever has signed it. */
enum { DAY_S = 86400, BACKDATED_S = 3600, YEARS_DAYS = 3650, SERVER_DAYS = 825, PATH_ROOM = 4096 };

/* A certificate to be made: subject, what it is for, and the CA, or NULL for one of its own. */
struct plan {
    const char *common_name, *organization;
    const char *usage; /* of X509v3 extended key usage; NULL: it is a CA */
    const char *names; /* subjectAltName; NULL: none */
    unsigned days;     /* that it is good for */
    bool renewed;      /* in the last third of them */
    X509 *issuer;      /* NULL: itself */
    EVP_PKEY *issuer_key;
};

struct pair {
    X509 *certificate;
    EVP_PKEY *key;
};

static void release_pair(struct pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    *pair = (struct pair){0};
}

/* ---- making ---- */

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;
    bool fine;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    fine = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return fine;
}

static bool add_name(X509_NAME *name, const char *field, const char *text)
{
    return text == NULL || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                      (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool set_serial(X509 *certificate)
{
    unsigned char raw[16];
    BIGNUM *number;
    bool fine;

    if (RAND_bytes(raw, sizeof(raw)) != 1)
        return false;
    raw[0] &= 0x7f; /* positive */
    number = BN_bin2bn(raw, sizeof(raw), NULL);
    fine = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return fine;
}

static bool add_extensions(X509 *certificate, const struct plan *plan)
{
    X509 *issuer = plan->issuer != NULL ? plan->issuer : certificate;
    bool ca = plan->usage == NULL;

    return add_extension(certificate, issuer, NID_basic_constraints,
                         ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage,
                         ca ? "critical,digitalSignature,keyCertSign,cRLSign"
                            : "critical,digitalSignature") &&
           (ca || add_extension(certificate, issuer, NID_ext_key_usage, plan->usage)) &&
           add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
           (plan->names == NULL ||
            add_extension(certificate, issuer, NID_subject_alt_name, plan->names));
}

static bool make(const struct plan *plan, struct pair *ret)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = certificate != NULL ? X509_get_subject_name(certificate) : NULL;
    bool fine =
        key != NULL && name != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_S) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), (long)DAY_S * plan->days - BACKDATED_S) !=
            NULL &&
        add_name(name, "O", plan->organization) && add_name(name, "CN", plan->common_name) &&
        X509_set_issuer_name(certificate, plan->issuer != NULL ? X509_get_subject_name(plan->issuer)
                                                               : name) == 1 &&
        X509_set_pubkey(certificate, key) == 1 && add_extensions(certificate, plan) &&
        X509_sign(certificate, plan->issuer_key != NULL ? plan->issuer_key : key, EVP_sha256()) > 0;

    *ret = (struct pair){certificate, key};
    if (!fine)
        release_pair(ret);
    return fine;
}

/* ---- files ---- */

static bool path_of(char *path, const char *folder, const char *name, const char *ending)
{
    return snprintf(path, PATH_ROOM, "%s/%s.%s", folder, name, ending) < PATH_ROOM;
}

/* Whole or not at all, and on disk. */
static bool write_file(const char *path, BIO *text, mode_t mode)
{
    char part[PATH_ROOM + 8];
    char *data;
    long len = BIO_get_mem_data(text, &data);
    bool fine;
    int fd;

    snprintf(part, sizeof(part), "%s.new", path);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return false;
    fine = write(fd, data, (size_t)len) == len && fsync(fd) == 0;
    close(fd);
    return fine && rename(part, path) == 0;
}

/* The chain of a leaf has its issuer in it, which a client may want. */
static bool save(const char *folder, const char *name, const struct pair *pair, X509 *issuer)
{
    BIO *certificate = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_secmem());
    char path[PATH_ROOM];
    bool fine = certificate != NULL && key != NULL &&
                PEM_write_bio_X509(certificate, pair->certificate) == 1 &&
                (issuer == NULL || PEM_write_bio_X509(certificate, issuer) == 1) &&
                PEM_write_bio_PrivateKey(key, pair->key, NULL, NULL, 0, NULL, NULL) == 1 &&
                path_of(path, folder, name, "key") && write_file(path, key, 0600) &&
                path_of(path, folder, name, "crt") && write_file(path, certificate, 0644);

    BIO_free(certificate);
    BIO_free(key);
    return fine;
}

static bool load(const char *folder, const char *name, struct pair *ret)
{
    char path[PATH_ROOM];
    BIO *certificate = NULL, *key = NULL;
    bool fine;

    *ret = (struct pair){0};
    if (path_of(path, folder, name, "crt"))
        certificate = BIO_new_file(path, "r");
    if (path_of(path, folder, name, "key"))
        key = BIO_new_file(path, "r");
    if (certificate != NULL)
        ret->certificate = PEM_read_bio_X509(certificate, NULL, NULL, NULL);
    if (key != NULL)
        ret->key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    fine = ret->certificate != NULL && ret->key != NULL;
    BIO_free(certificate);
    BIO_free(key);
    ERR_clear_error();
    if (!fine)
        release_pair(ret);
    return fine;
}

static bool ends_soon(const struct pair *pair, const struct plan *plan)
{
    time_t soon = clock_wall_s() + (time_t)DAY_S * plan->days / 3;

    return plan->renewed && X509_cmp_time(X509_get0_notAfter(pair->certificate), &soon) < 0;
}

/* One that cannot be renewed is still better than none. */
static void renew(const char *folder, const char *name, const struct plan *plan, struct pair *pair)
{
    struct pair next;

    if (!make(plan, &next))
        return;
    if (save(folder, name, &next, plan->issuer)) {
        release_pair(pair);
        *pair = next;
        LOG_INFO("renewed the certificate", LOG_STR("name", name));
        return;
    }
    LOG_WARN("cannot renew the certificate", LOG_STR("name", name),
             LOG_STR("why", strerror(errno)));
    release_pair(&next);
}

static enum status load_or_make(const char *folder, const char *name, const struct plan *plan,
                                struct pair *ret, struct error *reterr)
{
    if (load(folder, name, ret)) {
        if (ends_soon(ret, plan))
            renew(folder, name, plan, ret);
        return STATUS_OK;
    }
    if (!make(plan, ret))
        return error_set(reterr, STATUS_INTERNAL, "cannot make the certificate %s/%s.crt", folder,
                         name);
    errno = 0;
    if (save(folder, name, ret, plan->issuer))
        return STATUS_OK;
    release_pair(ret);
    return error_set(reterr, STATUS_IO, "cannot write %s/%s.crt and .key: %s", folder, name,
                     strerror(errno));
}

static enum status make_folder(const char *folder, struct error *reterr)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_set(reterr, STATUS_IO, "cannot make %s: %s", folder, strerror(errno));
    return STATUS_OK;
}

/* ---- the two sides ---- */

static bool is_address(const char *host)
{
    unsigned char raw[16];

    return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

static void list_names(struct buf *out, const char *const *hosts)
{
    for (size_t i = 0; hosts[i] != NULL; i++)
        buf_appendf(out, "%s%s:%s", i != 0 ? "," : "", is_address(hosts[i]) ? "IP" : "DNS",
                    hosts[i]);
    buf_append_char(out, '\0');
}

/* A CA, and one certificate of it. */
static enum status make_side(const char *folder, const char *ca_name, const struct plan *ca_plan,
                             const char *leaf_name, struct plan leaf_plan, struct error *reterr)
{
    struct pair ca = {0}, leaf = {0};
    enum status st = make_folder(folder, reterr);

    if (st == STATUS_OK)
        st = load_or_make(folder, ca_name, ca_plan, &ca, reterr);
    if (st == STATUS_OK) {
        leaf_plan.issuer = ca.certificate;
        leaf_plan.issuer_key = ca.key;
        st = load_or_make(folder, leaf_name, &leaf_plan, &leaf, reterr);
    }
    release_pair(&ca);
    release_pair(&leaf);
    return st;
}

enum status self_signed_server(const char *folder, const char *const *hosts, struct error *reterr)
{
    const struct plan ca = {.common_name = "tidewatch-ca", .days = YEARS_DAYS};
    struct plan leaf = {
        .common_name = "tidewatch", .usage = "serverAuth", .days = SERVER_DAYS, .renewed = true};
    struct buf names = {0};
    enum status st;

    list_names(&names, hosts);
    leaf.names = names.data;
    st = names.failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory")
                      : make_side(folder, "ca", &ca, "apiserver", leaf, reterr);
    buf_release(&names);
    return st;
}

enum status self_signed_admin(const char *folder, struct error *reterr)
{
    const struct plan ca = {.common_name = "tidewatch-client-ca", .days = YEARS_DAYS};
    const struct plan leaf = {.common_name = "tidewatch-admin",
                              .organization = "system:masters",
                              .usage = "clientAuth",
                              .days = YEARS_DAYS};

    return make_side(folder, "client-ca", &ca, "admin", leaf, reterr);
}
