import ArgumentParser
import FoundationEssentials
import Jobs
import Organizations
import Postgres
import Reactor
import Replication
import TenantSchema

/// Applies a mapping file to a tenant and prints what the worker does.
struct MappingImportProgress {
    let session: JobsSession
    /// The longest wait for the worker, in seconds.
    let wait: Int

    /// Fails at once for a paused tenant: the job waits for the end of the pause.
    func apply(_ file: MappingFile, to organization: Organization, by actor: String) async throws {
        let id = try await session.pool.withConnection {
            try await MappingImportStore().add(file, to: organization.id, by: actor, on: $0)
        }
        let job = try await session.queue.enqueue(MappingImportJob.job(for: id, of: organization.id))
        if organization.status == .paused {
            throw CommandFailure(
                "\(organization.organizationID) is paused: job \(job) makes the change after "
                    + "`multiconnect organizations resume \(organization.organizationID)`")
        }
        try await follow(id, job, objects: file.mappings.count)
    }

    static func show(_ step: MappingImportStore.Step) {
        print(JobsText.plain("\(step.object)  \(step.action)  \(step.detail)"))
    }

    static func show(_ change: MappingChange) {
        print(
            JobsText.plain(
                "\(change.entry.objectName)  \(change.kind)  \(change.details.joined(separator: ", "))"))
    }

    /// Prints the steps as the worker makes them.
    ///
    /// - Parameter objects: the mappings of the file.
    private func follow(_ id: UUID, _ job: JobID, objects: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(wait)
        let bar = ProgressBar("mappings")
        defer { bar.clear() }
        var printed = 0
        var hasFailed = false
        var isUnusable = false
        var shownError: String?
        while true {
            let found = try await session.pool.withConnection {
                try await MappingImportStore().record(id, on: $0)
            }
            guard let record = found else {
                throw CommandFailure("the tenant was removed", code: CommandFailure.noInput)
            }
            // A start that was repeated makes its steps again.
            if record.steps.count > printed || record.state.isFinal { bar.clear() }
            for step in record.steps.dropFirst(printed) {
                Self.show(step)
                hasFailed = hasFailed || step.action == "failed"
                isUnusable = isUnusable || step.action == MappingImportStore.Step.unusable
            }
            printed = max(printed, record.steps.count)
            if let error = record.error, error != shownError {
                print(JobsText.plain(record.state.isFinal ? "failed: \(error)" : "trying again: \(error)"))
                shownError = error
            }
            if record.state.isFinal {
                if hasFailed || record.state == .failed { throw ExitCode(1) }
                if isUnusable { throw ExitCode(CommandFailure.dataError) }
                return
            }
            bar.show(done: record.steps.count { $0.object != "connection" }, total: objects)
            guard .now < deadline else {
                throw CommandFailure(
                    "job \(job) has not finished after \(wait) s; it continues if a worker runs")
            }
            try StandardOutput.flushPrinted()
            try await Task.sleep(for: .milliseconds(300))
        }
    }
}
