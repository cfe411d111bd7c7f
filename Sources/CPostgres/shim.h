#pragma once
#include <errno.h>
#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

// Bytes of a TLS record that libpq has read a part of; 0 without TLS.
static inline int tls_pending(PGconn *connection) {
    SSL *ssl = (SSL *)PQsslStruct(connection, "OpenSSL");
    return ssl ? SSL_pending(ssl) : 0;
}

// Copies what the server has sent and libpq has not read: the count, 0 when there is nothing yet, -1 at the end.
static inline int tls_peek(PGconn *connection, void *bytes, int count) {
    SSL *ssl = (SSL *)PQsslStruct(connection, "OpenSSL");
    if (!ssl) return -1;
    ERR_clear_error();
    int result = SSL_peek(ssl, bytes, count);
    if (result > 0) return result;
    int reason = SSL_get_error(ssl, result);
    ERR_clear_error();
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? 0 : -1;
}
