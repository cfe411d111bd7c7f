import Encoding
import FoundationEssentials
import JobAdmin
import Jobs

/// The output of `--json`. `docs/operating-jobs.md` documents it: fields are added, but never renamed.
enum JobsJSON {
    static func job(_ job: JobSummary, _ mask: ArgumentMask) -> [(String, JSONText)] {
        [
            ("id", .string(job.id.text)), ("class", .string(job.className)),
            ("state", .string(job.state.rawValue)), ("queue", .string(job.queue)),
            ("tenant", .optional(job.organizationID)),
            ("args", .raw(optional: job.arguments.map { mask.apply(to: $0, of: job.className) })),
            ("attempt", .number(job.attempt)), ("failures", .number(job.failures)),
            ("maximum_attempts", .optional(job.maximumAttempts)), ("run_at", .time(job.runAt)),
            ("created_at", .time(job.createdAt)), ("started_at", .optional(job.startedAt)),
            ("finished_at", .optional(job.finishedAt)),
            ("cancel_requested_at", .optional(job.cancelRequestedAt)), ("worker", .optional(job.worker)),
            ("held_by", .optional(job.heldBy)), ("error_class", .optional(job.errorClass)),
            ("error_message", .optional(job.errorMessage)), ("progress", .raw(optional: job.progress)),
        ]
    }

    static func page(_ page: JobPage, _ mask: ArgumentMask) -> JSONText {
        .object([
            ("jobs", .array(page.jobs.map { .object(job($0, mask)) })),
            ("next", .optional(page.next.map { "\($0)" })), ("cut_short", .bool(page.isCutShort)),
            ("searched", .number(page.searched)),
        ])
    }

    static func detail(_ detail: JobDetail, _ mask: ArgumentMask) -> JSONText {
        let attempts = detail.attempts.map { attempt in
            JSONText.object([
                ("attempt", .number(attempt.attempt)), ("outcome", .string(attempt.outcome)),
                ("worker", .optional(attempt.worker)), ("error_class", .optional(attempt.errorClass)),
                ("error_message", .optional(attempt.errorMessage)),
                ("started_at", .optional(attempt.startedAt)), ("finished_at", .time(attempt.finishedAt)),
            ])
        }
        let timeline = detail.timeline.map { event in
            JSONText.object([
                ("time", .time(event.time)), ("kind", .string(event.kind.rawValue)),
                ("title", .string(event.title)), ("detail", .optional(event.detail)),
            ])
        }
        return .object(
            job(detail.summary, mask) + [
                ("lane", .string(detail.lane.text)), ("unique_key", .optional(detail.uniqueKey)),
                ("crash_claims", .number(detail.crashClaims)),
                ("timeout_seconds", detail.timeout.map { .seconds($0 / .seconds(1)) } ?? .null),
                ("lease_until", .optional(detail.leaseUntil)), ("pushed_at", .optional(detail.pushedAt)),
                ("failed_at", .optional(detail.failedAt)), ("attempts", .array(attempts)),
                ("timeline", .array(timeline)),
            ])
    }

    static func count(_ count: JobCount) -> JSONText {
        .object([("value", .number(count.value)), ("precision", .string(count.precision.rawValue))])
    }

    static func counts(_ counts: [JobState: JobCount]) -> JSONText {
        .object(JobState.allCases.compactMap { state in counts[state].map { (state.rawValue, count($0)) } })
    }

    static func pause(_ pause: JobPause) -> JSONText {
        .object([
            ("scope", .string(pause.scope.key)), ("by", .string(pause.actor)),
            ("reason", .optional(pause.reason)), ("since", .time(pause.createdAt)),
            ("held", count(pause.held)),
        ])
    }

    static func weight(_ weight: TenantWeight) -> JSONText {
        .object([
            ("tenant", .string(weight.organizationID.uuidString.lowercased())),
            ("weight", .number(weight.weight)), ("by", .string(weight.actor)),
            ("since", .time(weight.createdAt)),
        ])
    }

    static func worker(_ worker: WorkerStatus, running: [JobSummary], _ mask: ArgumentMask) -> JSONText {
        .object([
            ("identity", .string(worker.identity)), ("hostname", .string(worker.hostname)),
            ("pid", .number(worker.processID)), ("concurrency", .number(worker.concurrency)),
            ("busy", .number(worker.busy)), ("quiet", .bool(worker.isQuiet)),
            ("alive", .bool(worker.isAlive)),
            ("version", .optional(worker.version)), ("started_at", .time(worker.startedAt)),
            ("beat_at", .time(worker.beatAt)), ("jobs", .array(running.map { .object(job($0, mask)) })),
        ])
    }
}
