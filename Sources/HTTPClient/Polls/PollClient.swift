internal import Reactor
internal import TLS

/// Opens connections for long polls from one loop, as `PollConnection`. Loop-confined.
///
/// Thousands of long polls are open, and nearly all of them are silent. A silent one holds a socket and the
/// state of OpenSSL, and no buffers. With libcurl each would hold about 50 kB more.
///
/// The rules are those of `HTTPClient`: HTTP/1.1 only, certificates are verified, redirects are not followed,
/// and proxies of the environment are not used.
// SAFETY: loop-confined, checked by `PollConnection`.
package final class PollClient: @unchecked Sendable {
    let limits: HTTPClientLimits
    let loop = EventLoop.current
    /// For the bytes of one read. They are used before the next read.
    var buffer: ReadBuffer
    private var context: TLSContext?

    /// Belongs to the current loop.
    ///
    /// - Parameter limits: those of sizes and times, and the certificates to trust.
    package init(limits: HTTPClientLimits = HTTPClientLimits()) {
        self.limits = limits
        buffer = ReadBuffer(capacity: limits.pollReceiveBytes)
    }

    /// The settings of all encrypted connections. They contain the trusted certificates, which need about a
    /// megabyte.
    func tlsContext() throws(TLSError) -> TLSContext {
        if let context { return context }
        let context = try TLSContext.client(authorities: limits.certificateFile)
        self.context = context
        return context
    }
}
