/// How the sending of one entry of the log ended.
package enum WriteEnd: Sendable, Equatable {
    /// Salesforce has the change of the record `sfid`. `leftOut` are API names of read-only fields, which
    /// were not sent.
    case written(sfid: String?, leftOut: [String])
    /// Refused. It stays FAILED until a person acts.
    case failed(WriteProblem)
    /// Certainly not carried out: it is sent again after a pause.
    case retry(after: Duration, WriteProblem?)
    /// There was nothing to send.
    case ignored
    /// No answer came, so the change may have been carried out. Later changes of the record wait.
    case doubtful

    /// The record of a written entry.
    var sfid: String? {
        if case .written(let sfid, _) = self { sfid } else { nil }
    }
}
