import Encoding

/// A change event of a transaction, before it gets its replay id.
struct EventDraft: Sendable {
    let object: String
    /// `CREATE`, `UPDATE` and so on.
    let changeType: String
    var ids: [OrgRecordID]
    /// Members of the payload as JSON, without braces and header.
    let members: [UInt8]
    let changedFields: [String]
    /// Position in its transaction, from 1.
    let sequence: Int
    let schemaID: String

    /// True if `other` can be sent in the same event. Documented for equal changes of one transaction.
    func equals(_ other: EventDraft) -> Bool {
        object == other.object && changeType == other.changeType && changeType != "CREATE"
            && changeType != "UNDELETE" && members == other.members && changedFields == other.changedFields
    }

    /// The member `data` of the message. Documented example: Streaming API Developer Guide.
    func data(_ replayID: Int, _ commit: Commit, commitNumber: Int, transactionKey: String, ids: [JSONText])
        -> [UInt8]
    {
        var bytes = Array(#"{"schema":""#.utf8)
        bytes.append(contentsOf: schemaID.utf8)
        bytes.append(contentsOf: #"","payload":{"#.utf8)
        if !members.isEmpty {
            bytes.append(contentsOf: members)
            bytes.append(0x2C)
        }
        bytes.append(contentsOf: #""ChangeEventHeader":"#.utf8)
        JSONText.object([
            ("commitNumber", .number(commitNumber)), ("commitUser", .string(commit.user.text18)),
            ("sequenceNumber", .number(sequence)), ("entityName", .string(object)),
            ("changeType", .string(changeType)),
            ("changedFields", .array(changedFields.map(JSONText.string))),
            ("changeOrigin", .string(commit.origin)), ("transactionKey", .string(transactionKey)),
            ("commitTimestamp", .number(commit.now)), ("recordIds", .array(ids)),
        ]).append(to: &bytes)
        bytes.append(contentsOf: #"},"event":{"replayId":\#(replayID)}}"#.utf8)
        return bytes
    }
}
