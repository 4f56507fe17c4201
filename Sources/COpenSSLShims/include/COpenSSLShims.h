// What OpenSSL offers as macros only, which Swift does not import. Nothing here decides anything.
#ifndef MUSTER_COPENSSL_SHIMS_H
#define MUSTER_COPENSSL_SHIMS_H
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>

int cossl_ctx_set_min_proto_version(SSL_CTX *context, int version);
int cossl_ctx_set_max_proto_version(SSL_CTX *context, int version);

/// No tickets, no compression, no renegotiation, no session cache; no certificates sent that were not given; memory goes back when a session is idle.
void cossl_ctx_set_stateless(SSL_CTX *context);
int cossl_ctx_set1_groups_list(SSL_CTX *context, const char *groups);
int cossl_ctx_set1_sigalgs_list(SSL_CTX *context, const char *algorithms);
/// The most bytes of certificates that a peer may send.
void cossl_ctx_set_max_cert_list(SSL_CTX *context, long bytes);
/// Adds one certificate to the chain that is sent after the leaf; takes a reference of its own.
int cossl_ctx_add1_chain_cert(SSL_CTX *context, X509 *certificate);
/// The certificates that are sent after the leaf; NULL when there are none.
STACK_OF(X509) *cossl_ctx_get0_chain_certs(SSL_CTX *context);

size_t cossl_bio_pending(BIO *bio);

/// Number of the last certificate of a verified chain, counted from the leaf at 0; -1 when there is no chain.
int cossl_last_index(const STACK_OF(X509) *chain);
X509 *cossl_certificate_at(const STACK_OF(X509) *chain, int index);

/// Calls `visit` with kind (GEN_DNS, GEN_URI, GEN_IPADD), bytes and length of each subject alternative name of the certificate.
/// The bytes may hold NULs and end with none: compare them by length.
void cossl_each_alternative_name(X509 *certificate, void *context, void (*visit)(void *context, int kind, const uint8_t *bytes, long length));
#endif
