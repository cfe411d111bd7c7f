package import Encoding
package import FoundationEssentials

/// A Change Data Capture event, as any transport delivers it.
///
/// Source: Change Data Capture Developer Guide, "Change Event Header Fields".
package struct ChangeEvent: Sendable, Equatable {
    /// `changeType`.
    package enum Kind: String, Sendable, Hashable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case undelete = "UNDELETE"
        /// Gap events have a header only: the rows must be read again.
        case gapCreate = "GAP_CREATE"
        case gapUpdate = "GAP_UPDATE"
        case gapDelete = "GAP_DELETE"
        case gapUndelete = "GAP_UNDELETE"
        /// More than 100,000 changes in one transaction: the whole object must be read again.
        case gapOverflow = "GAP_OVERFLOW"
    }

    /// The object's API name.
    package var entityName: String
    /// 18 characters each. May hold a wildcard such as `001*`, or `000000000000000AAA` in an overflow event.
    package var recordIDs: [String]
    package var kind: Kind
    package var commitTimestamp: Date
    package var commitNumber: Int
    package var transactionKey: String
    /// Position in its transaction, from 1; has holes.
    package var sequenceNumber: Int
    /// For example `com/salesforce/api/rest/60.0;client=multiconnect`. Empty for changes in the UI.
    package var changeOrigin: String
    /// The payload's fields by the sObject's field names: `BillingStreet`, not `BillingAddress.Street`.
    /// Updates have changed fields only, with `.null` for emptied ones.
    package var fields: [String: Value]
    /// The id of the event's schema. It changes when the object's fields change.
    package var schemaID: String
    package var replayID: Int

    /// A field's new value.
    package enum Value: Sendable, Equatable {
        case value(JSONValue)
        /// A large text as a difference to its previous value.
        case textDiff(String)
    }

    package init(
        entityName: String, recordIDs: [String], kind: Kind, commitTimestamp: Date, commitNumber: Int = 0,
        transactionKey: String = "", sequenceNumber: Int = 1, changeOrigin: String = "",
        fields: [String: Value] = [:], schemaID: String = "", replayID: Int
    ) {
        self.entityName = entityName
        self.recordIDs = recordIDs
        self.kind = kind
        self.commitTimestamp = commitTimestamp
        self.commitNumber = commitNumber
        self.transactionKey = transactionKey
        self.sequenceNumber = sequenceNumber
        self.changeOrigin = changeOrigin
        self.fields = fields
        self.schemaID = schemaID
        self.replayID = replayID
    }
}
