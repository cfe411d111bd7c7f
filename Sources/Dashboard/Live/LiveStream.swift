import FoundationEssentials
import HTTPServer
import Pages
import Reactor

/// Sends the changes of one page to one viewer until the viewer leaves, the session ends or the process
/// stops.
struct LiveStream: Sendable {
    let hub: LiveHub
    let topic: String
    /// Whether the viewer may still see the page.
    let isOpen: @Sendable () async throws -> Bool
    let read: @Sendable () async throws -> [LivePart]

    func run(_ writer: BodyWriter) async throws {
        // The body of a HEAD request is never written, so the viewer joins here.
        guard hub.join(topic) else { return }
        defer { hub.leave(topic) }
        try await writer.write("retry: \(LiveLimits.retryMilliseconds)\n\n")
        let end = ContinuousClock.now + LiveLimits.lifetime
        var version = -1
        var (lastSent, lastCheck) = (ContinuousClock.now, ContinuousClock.now)
        var nextRead = ContinuousClock.now
        while !writer.isDraining, .now < end {
            if .now >= lastCheck + LiveLimits.sessionCheck {
                lastCheck = .now
                // A database that does not answer says nothing about the session.
                if let isOpen = try? await isOpen(), !isOpen {
                    return try await writer.write("event: end\ndata: session\n\n")
                }
            }
            if .now >= nextRead {
                nextRead = .now + LiveLimits.interval
                // A database that does not answer now may answer later.
                if let snapshot = try? await hub.snapshot(of: topic, read) {
                    let changes = snapshot.changes(since: version)
                    version = snapshot.version
                    for part in changes {
                        try await writer.write(part.event)
                        lastSent = .now
                    }
                }
            }
            if .now >= lastSent + LiveLimits.silence {
                try await writer.write(":\n\n")
                lastSent = .now
            }
            try await EventLoop.current.sleep(for: LiveLimits.step)
        }
    }
}
