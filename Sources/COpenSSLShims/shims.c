#include "COpenSSLShims.h"

int cossl_ctx_set_min_proto_version(SSL_CTX *context, int version) { return (int)SSL_CTX_set_min_proto_version(context, version); }
int cossl_ctx_set_max_proto_version(SSL_CTX *context, int version) { return (int)SSL_CTX_set_max_proto_version(context, version); }

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
