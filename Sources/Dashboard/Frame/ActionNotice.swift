import Cryptography
import HTTPWire
import JobAdmin
import Jobs
import Pages
import TenantAdmin

/// The result of an action, in the query of the URL that the browser is redirected to: words from a fixed
/// list, and counts. It carries an HMAC, so that a link made by somebody else shows no notice.
struct ActionNotice: Sendable {
    static let field = "notice"
    private static let sealField = "seal"
    private static let sealedFields = [field, "action", "was", "changed", "skipped"]

    private static func seal(_ form: Form, _ token: FormToken) -> String {
        token.seal(sealedFields.map { "\($0)=\(form[$0] ?? "")" }.joined(separator: "&"))
    }

    /// The fields with their HMAC.
    static func sealed(_ form: Form, by token: FormToken) -> Form {
        var form = form
        form.fields.append(.init(name: sealField, value: seal(form, token)))
        return form
    }

    private let text: String
    /// Whether some jobs were not changed.
    private let isWarning: Bool

    /// The fields for an action on one job.
    static func fields(_ action: JobAction, _ outcome: JobActionOutcome) -> Form {
        switch outcome {
        case .done: [field: "done", "action": action.rawValue]
        case .requested: [field: "requested"]
        case .unknown: [field: "unknown"]
        case .refused(let state): [field: "refused", "action": action.rawValue, "was": state.rawValue]
        case .conflict: [field: "conflict"]
        }
    }

    /// The fields for an action on several jobs.
    static func fields(_ action: JobAction, _ outcome: BulkOutcome) -> Form {
        [
            field: outcome.isFinished ? "bulk" : "unfinished", "action": action.rawValue,
            "changed": String(outcome.changed), "skipped": String(outcome.skipped),
        ]
    }

    /// The fields for an action on several tenants.
    static func fields(_ action: TenantAction, _ outcome: TenantBulkOutcome) -> Form {
        [
            field: outcome.rest == nil ? "tenants" : "tenants-unfinished", "action": action.rawValue,
            "changed": String(outcome.changed), "skipped": String(outcome.skipped),
        ]
    }

    /// The kind of notice for a decision about a change in doubt.
    static func kind(_ resolution: WriteResolution) -> String {
        switch resolution {
        case .done: "write-resolved"
        case .unknown, .notInDoubt: "write-not-in-doubt"
        case .needsRecord: "write-needs-record"
        case .hasRecord, .recordBelongs: "write-other-record"
        case .noRecord: "write-no-record"
        case .locked: "write-locked"
        case .notImported: "write-not-imported"
        }
    }

