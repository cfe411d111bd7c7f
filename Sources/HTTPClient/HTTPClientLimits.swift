/// The limits of one client.
package struct HTTPClientLimits: Sendable {
    /// Received bytes of a stream that wait for their reader before the connection is paused. libcurl may
    /// hold one more `receiveBytes`. Large enough that a reader that writes to a database never waits, small
    /// enough for dozens of streams.
    package var bufferedBytes = 512 << 10
    /// Bytes that libcurl reads at once: its maximum, for few system calls.
    package var receiveBytes = 512 << 10
    /// The same for compressed bodies: the output of one read (at most a thousand times as large) must fit in
    /// memory.
    package var compressedReceiveBytes = 32 << 10
    /// Bytes that a `PollConnection` reads at once: a record of TLS.
    package var pollReceiveBytes = 16 << 10
    /// Silence after which the kernel probes the server of a `PollConnection`, and between its probes.
    package var keepAliveSeconds = 60
    /// A PEM file with the certificates to trust instead of the system's.
    package var certificateFile: String?
    /// All header lines of a response together.
    package var headBytes = 64 << 10
    /// A collected body, unless the request has another limit.
    package var bodyBytes = 32 << 20
    /// Connections of one loop, and of one loop to one host. Further requests wait.
    package var connections = 256
    package var connectionsPerHost = 64
    /// Connections kept open for reuse.
    package var idleConnections = 32
    /// TCP and TLS handshakes together.
    package var connectTimeout = Duration.seconds(10)
    /// A whole collected request, unless it has its own deadline. Salesforce ends requests after 120 s.
    package var requestTimeout = Duration.seconds(150)
    /// A whole stream, unless it has its own deadline.
    package var streamTimeout = Duration.seconds(3600)
    /// Silence in both directions while the reader keeps up.
    package var idleTimeout = Duration.seconds(130)
    /// A whole mail conversation.
    package var mailTimeout = Duration.seconds(60)
    /// Wait for the reply to QUIT, after the mail was accepted or refused.
    package var mailQuitTimeout = Duration.seconds(5)
    /// Mails that this process sends at once. Each holds a thread of the blocking pool, which also resolves
    /// host names.
    package static let mailsAtOnce = 2
    /// Interval between checks of a mail that waits for a thread.
    package static let mailTurnPause = Duration.milliseconds(20)

    package init() {}
}
