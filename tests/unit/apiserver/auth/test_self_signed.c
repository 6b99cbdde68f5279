#include "apiserver/auth/self_signed.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/auth/read_file.h"
#include "unit/test.h"

static void path_to(char path[256], const char *folder, const char *name)
{
    snprintf(path, 256, "%s/%s", folder, name);
}

static X509 *read_certificate(const char *folder, const char *name)
{
    char path[256];
    BIO *bio;
    X509 *certificate;

    path_to(path, folder, name);
    bio = BIO_new_file(path, "r");
    CHECK(bio != NULL);
    certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    CHECK(certificate != NULL);
    BIO_free(bio);
    return certificate;
}

static bool vouches(X509 *ca, X509 *leaf, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool fine = X509_STORE_add_cert(store, ca) == 1 &&
                X509_STORE_CTX_init(ctx, store, leaf, NULL) == 1 &&
                X509_STORE_CTX_set_purpose(ctx, purpose) == 1 && X509_verify_cert(ctx) == 1;

    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return fine;
}

static void clean_up(const char *folder)
{
    static const char *const names[] = {"ca.crt",        "ca.key",        "apiserver.crt",
                                        "apiserver.key", "client-ca.crt", "client-ca.key",
                                        "admin.crt",     "admin.key"};
    char path[256];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        path_to(path, folder, names[i]);
        unlink(path);
    }
    CHECK(rmdir(folder) == 0); /* nothing else is left */
}

TEST(self_signed, a_server_gets_a_certificate_for_its_names_and_keeps_it)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", NULL};
    char folder[] = "/tmp/tidewatch-certs-XXXXXX", path[256];
    struct stat info;
    struct buf first = {0}, second = {0};
    X509 *ca, *leaf;

    CHECK(mkdtemp(folder) != NULL);
    CHECK(self_signed_server(folder, hosts, NULL) == STATUS_OK);
    ca = read_certificate(folder, "ca.crt");
    leaf = read_certificate(folder, "apiserver.crt");
    CHECK(vouches(ca, leaf, X509_PURPOSE_SSL_SERVER));
    CHECK(!vouches(ca, leaf, X509_PURPOSE_SSL_CLIENT));
    CHECK(X509_check_host(leaf, "localhost", 0, 0, NULL) == 1);
    CHECK(X509_check_host(leaf, "elsewhere", 0, 0, NULL) != 1);
    CHECK(X509_check_ip_asc(leaf, "127.0.0.1", 0) == 1);
    CHECK(X509_check_ip_asc(leaf, "::1", 0) == 1);
    path_to(path, folder, "apiserver.key");
    CHECK(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    CHECK(read_whole_file(path, &first, NULL) == STATUS_OK);
    CHECK(self_signed_server(folder, hosts, NULL) == STATUS_OK);
    CHECK(read_whole_file(path, &second, NULL) == STATUS_OK);
    CHECK(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
    buf_release(&first);
    buf_release(&second);
    X509_free(ca);
    X509_free(leaf);
    clean_up(folder);
}

TEST(self_signed, an_admin_is_vouched_for_by_a_ca_that_no_server_has)
{
    static const char *const hosts[] = {"localhost", NULL};
    char folder[] = "/tmp/tidewatch-certs-XXXXXX", text[64];
    X509 *ca, *client_ca, *admin;

    CHECK(mkdtemp(folder) != NULL);
    CHECK(self_signed_server(folder, hosts, NULL) == STATUS_OK);
    CHECK(self_signed_admin(folder, NULL) == STATUS_OK);
    ca = read_certificate(folder, "ca.crt");
    client_ca = read_certificate(folder, "client-ca.crt");
    admin = read_certificate(folder, "admin.crt");
    CHECK(vouches(client_ca, admin, X509_PURPOSE_SSL_CLIENT));
    CHECK(!vouches(client_ca, admin, X509_PURPOSE_SSL_SERVER));
    CHECK(!vouches(ca, admin, X509_PURPOSE_SSL_CLIENT));
    X509_NAME_get_text_by_NID(X509_get_subject_name(admin), NID_organizationName, text,
                              sizeof(text));
    CHECK(strcmp(text, "system:masters") == 0);
    X509_free(ca);
    X509_free(client_ca);
    X509_free(admin);
    clean_up(folder);
}

TEST(self_signed, a_folder_that_cannot_be_made_is_named)
{
    static const char *const hosts[] = {"localhost", NULL};
    struct error err = {0};

    CHECK(self_signed_server("/proc/nowhere/certs", hosts, &err) == STATUS_IO);
    CHECK(strstr(err.message, "/proc/nowhere/certs") != NULL);
    error_release(&err);
}
