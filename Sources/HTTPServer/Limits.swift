package import HTTPWire

/// Everything that a client could otherwise have too much of, and every wait for a client.
package struct Limits: Sendable {
    /// Request line, head and number of fields: 414 and 431.
    package var head = HeadLimits()
    /// Bytes of a request body unless its route says otherwise: 413. API calls and forms are far smaller.
    package var bodyBytes = 64 << 10
    /// Bytes of all request bodies that the process holds at one time, over all loops: 503.
    package var bufferedBodyBytes = 64 << 20
    /// Connections of the process, over all loops: 503. Each costs a descriptor and some kilobytes.
    package var connections = 16_384
    /// Connections of one peer address (IPv6: one /64), where peers are clients and not a trusted proxy: 503.
    package var connectionsPerPeer = 1024
    /// Requests on one connection, so that connections move to other processes in time.
    package var requestsPerConnection = 100_000
    /// Requests that one connection may have answered in a row before the loop looks at the others: a client
    /// that pipelines without end gets its turn, not the thread.
    package var pipelinedRequests = 32
    /// Connections that are accepted in a row before the loop looks at those it has.
    package var acceptedInRow = 64

    /// From a request's first byte, or a new connection's start, to the end of its head: 408.
    package var headTimeout = Duration.seconds(10)
    /// A body may take this long, and one second more for each `bodyBytesPerSecond`: 408.
    package var bodyTimeout = Duration.seconds(10)
    /// The slowest upload that is served.
    package var bodyBytesPerSecond = 4096
    /// Between requests. Longer than what proxies in front keep idle, so that they close first.
    package var idleTimeout = Duration.seconds(95)
    /// A write may take this long, and one second more for each `writeBytesPerSecond`; then the connection is
    /// cut.
    package var writeTimeout = Duration.seconds(20)
    /// The slowest download that is served.
    package var writeBytesPerSecond = 4096
    /// From the beginning of a drain until connections are cut. Heroku kills 30 s after SIGTERM.
    package var drainTimeout = Duration.seconds(20)
    /// How long a connection that has not asked for anything yet may take to begin when a drain has begun.
    package var drainGrace = Duration.seconds(1)

    /// How long a refused client may go on sending so that it reads the answer before the connection breaks.
    let lingerTimeout = Duration.seconds(1)
    /// How much it may send in that time.
    let lingerBytes = 1 << 20
    /// The buffer of a quiet connection; nearly all heads fit.
    let readBufferBytes = 2048
    /// The piece in which bodies are read.
    let bodyReadBytes = 65_536
    /// Up to this size head and body are copied into one write; above, two buffers are gathered.
    let copiedBodyBytes = 16_384

    package init() {}
}