    /// The notice in a URL's query; nil without one, and for one that was not sealed for this operator.
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
            case 1: " 1 was not changed."
            default: " \(JobCount(skipped)) were not changed."
            }
        switch (kind, action) {
        case ("done", let action?): (text, isWarning) = ("The job was \(action.pastTense).", false)
        case ("requested", _):
            (text, isWarning) = ("The job was asked to stop. This takes some seconds.", false)
        case ("unknown", _): (text, isWarning) = ("The job no longer exists.", true)
        case ("refused", let action?):
            let state = form["was"].flatMap(JobState.init(rawValue:))?.rawValue ?? "in another state"
            (text, isWarning) = ("The job is \(state) and cannot be \(action.pastTense).", true)
        case ("conflict", _):
            (text, isWarning) = ("The job was not changed: another open job has the same unique key.", true)
        case ("bulk", let action?):
            (text, isWarning) = (
                "\(changed.of("job")) \(changed.were) \(action.pastTense).\(left)", skipped > 0
            )
        case ("unfinished", let action?):
            (text, isWarning) = (
                "\(changed.of("job")) \(changed.were) \(action.pastTense) so far. "
                    + "Not all jobs were searched.\(left)",
                true
            )
        case ("tenants", _), ("tenants-unfinished", _):
            let verb = form["action"].flatMap(TenantAction.init(rawValue:))?.pastTense ?? "changed"
            let end = kind == "tenants" ? "." : " so far. There are more."
            (text, isWarning) = (
                "\(changed.of("tenant")) \(changed.were) \(verb)\(end)\(left)",
                skipped > 0 || kind != "tenants" || changed.value == 0
            )
        case ("writes-retried", _):
            (text, isWarning) = ("\(changed.of("change")) \(changed.were) sent again.", changed.value == 0)
        default:
            guard let fixed = Self.fixed[kind] else { return nil }
            (text, isWarning) = fixed
        }
    }

    /// Notices without counts, each with whether it is a warning.
    private static let fixed: [String: (String, Bool)] = [
        "paused": ("Paused. Running jobs continue.", false),
        "paused-unknown": ("Paused, but no job with that name is known. Check the name.", true),
        "weighed": ("The weight is used from the tenant's next turn on.", false),
        "worker-quiet": ("The worker claims no more jobs from its next heartbeat on, within seconds.", false),
        "worker-stop": ("The worker ends within about half a minute.", false),
        "worker-unchanged": ("Nothing was changed: the worker has stopped, or was asked already.", true),
        "resumed": ("Resumed.", false),
        "unchanged": ("Nothing was changed: already in effect.", true),
        "deliveries-retried": ("The deliveries are sent again within seconds.", false),
        "started": ("A job was enqueued.", false),
        "tenant-paused": ("The tenant is paused. Local changes are still captured.", false),
        "tenant-paused-partly": (
            "The tenant is paused, but its cell does not answer: a running import continues.", true
        ),
        "tenant-resumed": ("The tenant is resumed. Its sync continues where it stopped.", false),
        "tenant-refused": ("The tenant's status does not allow this now.", true),
        "tenant-retried": ("The missing steps were started again.", false),
        "tenant-complete": ("There is nothing to retry.", true),
        "mail-queued": ("A mail to the admin is queued.", false),
        "mail-too-soon": (
            "The admin was mailed within the last hour, so no other mail is sent. "
                + "Send the link by hand, or try again later.", true
        ),
        "reloaded": ("A reload is queued. The rows stay readable meanwhile.", false),
        "compared": (
            "A comparison with the org is queued. It repairs rows that differ, and notes them.",
            false
        ),
        "not-reloaded": (
            "Nothing was changed: this object is not imported yet, or the org does not have it.", true
        ),
        "mapping-removal": ("A worker removes the mapping within seconds.", false),
        "token-revoked": ("The token is revoked. It is refused from now on.", false),
        "token-unknown": ("Nothing was changed: the token is not valid any more.", true),
        "query-saved": ("The query is saved.", false),
        "query-removed": ("The query and its links are removed.", false),
        "link-revoked": ("The link is revoked. It is refused from now on.", false),
        "link-unknown": ("Nothing was changed: the link is not valid any more.", true),
        "nothing-ticked": ("Nothing was changed: tick at least one.", true),
        "write-resolved": ("The decision is stored.", false),
        "write-not-in-doubt": ("Nothing was changed: the change is not in doubt any more.", true),
        "write-needs-record": ("Nothing was changed: an insert that exists needs its record's id.", true),
        "write-other-record": (
            "Nothing was changed: the record belongs to another row, or the row to another.", true
        ),
        "write-no-record": ("Nothing was changed: the org has no such record of this object.", true),
        "write-locked": ("Nothing was changed: another session has locked the row. Try again.", true),
        "write-not-imported": ("Nothing was changed: the table is not imported.", true),
        "acknowledged": ("The notification is closed.", false),
        "sessions-ended": ("The sessions have ended.", false),
        "cell-silent": ("Nothing was changed: the tenant's cell does not answer.", true),
        "org-silent": ("Nothing was changed: the org could not be asked for the record. Try again.", true),
    ]

    var content: HTML {
        "<p class=\"\(isWarning ? "notice warn" : "notice")\" role=\"status\">\(text)</p>"
    }
}

extension JobCount {
    fileprivate var were: String { isOne ? "was" : "were" }
}
