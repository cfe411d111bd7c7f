internal import Salesforce

/// The decisions of one start of an import: which method reads the rows, whether an open import is resumed,
/// how long a Bulk job is waited for, whether the counts agree, and what follows when Salesforce refuses.
///
/// The importer carries out each step and passes back the event that it led to. Times are passed in.
struct ImportMachine: Sendable {
    /// The facts that the decisions depend on.
    struct Settings: Sendable {
        var objectName: String
        var bulkThreshold: Int
        var pollBudget: Duration
        var quarantineLimit: QuarantineLimit
        /// The API version of this start.
        var apiVersion: Int
        /// True if the query fits into an address.
        var fitsAddress: Bool
    }

    /// The importer's next step.
    enum Step: Sendable, Equatable {
        /// Open an import and create the table. Leads to `.opened`.
        case open
        /// Bring the table of the open import to the plan. Leads to `.opened`.
        case resume(ImportRecord)
        /// Remove everything that the import has loaded, and close it. Leads to `.discarded`.
        case discard(ImportRecord)
        /// Ask for the number of records. Leads to `.counted`.
        case countRecords
        /// Record the method. Leads to `.recorded`.
        case choose(ImportRecord.Method, records: Int)
        /// Record another method than the one that Salesforce refused. Leads to `.recorded`.
        case change(ImportRecord.Method, because: SalesforceError)
        /// Load the rows of a query. Leads to `.queried` or `.refused`.
        case query
        /// Create a Bulk job and record its id. Leads to `.created` or `.refused`.
        case createBulkJob
        /// Ask for the state of the Bulk job. Leads to `.checked` or `.refused`.
        case checkBulkJob(SalesforceID)
        /// Sleep. Leads to `.slept`.
        case sleep(Duration)
        /// Record the number of rows and load the pages of the Bulk job. Leads to `.loaded` or `.failed`.
        case loadResults(SalesforceID, expected: Int)
        /// Sum up the loaded pages. Leads to `.summed`.
        case sumUp
        /// Close the import as complete. The Bulk job can be deleted. The end.
        case finish(expected: Int, bulkJob: SalesforceID?)
        /// Free the slot and start again after this time. The end.
        case suspend(Duration)
        /// Throw the error. The end.
        case fail(Failure)
    }

    /// The result of a step.
    enum Event: Sendable {
        /// The open import of the mapping, taken over by this start, and its progress.
        case found(ImportRecord?, ImportProgress)
        case opened(ImportRecord)
        case discarded
        case counted(Int)
        case recorded(ImportRecord)
        case queried(rows: Int)
        case created(SalesforceID)
        case checked(BulkJob)
        case slept
        case loaded
        case summed(ImportProgress)
        /// Salesforce refused a query, or to create or show a Bulk job.
        case refused(SalesforceError)
        /// The results of the Bulk job could not be loaded.
        case failed(ReplicationError)
    }

    /// Why a start ends without a result.
    enum Failure: Error, Sendable, Equatable {
        case replication(ReplicationError)
        case salesforce(SalesforceError)

        /// The error to throw.
        var error: any Error {
            switch self {
            case .replication(let error): error
            case .salesforce(let error): error
            }
        }
    }

    private let settings: Settings
    private var record: ImportRecord?
    private var method: ImportRecord.Method?
    private var bulkJob: SalesforceID?
    private var expectedRows = 0
    /// Set while records are counted for another method.
    private var refusal: (error: SalesforceError, kind: ImportMethodRule.Refusal)?
    /// The step after the rows are discarded.
    private var afterDiscard = Step.open
    private var pause = ReplicationLimits.firstPoll
    private var pollDeadline: ContinuousClock.Instant?

    /// The mapping's state. Nil while it does not change.
    private(set) var mappingState: Mapping.State?

    init(_ settings: Settings) {
        self.settings = settings
    }

    /// The open import. Throws `.claimLost` before `.opened`.
    func openRecord() throws(ReplicationError) -> ImportRecord {
        guard let record else { throw ReplicationError(.claimLost, "the import is not open") }
        return record
    }

    /// The step that follows from an event.
    mutating func next(after event: Event, now: ContinuousClock.Instant) -> Step {
        switch event {
        case .found(let record, let progress): found(record, progress)
        case .opened(let record): opened(record, now)
        case .discarded: afterDiscard
        case .counted(let records): counted(records)
        case .recorded(let record): begin(record, now)
        case .queried(let rows): expect(rows, .sumUp)
        case .created(let id): wait(for: id, now)
        case .checked(let job): checked(job, now)
        case .slept: bulkJob.map(Step.checkBulkJob) ?? .createBulkJob
        case .loaded: .sumUp
        case .summed(let progress): verify(progress)
        case .refused(let error): refused(error)
        case .failed(let error): failed(error)
        }
    }
}

