// What OpenSSL offers as macros only, which Swift does not import.
#ifndef MUSTER_COPENSSL_SHIMS_H
#define MUSTER_COPENSSL_SHIMS_H
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>

int cossl_ctx_set_min_proto_version(SSL_CTX *context, int version);
int cossl_ctx_set_max_proto_version(SSL_CTX *context, int version);

/// Calls `visit` with kind (GEN_DNS, GEN_URI, GEN_IPADD), bytes and length of each subject alternative name of the certificate.
void cossl_each_alternative_name(X509 *certificate, void *context, void (*visit)(void *context, int kind, const uint8_t *bytes, long length));
#endif
