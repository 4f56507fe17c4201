#include "COpenSSLShims.h"

int cossl_ctx_set_min_proto_version(SSL_CTX *context, int version) { return (int)SSL_CTX_set_min_proto_version(context, version); }
int cossl_ctx_set_max_proto_version(SSL_CTX *context, int version) { return (int)SSL_CTX_set_max_proto_version(context, version); }

void cossl_ctx_set_stateless(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
}
int cossl_ctx_set1_groups_list(SSL_CTX *context, const char *groups) { return (int)SSL_CTX_set1_groups_list(context, groups); }
int cossl_ctx_set1_sigalgs_list(SSL_CTX *context, const char *algorithms) { return (int)SSL_CTX_set1_sigalgs_list(context, algorithms); }
void cossl_ctx_set_max_cert_list(SSL_CTX *context, long bytes) { SSL_CTX_set_max_cert_list(context, bytes); }
int cossl_ctx_add1_chain_cert(SSL_CTX *context, X509 *certificate) { return (int)SSL_CTX_add1_chain_cert(context, certificate); }

STACK_OF(X509) *cossl_ctx_get0_chain_certs(SSL_CTX *context) {
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(context, &chain);
    return chain;
}

size_t cossl_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

int cossl_last_index(const STACK_OF(X509) *chain) { return chain == NULL ? -1 : sk_X509_num(chain) - 1; }
X509 *cossl_certificate_at(const STACK_OF(X509) *chain, int index) { return sk_X509_value(chain, index); }

void cossl_each_alternative_name(X509 *certificate, void *context, void (*visit)(void *, int, const uint8_t *, long)) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *text = NULL;
        if (name->type == GEN_DNS) text = name->d.dNSName;
        if (name->type == GEN_URI) text = name->d.uniformResourceIdentifier;
        if (name->type == GEN_IPADD) text = name->d.iPAddress;
        if (text != NULL) visit(context, name->type, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    }
    GENERAL_NAMES_free(names);
}