// Begin and method.
extension ImportMachine {
    private mutating func found(_ record: ImportRecord?, _ progress: ImportProgress) -> Step {
        guard let record else { return .open }
        // The limit ended this import. A retry follows a repair, so all rows are loaded again.
        guard !settings.quarantineLimit.isExceeded(by: progress) else { return discard(record, then: .open) }
        return .resume(record)
    }

    private mutating func opened(_ record: ImportRecord, _ now: ContinuousClock.Instant) -> Step {
        self.record = record
        return record.method == nil ? .countRecords : begin(record, now)
    }

    private func rule(_ records: Int) -> ImportMethodRule {
        ImportMethodRule(
            records: records, bulkThreshold: settings.bulkThreshold, fitsAddress: settings.fitsAddress)
    }

    private mutating func counted(_ records: Int) -> Step {
        guard let (error, kind) = refusal else { return .choose(rule(records).method, records: records) }
        refusal = nil
        guard let other = rule(records).alternative(after: kind) else { return end(error) }
        return .change(other, because: error)
    }

    private mutating func begin(_ record: ImportRecord, _ now: ContinuousClock.Instant) -> Step {
        self.record = record
        method = record.method
        guard method == .bulk else { return .query }
        guard let id = record.bulkJobID else { return .createBulkJob }
        guard record.apiVersion == settings.apiVersion else {
            return discard(
                record, then: .bulkJobLost("the Bulk job was created with another version of the API"))
        }
        return wait(for: id, now)
    }

    private mutating func discard(_ record: ImportRecord?, then step: Step) -> Step {
        guard let record else { return step }
        afterDiscard = step
        return .discard(record)
    }
}

// The Bulk job.
extension ImportMachine {
    private mutating func wait(for id: SalesforceID, _ now: ContinuousClock.Instant) -> Step {
        bulkJob = id
        mappingState = .waitBulkLoad
        pollDeadline = now + settings.pollBudget
        return .checkBulkJob(id)
    }

    private mutating func checked(_ job: BulkJob, _ now: ContinuousClock.Instant) -> Step {
        guard job.state.isFinal else {
            guard let pollDeadline, now + pause < pollDeadline else {
                return .suspend(ReplicationLimits.longestPoll)
            }
            // Grows by a fifth: the end of a job is noticed after at most a fifth more than it took.
            defer { pause = min(pause * 6 / 5, ReplicationLimits.longestPoll) }
            return .sleep(pause)
        }
        do throws(SalesforceError) {
            try job.checkSucceeded()
        } catch {
            return refused(error)
        }
        guard let expected = job.recordsProcessed else {
            return .fail(
                .replication(
                    ReplicationError(.malformedResponse, "the Bulk job does not say how many records it has"))
            )
        }
        mappingState = .loadingBulkJob
        return expect(expected, .loadResults(job.id, expected: expected))
    }

    private mutating func expect(_ rows: Int, _ step: Step) -> Step {
        expectedRows = rows
        return step
    }
}

// Ends.
extension ImportMachine {
    /// Tries the other method, once per import.
    private mutating func refused(_ error: SalesforceError) -> Step {
        guard let record, let method, record.methodReason == nil,
            let kind = ImportMethodRule.Refusal(error, of: method)
        else { return end(error) }
        refusal = (error, kind)
        return .countRecords
    }

    /// A Bulk job that failed or is gone is replaced by the next start. Other errors leave the import as it
    /// is.
    private mutating func end(_ error: SalesforceError) -> Step {
        guard method == .bulk, error.code == .jobFailed || error.code == .notFound else {
            return .fail(.salesforce(error))
        }
        return discard(record, then: .bulkJobLost(error.debugDescription))
    }

    private mutating func failed(_ error: ReplicationError) -> Step {
        // The Bulk job was created for another plan, or its pages form a cycle: the next start creates a new
        // job.
        guard error.code == .unexpectedColumns || error.code == .repeatedLocator else {
            return .fail(.replication(error))
        }
        return discard(record, then: .fail(.replication(error)))
    }

    /// Compares the loaded rows with Salesforce's count.
    private mutating func verify(_ sum: ImportProgress) -> Step {
        var progress = sum
        progress.expectedRows = expectedRows
        guard progress.rows + progress.quarantined == expectedRows else {
            let mismatch = ReplicationError(
                .rowCountMismatch,
                "\(settings.objectName): \(progress.rows) rows loaded and \(progress.quarantined) "
                    + "quarantined, but Salesforce has \(expectedRows)")
            return discard(record, then: .fail(.replication(mismatch)))
        }
        do throws(ReplicationError) {
            try settings.quarantineLimit.check(progress, of: settings.objectName)
        } catch {
            return .fail(.replication(error))
        }
        return .finish(expected: expectedRows, bulkJob: method == .bulk ? bulkJob : nil)
    }
}

extension ImportMachine.Step {
    fileprivate static func bulkJobLost(_ message: String) -> Self {
        .fail(.replication(ReplicationError(.bulkJobLost, message)))
    }
}
