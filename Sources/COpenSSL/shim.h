#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// Macros with casts, which Swift cannot read.
static const uint64_t SSL_OP_BIT_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t SSL_OP_BIT_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t SSL_OP_BIT_CIPHER_SERVER = SSL_OP_CIPHER_SERVER_PREFERENCE;
