internal import COpenSSL

/// The shared settings of connections: trusted authorities for a client, certificate and key for a server.
/// TLS 1.2 and 1.3.
///
/// A context never changes. A server that reloads its certificate creates a new context for later
/// connections.
// SAFETY: any number of threads may use an SSL_CTX once it is set up (OpenSSL's threading manual), and it is
// not changed after the initializer.
@safe package final class TLSContext: @unchecked Sendable {
    /// The check of the server's certificate.
    package enum Verification: Sendable, Equatable {
        /// The chain leads to a trusted authority, and the certificate names the host.
        case full
        /// The connection is encrypted, but the server is not verified. For servers with self-signed
        /// certificates, such as Heroku's Redis.
        case none
    }

    let pointer: OpaquePointer
    let verification: Verification

    private init(method: OpaquePointer?, verification: Verification) throws(TLSError) {
        guard let context = unsafe SSL_CTX_new(method) else { throw .library(.library, "context") }
        unsafe pointer = context
        self.verification = verification
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        // Partial writes are allowed, and a retried write may use another buffer.
        let mode =
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
            | Int(SSL_MODE_RELEASE_BUFFERS)
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_MODE, mode, nil)
        // One system call reads a record's header and body, and the bytes after them.
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        // Renegotiation only serves attackers; compression leaks (CRIME).
        unsafe SSL_CTX_set_options(context, tlsOptions)
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// A client's context. `authorities` is a PEM file of trusted certificates that replaces the system's.
    package static func client(
        verification: Verification = .full, authorities: String? = nil
    ) throws(TLSError) -> TLSContext {
        let context = unsafe try TLSContext(method: TLS_client_method(), verification: verification)
        let loaded =
            if let authorities {
                unsafe SSL_CTX_load_verify_locations(context.pointer, authorities, nil)
            } else {
                unsafe SSL_CTX_set_default_verify_paths(context.pointer)
            }
        guard loaded == 1 else {
            throw .library(.credentials, "load authorities \(authorities ?? "of the system")")
        }
        unsafe SSL_CTX_set_verify(
            context.pointer, verification == .full ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        return context
    }

    /// A server's context from PEM files: the certificate with its chain, and its private key. It offers
    /// `http/1.1`.
    package static func server(certificateFile: String, keyFile: String) throws(TLSError) -> TLSContext {
        let context = unsafe try TLSContext(method: TLS_server_method(), verification: .none)
        guard unsafe SSL_CTX_use_certificate_chain_file(context.pointer, certificateFile) == 1 else {
            throw .library(.credentials, "load certificate \(certificateFile)")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context.pointer, keyFile, SSL_FILETYPE_PEM) == 1,
            unsafe SSL_CTX_check_private_key(context.pointer) == 1
        else { throw .library(.credentials, "load key \(keyFile)") }
        unsafe SSL_CTX_set_alpn_select_cb(context.pointer, chooseProtocol, nil)
        return context
    }
}

private let tlsOptions =
    UInt64(SSL_OP_BIT_NO_RENEGOTIATION) | UInt64(SSL_OP_BIT_NO_COMPRESSION) | UInt64(SSL_OP_BIT_CIPHER_SERVER)

/// RFC 7301: selects `http/1.1` if the client offers it, else continues without a protocol.
private let chooseProtocol: SSL_CTX_alpn_select_cb_func = {
    _, chosen, chosenLength, offered, offeredLength, _ in
    let wanted = Array("http/1.1".utf8)
    guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_NOACK }
    var position = 0
    while position < Int(offeredLength) {
        let length = Int(unsafe offered[position])
        guard position + 1 + length <= Int(offeredLength) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let name = unsafe UnsafeBufferPointer(start: offered + position + 1, count: length)
        if unsafe name.elementsEqual(wanted) {
            unsafe chosen?.pointee = offered + position + 1
            unsafe chosenLength?.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
        }
        position += 1 + length
    }
    return SSL_TLSEXT_ERR_NOACK
}
