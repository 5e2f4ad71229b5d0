/* Certificates for tests, made when they are needed: an authority, and what it or another signed.
 * They lie as PEM files in a folder of their own that certs_close removes. */
#ifndef CERT_HELP_H
#define CERT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct cert {
    X509 *x509;
    EVP_PKEY *key;
    char file[128], key_file[128]; /* PEM */
};

static char certs_folder[64];

static inline void certs_open(void)
{
    snprintf(certs_folder, sizeof certs_folder, "/tmp/certs-XXXXXX");
    assert_non_null(mkdtemp(certs_folder));
}

static inline void certs_close(void)
{
    DIR *folder = opendir(certs_folder);
    struct dirent *entry;
    char path[400];

    while ((entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", certs_folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(folder);
    rmdir(certs_folder);
}

/* A file of the folder with that text. */
static inline void certs_write(char path[128], const char *name, const char *text)
{
    FILE *file;

    snprintf(path, 128, "%s/%s", certs_folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static inline void cert_extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

/* names: "DNS:a.example,IP:127.0.0.1"; NULL: an authority. signer NULL: it signs itself. days: how
 * long it is still good; below 0: how long it is over. */
static inline void cert_make(struct cert *cert, const char *file, const char *names, int days,
                             const struct cert *signer)
{
    static long serial;
    X509 *x509 = X509_new(), *issuer = signer ? signer->x509 : x509;
    FILE *out;

    cert->key = EVP_EC_gen("P-256");
    cert->x509 = x509;
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -100L * 86400);
    X509_gmtime_adj(X509_getm_notAfter(x509), days * 86400L);
    X509_set_pubkey(x509, cert->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               (const unsigned char *)file, -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(issuer));
    cert_extend(x509, issuer, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
    if (names)
        cert_extend(x509, issuer, NID_subject_alt_name, names);
    assert_true(X509_sign(x509, signer ? signer->key : cert->key, EVP_sha256()) > 0);
    snprintf(cert->file, sizeof cert->file, "%s/%s.pem", certs_folder, file);
    snprintf(cert->key_file, sizeof cert->key_file, "%s/%s.key", certs_folder, file);
    out = fopen(cert->file, "w");
    PEM_write_X509(out, x509);
    fclose(out);
    out = fopen(cert->key_file, "w");
    PEM_write_PrivateKey(out, cert->key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

static inline void cert_free(struct cert *cert)
{
    X509_free(cert->x509);
    EVP_PKEY_free(cert->key);
}

#endif
