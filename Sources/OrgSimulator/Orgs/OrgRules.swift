import Encoding

/// The work of an org on each write: validation rules, duplicate rules, flows, assignment rules, duration and
/// locks. Set by the members of `settings` with these names; each replaces the former value.
///
/// - `validation`: `[{"object", "field", "text", "message"}]`: a record whose field contains the text is
///   refused with FIELD_CUSTOM_VALIDATION_EXCEPTION.
/// - `duplicates`: `[{"object", "field"}]`: a second live record with the value is refused with
///   DUPLICATES_DETECTED, unless the call has `Sforce-Duplicate-Rule-Header: allowSave=true`.
/// - `flow`: `[{"object", "when", "set", "prefix"}]`: when a call writes the field `when`, the org sets the
///   field `set` to the prefix and the written value, in the same transaction. With `"change": "upper"`
///   instead of `prefix` it sets the written value in upper case; `set` may be the field itself.
/// - `assignment`: names of objects whose new records get another owner, unless the call has
///   `Sforce-Auto-Assign: FALSE`. Default: Lead and Case. Bulk jobs assign no owner.
/// - `writeDelay`: milliseconds that a write call takes before it commits.
/// - `locks`: true: a row of a write call fails with UNABLE_TO_LOCK_ROW if another write call that runs at
///   the same time touches its record or a parent of it.
struct OrgRules: Sendable {
    struct Validation: Sendable {
        /// In lower case, as in the other rules.
        let object: String
        let field: String
        let text: String
        let message: String?
    }

    struct Duplicates: Sendable {
        let object: String
        let field: String
    }

    struct Flow: Sendable {
        enum Change: Sendable {
            case prefix(String)
            case upperCase
        }

        let object: String
        let trigger: String
        let target: String
        let change: Change
    }

    var validations: [Validation] = []
    var duplicates: [Duplicates] = []
    var flows: [Flow] = []
    var assignedObjects: Set<String> = ["lead", "case"]
    var writeDelay = 0
    var locks = false

    mutating func apply(_ settings: JSONValue) {
        func text(_ rule: JSONValue, _ name: String) -> String { rule[name]?.string ?? "" }
        if let rules = settings["validation"]?.array {
            validations = rules.map {
                Validation(
                    object: text($0, "object").lowercased(), field: text($0, "field"), text: text($0, "text"),
                    message: $0["message"]?.string)
            }
        }
        if let rules = settings["duplicates"]?.array {
            duplicates = rules.map {
                Duplicates(object: text($0, "object").lowercased(), field: text($0, "field"))
            }
        }
        if let rules = settings["flow"]?.array {
            flows = rules.map {
                Flow(
                    object: text($0, "object").lowercased(), trigger: text($0, "when"),
                    target: text($0, "set"),
                    change: text($0, "change") == "upper" ? .upperCase : .prefix(text($0, "prefix")))
            }
        }
        if let names = settings["assignment"]?.array {
            assignedObjects = Set(names.compactMap { $0.string?.lowercased() })
        }
        if let delay = settings["writeDelay"]?.int { writeDelay = delay }
        if let locks = settings["locks"]?.bool { self.locks = locks }
    }
}
