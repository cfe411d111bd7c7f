import Cryptography
import HTTPWire
import Jobs

/// What was just done, carried in the address that the browser is sent to: words of a fixed list and numbers under a
/// seal, so that a link of somebody else shows nothing.
struct OperatorNotice: Sendable {
    static let field = "notice"
    private static let sealField = "seal"
    private static let sealedFields = [field, "action", "was", "changed", "skipped"]

    private static func seal(_ form: Form, _ token: FormToken) -> String {
        token.seal(sealedFields.map { "\($0)=\(form[$0] ?? "")" }.joined(separator: "&"))
    }

    /// The fields with their seal.
    static func sealed(_ form: Form, by token: FormToken) -> Form {
        var form = form
        form.fields.append(.init(name: sealField, value: seal(form, token)))
        return form
    }

    /// What it says; nil when the address carries none.
    let text: String
    /// Whether not all went as wanted.
    let isWarning: Bool

    /// The fields for one job's outcome.
    static func fields(_ action: JobAction, _ outcome: JobActionOutcome) -> Form {
        switch outcome {
        case .done: [field: "done", "action": action.rawValue]
        case .requested: [field: "requested"]
        case .unknown: [field: "unknown"]
        case .refused(let state): [field: "refused", "action": action.rawValue, "was": state.rawValue]
        case .conflict: [field: "conflict"]
        }
    }

    /// The fields for what became of many.
    static func fields(_ action: JobAction, _ outcome: BulkOutcome) -> Form {
        [
            field: outcome.isFinished ? "bulk" : "unfinished", "action": action.rawValue,
            "changed": String(outcome.changed), "skipped": String(outcome.skipped),
        ]
    }

    /// Nil as well for a notice that was not sealed for this operator.
    init?(_ form: Form, _ token: FormToken) {
        guard let kind = form[Self.field],
            constantTimeEquals(form[Self.sealField] ?? "", Self.seal(form, token))
        else { return nil }
        let action = form["action"].flatMap(JobAction.init(rawValue:))
        let changed = JobCount(form["changed"].flatMap { Int($0) } ?? 0)
        let skipped = form["skipped"].flatMap { Int($0) } ?? 0
        let left =
            switch skipped {
            case ..<1: ""
            case 1: " 1 was left as it is."
            default: " \(JobCount(skipped)) were left as they are."
            }
        switch (kind, action) {
        case ("done", let action?): (text, isWarning) = ("The job was \(action.pastTense).", false)
        case ("requested", _):
            (text, isWarning) = ("The job was asked to end; that takes some seconds.", false)
        case ("unknown", _): (text, isWarning) = ("There is no such job any more.", true)
        case ("refused", let action?):
            let state = form["was"].flatMap(JobState.init(rawValue:))?.rawValue ?? "in another state now"
            (text, isWarning) = ("The job is \(state): it cannot be \(action.pastTense).", true)
        case ("conflict", _):
            (text, isWarning) = ("Another open job has its unique key: it stays as it is.", true)
        case ("bulk", let action?):
            (text, isWarning) = (
                "\(changed.of("job")) \(changed.were) \(action.pastTense).\(left)", skipped > 0
            )
        case ("unfinished", let action?):
            (text, isWarning) = (
                "\(changed.of("job")) \(changed.were) \(action.pastTense) so far, and not all were looked at.\(left)",
                true
            )
        case ("paused", _): (text, isWarning) = ("It is paused. Running jobs go on.", false)
        case ("paused-unknown", _):
            (text, isWarning) = (
                "It is paused, but no job of that name is known: look whether the name is right.", true
            )
        case ("weighed", _): (text, isWarning) = ("The tenant's next turn counts so.", false)
        case ("resumed", _): (text, isWarning) = ("It goes on.", false)
        case ("unchanged", _): (text, isWarning) = ("It was so already.", true)
        case ("started", _): (text, isWarning) = ("A run was enqueued.", false)
        default: return nil
        }
    }

    var content: HTML {
        "<p class=\"\(isWarning ? "notice warn" : "notice")\" role=\"status\">\(text)</p>"
    }
}

extension JobCount {
    fileprivate var were: String { isOne ? "was" : "were" }
}
