import FoundationEssentials
import JobAdmin
import Jobs

/// Formats jobs for a terminal.
enum JobsText {
    /// The text on one line, at most `length` characters, without control characters that a terminal would
    /// execute.
    static func plain(_ text: String, length: Int = .max) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            // Characters that change the direction of writing, or that are invisible.
            let isInvisible =
                (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
                || scalar.value == 0x200b || scalar.value == 0xfeff
            result.append(isControl ? " " : isInvisible ? "\u{fffd}" : scalar)
        }
        let whole = String(result)
        return whole.count > length ? whole.prefix(max(length - 1, 0)) + "…" : whole
    }

    static func time(_ time: Date) -> String { time.formatted(.iso8601) }

    /// A time relative to now, in its two largest units.
    static func distance(_ time: Date, from now: Date) -> String {
        let seconds = now.timeIntervalSince(time)
        let text = duration(abs(seconds))
        return seconds < 0 ? "in \(text)" : "\(text) ago"
    }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 1e12))
        switch whole {
        case ..<1: return "\(Int((seconds * 1000).rounded())) ms"
        case ..<60: return "\(whole) s"
        case ..<3600: return "\(whole / 60) min \(whole % 60) s"
        case ..<86_400: return "\(whole / 3600) h \(whole % 3600 / 60) min"
        default: return "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
        }
    }

    /// How to continue after this page; nil if the page has all matching jobs.
    static func rest(of page: JobPage) -> String? {
        guard let next = page.next else { return page.jobs.isEmpty ? "no jobs match" : nil }
        guard page.isCutShort else { return "there are more jobs: continue with --after \(next)" }
        return """
            the search stopped after \(JobCount(page.searched).of("job")), at \(time(next.time)): \
            continue with --after \(next), or search longer with --within 60
            """
    }

    /// The progress of an action on many jobs.
    static func progress(_ outcome: BulkOutcome, _ action: JobAction) -> String {
        "\(JobCount(outcome.searched).of("job")) searched, "
            + "\(JobCount(outcome.changed)) \(action.pastTense) so far"
    }

    /// - Parameter organizations: the org ids of the tenants.
    static func jobs(_ jobs: [JobSummary], of organizations: [UUID: String], now: Date) -> String {
        let rows = jobs.map { job in
            let tenant = job.organizationID.map { organizations[$0] ?? $0.uuidString.lowercased() } ?? "-"
            let error =
                job.heldBy.map { "paused: \($0)" }
                ?? [job.errorClass, job.errorMessage].compactMap(\.self).joined(separator: ": ")
            return [
                job.id.text, job.state.rawValue, job.className, job.queue, tenant, "\(job.attempt)",
                distance(job.position.time, from: now), plain(error, length: 80),
            ]
        }
        return TextTable.text(["ID", "STATE", "CLASS", "QUEUE", "TENANT", "ATTEMPTS", "TIME", "ERROR"], rows)
    }

    static func detail(_ detail: JobDetail, _ mask: ArgumentMask, now: Date) -> String {
        let job = detail.summary
        let fields: [(String, String?)] = [
            ("id", job.id.text), ("class", job.className), ("state", job.state.rawValue),
            ("queue", "\(job.queue) (lane \(detail.lane))"),
            ("tenant", job.organizationID?.uuidString.lowercased()),
            (
                "args",
                job.arguments.map { plain(mask.apply(to: $0, of: job.className)) } ?? "too long to show here"
            ),
            ("created", time(job.createdAt)), ("due", time(job.runAt)), ("started", job.startedAt.map(time)),
            ("finished", job.finishedAt.map(time)),
            (
                "attempts",
                "\(job.attempt), \(job.failures) failures in a row"
                    + (job.maximumAttempts.map { " of \($0)" } ?? "")
            ),
            ("worker", job.worker.map { plain($0) }), ("lease until", detail.leaseUntil.map(time)),
            ("held by", job.heldBy), ("unique key", detail.uniqueKey.map { plain($0) }),
            ("progress", job.progress.map { plain($0) }),
            ("error", job.errorClass.map { plain("\($0): \(job.errorMessage ?? "")") }),
        ]
        var lines = fields.compactMap { name, value in
            value.map { "\(name):\(String(repeating: " ", count: max(12 - name.count, 1)))\($0)" }
        }
        lines.append("timeline:")
        for event in detail.timeline {
            let details = event.detail.map { "  (\(plain($0, length: 200)))" } ?? ""
            lines.append("  \(time(event.time))  \(plain(event.title))\(details)")
        }
        return lines.joined(separator: "\n")
    }
}
