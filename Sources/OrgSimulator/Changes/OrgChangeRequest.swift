import Encoding

/// The body of `POST /simulator/orgs/<org>/changes`: changes that users and administrators of an org make.
///
/// Members; only `kind` is required:
/// - `kind`: see `Kind`.
/// - `object`: the object's name. Default `Account`.
/// - `ids`: the records to change. Absent: `count` live records (of undelete: records of the recycle bin) are
///   chosen by
///   `seed`.
/// - `records`: for `create` and `update`: values by field name; for `update` with `Id`. System fields may be
///   set.
/// - `values`: values for all records of `ids`.
/// - `count`: number of records. Default 1.
/// - `seed`: of random choices and values. Default 1. Equal requests to equal orgs make equal changes.
/// - `kinds`: for `random`: the kinds to choose from; a repeated one is more frequent.
/// - `objects`: for `random`: the objects to choose from.
/// - `batch`: records of one transaction. Default: 1 for `random`, else all.
/// - `visibleAfter`: the transaction is visible after these milliseconds. Its stamps are the time of the
///   call.
/// - `delay`: the events come these milliseconds after the commit. Default: 0 to the org's `eventDelay`.
/// - `events`: false: the changes have no events of their own.
/// - `parent`: for `reparent` and `merge`: the record that gets the children, or that remains.
/// - `changeType`, `recordIds`: for `gap`: `GAP_UPDATE` and so on, and any ids.
/// - `field`, `type`, `length`, `factor`: for changes of fields. `type` as in describes.
/// - `settings`: for `settings`: see `OrgSettings`.
///
/// The answer: `changes` (number of rows), `ids` (the first 10,000), `serial` (of the last logged change),
/// `replayId` (of the last event), `committed` (milliseconds since 1970).
struct OrgChangeRequest: Sendable {
    enum Kind: String, Sendable {
        case random, create, update, delete, undelete, hardDelete
        /// The records are deleted, and their children move to `parent` without events.
        case merge
        /// A lead becomes an account and a contact. The lead itself has no event.
        case convertLead
        /// The contacts of the account move to `parent` without events.
        case reparent
        /// An account is deleted, and its contacts without events.
        case cascade
        /// An event with a header only. The records are created, updated or deleted, as `changeType` says,
        /// unless
        /// `recordIds` is given.
        case gap
        /// GAP_OVERFLOW of the object.
        case overflow
        /// GAP_UPDATE with `001*`.
        case wildcard
        case addField, removeField, lengthenField, retypeField, formula, removeObject, restoreObject, settings
    }

    let kind: Kind
    let object: String
    let ids: [OrgRecordID]?
    let records: [JSONValue]
    let values: JSONValue?
    let count: Int
    let seed: UInt64
    let kinds: [String]
    let objects: [String]
    let batch: Int?
    let visibleAfter: Int?
    let delay: Int?
    let hasEvents: Bool
    let parent: OrgRecordID?
    let changeType: String
    let recordIDs: [String]
    let field: String
    let type: String
    let length: Int
    let factor: Double
    let settings: JSONValue

    /// The kind of the changes of rows.
    var rowKind: Kind {
        guard kind == .gap else { return kind }
        switch changeType {
        case "GAP_CREATE": return .create
        case "GAP_DELETE": return .delete
        case "GAP_UNDELETE": return .undelete
        default: return .update
        }
    }

    /// Nil without a known kind, or with an id that is not one.
    init?(_ body: JSONValue) {
        guard let kind = body["kind"]?.string.flatMap(Kind.init(rawValue:)) else { return nil }
        self.kind = kind
        object = body["object"]?.string ?? (kind == .convertLead ? "Lead" : "Account")
        if let texts = body["ids"]?.array {
            let ids = texts.compactMap { $0.string.flatMap(OrgRecordID.init) }
            guard ids.count == texts.count else { return nil }
            self.ids = ids
        } else {
            ids = nil
        }
        records = body["records"]?.array ?? []
        values = body["values"]
        count = body["count"]?.int ?? 1
        seed = UInt64(clamping: body["seed"]?.int ?? 1)
        kinds = body["kinds"]?.array?.compactMap(\.string) ?? RandomChanges.usualKinds
        objects = body["objects"]?.array?.compactMap(\.string) ?? [object]
        batch = body["batch"]?.int
        visibleAfter = body["visibleAfter"]?.int
        delay = body["delay"]?.int
        hasEvents = body["events"]?.bool ?? true
        parent = body["parent"]?.string.flatMap(OrgRecordID.init)
        changeType = body["changeType"]?.string ?? "GAP_UPDATE"
        recordIDs = body["recordIds"]?.array?.compactMap(\.string) ?? []
        field = body["field"]?.string ?? ""
        type = body["type"]?.string ?? "string"
        length = body["length"]?.int ?? 255
        factor = body["factor"].flatMap { Double($0.serialized) } ?? 2
        settings = body["settings"] ?? .object([:])
    }
}

/// The member `settings` of a change request.
///
/// - `eventDelay`: events come 0 to this many milliseconds after their commit.
/// - `retention`: milliseconds for which events can be replayed.
/// - `deliveryAllowance`: delivered events per 24 hours.
/// - `selected`: the names of the objects with change events.
/// - `channels`: custom channels: names without `__chn`, each with a list of objects.
/// - `forgetEvents`: true: all retained events are forgotten, as if they were too old.
/// - `overLimit`: true: calls are answered with REQUEST_LIMIT_EXCEEDED.
/// - `expireTokens`: true: all access tokens of the org end.
/// - `endSessions`: true: all CometD sessions of the org end.
/// - `notUnique`: external ids such as `Account.External_ID__c` whose values several records may have.
/// - `recordsWrites`: false: API writes are not recorded.
/// - `validation`, `duplicates`, `flow`, `assignment`, `writeDelay`, `locks`: see `OrgRules`.
enum OrgSettings {
    static func apply(_ settings: JSONValue, to org: inout Org) {
        if let delay = settings["eventDelay"]?.int { org.eventDelay = delay }
        if let retention = settings["retention"]?.int { org.retention = retention }
        if let allowance = settings["deliveryAllowance"]?.int { org.deliveryAllowance = allowance }
        if let selected = settings["selected"]?.array {
            org.selectedEntities = Set(selected.compactMap(\.string))
        }
        for (name, objects) in settings["channels"]?.object ?? [:] {
            org.channels[name] = Set(objects.array?.compactMap(\.string) ?? [])
        }
        if settings["forgetEvents"]?.bool == true { org.events.expire(before: .max) }
        if let isOver = settings["overLimit"]?.bool { org.isOverLimit = isOver }
        if let isOn = settings["recordsWrites"]?.bool { org.writeLog.isOn = isOn }
        for name in settings["notUnique"]?.array?.compactMap(\.string) ?? [] {
            let parts = name.split(separator: ".").map { $0.lowercased() }
            guard parts.count == 2, let place = org.tables[parts[0]]?.schema.place(of: parts[1]) else {
                continue
            }
            org.tables[parts[0]]?.alter(field: place) { $0.allowsDuplicates = true }
        }
        org.rules.apply(settings)
    }
}
