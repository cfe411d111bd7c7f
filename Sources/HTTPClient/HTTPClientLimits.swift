/// Sizes and times of one client.
package struct HTTPClientLimits: Sendable {
    /// Bytes of a stream that may wait for their reader before the connection is paused; one more of
    /// `receiveBytes` may wait inside libcurl. Large enough that a reader which writes to a database never
    /// finds it empty, small enough for dozens of streams.
    package var bufferedBytes = 512 << 10
    /// What libcurl reads at once: the largest it allows, for few system calls per megabyte.
    package var receiveBytes = 512 << 10
    /// The same where bodies are decompressed: what one read unpacks to (at most a thousandfold) must fit
    /// in memory.
    package var compressedReceiveBytes = 32 << 10
    /// All header lines of an answer together.
    package var headBytes = 64 << 10
    /// A collected body, unless the request says otherwise.
    package var bodyBytes = 32 << 20
    /// Connections of one loop, and of one loop to one host; further requests wait in line.
    package var connections = 256
    package var connectionsPerHost = 64
    /// Connections kept open for reuse.
    package var idleConnections = 32
    /// TCP and TLS handshakes together.
    package var connectTimeout = Duration.seconds(10)
    /// A whole collected request, unless it has a deadline of its own. Salesforce ends its own after 120 s.
    package var requestTimeout = Duration.seconds(150)
    /// A whole stream, unless it has a deadline of its own.
    package var streamTimeout = Duration.seconds(3600)
    /// Silence in both directions while the reader is not what is waited for.
    package var idleTimeout = Duration.seconds(130)
    /// A whole mail conversation.
    package var mailTimeout = Duration.seconds(60)
    /// Waiting for the answer to QUIT, after the mail was taken or refused.
    package var mailFarewellTimeout = Duration.seconds(5)
    /// Mails of this process on their way at once: each holds a thread of the blocking pool, and host names
    /// are resolved there too.
    package static let mailsAtOnce = 2
    /// How often a mail that waits for its turn looks again.
    package static let mailTurnPause = Duration.milliseconds(20)

    package init() {}
}
