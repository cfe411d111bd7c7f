package import Replication

/// An operator's decision about a change whose outcome is unknown.
package enum WriteDecision: Sendable, Equatable {
    /// Salesforce has the change. An insert needs its record, unless its row has it by now.
    case exists(sfid: String?)
    /// Salesforce does not have the change: it is sent again.
    case sendAgain
}

/// The effect of a decision about a change in doubt.
package enum WriteResolution: Sendable, Equatable {
    case done
    /// The log has no such change.
    case unknown
    /// The change is not in doubt.
    case notInDoubt(LocalWrite.Status)
    /// An insert that exists needs the id of its record.
    case needsRecord
    /// The row of the insert has another record.
    case hasRecord(String)
    /// The record belongs to another row of the application.
    case recordBelongs(row: Int)
    /// The org has no such record of this object.
    case noRecord(String)
    /// Another session has locked the row.
    case locked
    /// The change's table is not imported.
    case notImported(String)
}
