package import HTTPWire

/// The limits on clients: sizes, counts and waits.
package struct Limits: Sendable {
    /// Request line, head and number of fields: 414 and 431.
    package var head = HeadLimits()
    /// Bytes of a request body, unless its route has another limit: 413. API calls and forms are far smaller.
    /// A gzip body has this limit twice: as sent, and decompressed.
    package var bodyBytes = 64 << 10
    /// Bytes of all request bodies in memory, over all loops: 503.
    package var bufferedBodyBytes = 64 << 20
    /// Connections of the process, over all loops: 503. Each costs a descriptor and some kilobytes.
    package var connections = 16_384
    /// Connections of one peer address (IPv6: one /64), if peers are clients and not a trusted proxy: 503.
    package var connectionsPerPeer = 1024
    /// Requests of one connection, so that connections move to other processes in time.
    package var requestsPerConnection = 100_000
    /// Requests of one connection that are answered in a row before other tasks of the loop run, against
    /// endless pipelining.
    package var pipelinedRequests = 32
    /// Connections that are accepted in a row before other tasks of the loop run.
    package var acceptedInRow = 64

    /// From a request's first byte, or a new connection's start, to the end of its head: 408.
    package var headTimeout = Duration.seconds(10)
    /// A body may take this long, and one second more for each `bodyBytesPerSecond`: 408.
    package var bodyTimeout = Duration.seconds(10)
    /// The minimum upload rate.
    package var bodyBytesPerSecond = 4096
    /// Silence between requests. Longer than the idle timeout of proxies, so that they close first.
    package var idleTimeout = Duration.seconds(95)
    /// A write may take this long, and one second more for each `writeBytesPerSecond`; then the connection is
    /// cut.
    package var writeTimeout = Duration.seconds(20)
    /// The minimum download rate.
    package var writeBytesPerSecond = 4096
    /// From the start of a drain until connections are cut. Heroku kills 30 s after SIGTERM.
    package var drainTimeout = Duration.seconds(20)
    /// Time for a connection without a request to send one after a drain began.
    package var drainGrace = Duration.seconds(1)

    /// How long a refused client may continue to send, so that it reads the response before the connection
    /// closes.
    let lingerTimeout = Duration.seconds(1)
    /// Bytes that a refused client may send in that time.
    let lingerBytes = 1 << 20
    /// The initial read buffer. Nearly all heads fit.
    let readBufferBytes = 2048
    /// The size of reads of bodies.
    let bodyReadBytes = 65_536
    /// A gzip body is decompressed in pieces of this size, and other tasks of the loop run between them.
    let decompressedPieceBytes = 65_536
    /// Up to this size, head and body are copied into one write. Larger bodies are sent with a gathering
    /// write.
    let copiedBodyBytes = 16_384

    package init() {}
}
