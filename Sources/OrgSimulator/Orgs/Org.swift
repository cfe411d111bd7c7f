import Encoding

/// One Salesforce org: its id, users and records.
struct Org: Sendable {
    /// Counted from 1.
    let number: Int
    let id: OrgRecordID
    /// The first label of its My Domain host, such as `org1`.
    let domain: String
    let name: String
    var users: [OrgUser]
    /// By name in lower case.
    var tables: [String: Table]
    /// True if the package with `AuthConnection` is installed.
    let hasPackage: Bool
    /// Objects that describes and queries hide, in lower case.
    var hiddenObjects: Set<String> = []
    /// The same for fields: `account.name`.
    var hiddenFields: Set<String> = []
    /// Objects that the Bulk API refuses, in lower case.
    var bulkUnsupported: Set<String> = []
    /// Objects that a query must filter, in lower case.
    var needsFilter: Set<String> = []
    /// Answers REQUEST_LIMIT_EXCEEDED to every call.
    var isOverLimit = false
    /// API calls that count against the daily limit.
    var requests = 0
    /// Calls by kind, for tests.
    var calls: [CallKind: Int] = [:]
    /// Bodies of calls to AuthConnection, oldest first.
    var announcements: [JSONText] = []
    /// Numbers for jobs and cursors.
    var serial = 0
    /// Grows with every change of visible objects and fields.
    var changes = 0
    /// When the visible objects or fields last changed, in milliseconds since 1970.
    var describedAt = 1_420_070_400_000
    /// The retained events.
    var events: OrgEventLog
    /// Names of the objects with change events on the channel `ChangeEvents`.
    var selectedEntities: Set<String>
    /// Custom channels and the names of their objects. Names without `__chn`.
    var channels: [String: Set<String>] = [:]
    /// Kinds of platform events by name in lower case.
    var platformEvents = Dictionary(
        uniqueKeysWithValues: PlatformEventKind.standard.map { ($0.name.lowercased(), $0) })
    /// Custom channels of platform events and the names of their kinds. Names without `__chn`.
    var eventChannels: [String: Set<String>] = [:]
    /// Layouts of change events by object in lower case. Empty after a change of fields.
    var layouts: [String: PayloadLayout] = [:]
    /// Changes for `GET /simulator/orgs/<org>/changes`, oldest first.
    var log: [LoggedChange] = []
    var logged = 0
    /// The log keeps at least this many changes.
    let loggedChanges: Int
    /// Changes that are not visible yet, by time.
    var pending: [PendingCommit] = []
    /// Rows by the value of a field, by object in lower case and the field's index. Made on first use.
    var externalIDs: [String: [Int: ExternalIDIndex]] = [:]
    /// What the org does with writes by itself.
    var rules = OrgRules()
    /// API writes for `GET /simulator/orgs/<org>/writes`.
    var writeLog: WriteLog
    var commitNumber = 1_000_000
    /// Events that subscribers got.
    var delivered = DeliveryTally()
    /// Events come up to this many milliseconds after their commit.
    var eventDelay = 0
    /// Events older than this are forgotten. Milliseconds.
    var retention: Int
    /// Delivered events per 24 hours.
    var deliveryAllowance: Int

    init(number: Int, configuration: SimulatorConfiguration) {
        self.number = number
        let seed = Mixer.mix(configuration.seed &+ UInt64(number) << 32)
        id = Self.identity(number, configuration)
        domain = "org\(number)"
        name = "Org \(number) \"Ünïted\" & Sons"
        events = OrgEventLog(
            firstReplayID: 1_000_000 + number * 1000, maximumEvents: configuration.limits.retainedEvents)
        selectedEntities = configuration.selectedEntities
        loggedChanges = configuration.limits.loggedChanges
        writeLog = WriteLog(
            maximum: configuration.limits.recordedWrites, isOn: configuration.recordsWrites)
        retention = configuration.retentionSeconds * 1000
        deliveryAllowance = configuration.dailyDeliveredEvents
        eventDelay = configuration.eventDelayMilliseconds
        hasPackage = !configuration.orgsWithoutPackage.contains(number)
        let users = OrgUser.cast(org: number, domain: domain)
        self.users = users
        let sizes = [
            "Account": configuration.accounts, "Contact": configuration.contacts,
            "Lead": configuration.leads, "Tweet__c": configuration.tweets,
            "Connection__c": configuration.connections,
        ]
        var neighbours = Column.Neighbours(
            users: users.map(\.id), objects: [:],
            hasAwkwardTexts: configuration.hasAwkwardTexts || configuration.awkwardOrgs.contains(number))
        for object in Catalog.objects {
            let space = IDSpace(keyPrefix: object.keyPrefix, org: number)
            neighbours.objects[object.name] = (space, sizes[object.name] ?? 0)
        }
        tables = [:]
        for object in Catalog.objects where hasPackage || !object.isCustom {
            tables[object.name.lowercased()] = Table(
                object, org: number, seed: seed, rows: sizes[object.name] ?? 0, neighbours: neighbours)
        }
        if configuration.wideFields > 0 {
            let wide = Catalog.wide(fields: configuration.wideFields)
            tables[wide.name.lowercased()] = Table(
                wide, org: number, seed: seed, rows: Catalog.wideRows, neighbours: neighbours)
        }
        for (object, rows) in SetupRows(org: self).byObject {
            for row in rows { tables[object.lowercased()]?.add(row) }
        }
    }

    /// `00D` and twelve characters that depend on the seed. With twins, the second org's id is the first
    /// one's with the case of two letters changed.
    private static func identity(_ number: Int, _ configuration: SimulatorConfiguration) -> OrgRecordID {
        let isTwin = configuration.caseTwins && number == 2
        let source = isTwin ? 1 : number
        let random = Mixer.key(configuration.seed, "org", "\(source)")
        var body = (0..<10).map { OrgRecordID.digits[Int(Mixer.mix(random &+ UInt64($0)) % 62)] }
        let letters = Array("abcdefghijklmnopqrstuvwxyz".utf8)
        // The last two differ between orgs even if the rest is equal by chance.
        let last = [letters[source / 26 % 26], letters[source % 26]]
        body += isTwin ? last.map { $0 - 0x20 } : last
        let text = "00D" + String(decoding: body, as: UTF8.self)
        return OrgRecordID(text) ?? OrgRecordID(high: 0, low: 0)
    }

    /// The table of a visible object. Names ignore case. Documented (SOQL).
    func table(_ object: String) -> Table? {
        let name = object.lowercased()
        return hiddenObjects.contains(name) ? nil : tables[name]
    }

    /// The visible objects in the order of the global describe.
    var listedTables: [Table] {
        let known = Catalog.objects.compactMap { table($0.name) }
        let others = tables.keys.filter { name in !Catalog.objects.contains { $0.name.lowercased() == name } }
        return known + others.sorted().compactMap { table($0) }
    }

    /// True if the field is not hidden.
    func isVisible(_ field: FieldSchema, of object: ObjectSchema) -> Bool {
        !field.isRemoved
            && (hiddenFields.isEmpty || !hiddenFields.contains("\(object.name).\(field.name)".lowercased()))
    }

    /// The user of this name.
    func user(named name: String) -> OrgUser? {
        users.first { $0.username.lowercased() == name.lowercased() }
    }
}
