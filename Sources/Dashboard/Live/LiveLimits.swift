/// The named limits of live updates.
package enum LiveLimits {
    /// Interval between two reads of what a page shows. All its viewers share the read.
    package static let interval = Duration.seconds(2)
    /// Streams of a process. Each costs a connection and some kilobytes.
    package static let streams = 200
    /// Different pages that are read at the same time: each filter of a list is a page of its own.
    static let topics = 50
    /// Interval between checks that a viewer's session is still open.
    static let sessionCheck = Duration.seconds(5)
    /// How often a stream looks whether the process stops.
    static let step = Duration.milliseconds(500)
    /// A stream without updates sends a comment this often, because routers close silent connections.
    static let silence = Duration.seconds(15)
    /// Then the stream ends, and the browser connects again: connections move to other processes in time.
    static let lifetime = Duration.seconds(900)
    /// How long browsers wait before they connect again, in milliseconds.
    static let retryMilliseconds = 3_000
}
