internal import CCurl

extension HTTPClientError.Code {
    /// The kind of failure of a libcurl code (libcurl-errors(3)).
    init(_ status: CURLcode) {
        switch status {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT:
            self = .invalidRequest
        case CURLE_COULDNT_RESOLVE_HOST: self = .resolve
        // For HTTP the connect timeout is the only one that libcurl enforces.
        case CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT: self = .connect
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS:
            self = .tls
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
            CURLE_SEND_FAIL_REWIND, CURLE_BAD_CONTENT_ENCODING, CURLE_WEIRD_SERVER_REPLY:
            self = .interrupted
        case CURLE_LOGIN_DENIED: self = .loginDenied
        default: self = .other
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded down, for libcurl's options.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
