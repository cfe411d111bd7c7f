package import FoundationEssentials

/// A request to an org with users' changes, or a Bulk job with them: a row of `write_attempts`.
package struct WriteAttempt: Sendable, Equatable {
    /// What is done to the records.
    package enum Action: String, Sendable, Hashable {
        case insert
        case update
        /// By the mapping's upsert field.
        case upsert
        case delete
    }

    /// The API that carries the records.
    package enum Method: String, Sendable, Hashable {
        /// One request of sObject Collections.
        case collection
        /// A Bulk 2.0 ingest job.
        case bulk
    }

    /// How far it has come.
    package enum State: String, Sendable, Hashable {
        /// The answer is awaited.
        case sent
        /// No answer came, and the request may still run.
        case doubtful
        /// The look-up did not say what happened: a person must decide.
        case undecided
        /// The outcome is recorded.
        case settled
    }

    package var id: UUID
    package var organizationID: UUID
    package var mappingID: UUID
    package var action: Action
    package var method: Method
    package var state: State
    /// Ids in `_trigger_log`, in the order of the request.
    package var logIDs: [Int]
    /// The rows' ids in their table, in the same order.
    package var recordIDs: [Int]
    /// The Bulk job, once the org has named it.
    package var bulkJobID: String?
    /// The cell's clock before the request was sent.
    package var sentAt: Date
    /// From then on the request cannot run any more.
    package var settleAt: Date

    package init(
        id: UUID = UUID(), organizationID: UUID, mappingID: UUID, action: Action,
        method: Method = .collection, state: State = .sent, logIDs: [Int], recordIDs: [Int],
        bulkJobID: String? = nil, sentAt: Date, settleAt: Date
    ) {
        self.id = id
        self.organizationID = organizationID
        self.mappingID = mappingID
        self.action = action
        self.method = method
        self.state = state
        self.logIDs = logIDs
        self.recordIDs = recordIDs
        self.bulkJobID = bulkJobID
        self.sentAt = sentAt
        self.settleAt = settleAt
    }

    /// The epoch of attempts that a restore of the cell has put in doubt. No lease has it.
    static let restoredEpoch = 0

    /// The client tag of its requests: `mc-` and the id without dashes.
    package static func tag(_ id: UUID) -> String {
        "mc-" + id.uuidString.lowercased().filter { $0 != "-" }
    }

    /// The attempt that an event's `changeOrigin` names, as in `com/salesforce/api/rest/60.0;client=mc-...`.
    package static func attempt(inOrigin origin: String) -> UUID? {
        guard let range = origin.firstRange(of: "client=mc-") else { return nil }
        let digits = origin[range.upperBound...].prefix(32)
        guard digits.utf8.count == 32 else { return nil }
        var text = ""
        for (place, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(place) { text += "-" }
            text.append(digit)
        }
        return UUID(uuidString: text)
    }
}
