import Encoding

/// Change events and PushTopic events of commits.
extension Org {
    /// The layout of an object's change events.
    mutating func layout(_ schema: ObjectSchema) -> PayloadLayout {
        let key = schema.name.lowercased()
        if let layout = layouts[key] { return layout }
        let layout = PayloadLayout(schema, org: number) { isVisible($0, of: schema) }
        layouts[key] = layout
        return layout
    }

    /// Adds the event of a write to `drafts`, or the row's id to an equal event.
    /// - Parameter change: the row, and the fields that the write sets.
    mutating func add(
        _ write: RowWrite, _ change: (row: Int, touched: Set<Int>), _ before: Table, _ after: Table,
        _ sequence: Int, _ settings: Assumptions, _ drafts: inout [EventDraft]
    ) {
        let layout = layout(after.schema)
        let row = change.row
        let payload = ChangePayload(table: after, layout: layout, sendsTextDiffs: settings.sendsTextDiffs)
        var members: [UInt8] = []
        var names: [String] = []
        let type: String
        switch write.kind {
        case .create:
            type = "CREATE"
            members = payload.created(row)
        case .undelete:
            type = "UNDELETE"
            members = payload.created(row)
        case .delete: type = "DELETE"
        case .hardDelete: return
        case .update:
            type = "UPDATE"
            var previous: [Int: FieldValue] = [:]
            for entry in layout.entries where change.touched.contains(entry.place) {
                let old = before.value(row, entry.place)
                if old != after.value(row, entry.place) || entry.name == "LastModifiedDate" {
                    previous[entry.place] = old
                }
            }
            members = payload.updated(row, previous: previous)
            names = payload.names(of: previous.keys)
        }
        let draft = EventDraft(
            object: after.schema.name, changeType: type, ids: [after.id(row)], members: members,
            changedFields: names, sequence: sequence, schemaID: layout.schemaID)
        if settings.mergesEvents, let last = drafts.last, last.equals(draft) {
            drafts[drafts.count - 1].ids += draft.ids
        } else {
            drafts.append(draft)
        }
    }

    /// Appends the events of a transaction.
    mutating func publish(_ drafts: [EventDraft], _ commit: Commit) {
        trimLog()
        guard !drafts.isEmpty else { return }
        commitNumber += 7
        let key = transactionKey
        for draft in drafts {
            append(draft, commit, key, ids: draft.ids.map { .string($0.text18) })
        }
    }

    private var transactionKey: String {
        let high = Mixer.mix(UInt64(commitNumber) &+ UInt64(number) << 40)
        let bytes = [high, Mixer.mix(high)].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        }
        let digits = Hex.encode(bytes)
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map { start, end in
            digits.dropFirst(start).prefix(end - start)
        }
        return parts.joined(separator: "-")
    }

    private mutating func append(_ draft: EventDraft, _ commit: Commit, _ key: String, ids: [JSONText]) {
        let number = commitNumber
        let delay = commit.eventDelay
        events.append(.change(of: draft.object), committed: commit.now, delay: delay) { replayID in
            draft.data(replayID, commit, commitNumber: number, transactionKey: key, ids: ids)
        }
    }

    /// Publishes an event that has a header only: a gap, an overflow, or a wildcard.
    /// - Parameter ids: `recordIds`, such as `001*`.
    mutating func publishHeader(_ object: ObjectSchema, _ changeType: String, ids: [String], _ commit: Commit)
    {
        commitNumber += 7
        let draft = EventDraft(
            object: object.name, changeType: changeType, ids: [], members: [], changedFields: [], sequence: 1,
            schemaID: layout(object).schemaID)
        append(draft, commit, transactionKey, ids: ids.map(JSONText.string))
    }

    private mutating func trimLog() {
        guard log.count > 2 * loggedChanges else { return }
        log.removeFirst(log.count - loggedChanges)
    }

    /// Appends the events of the PushTopics whose query selects the row.
    mutating func notifyPushTopics(
        _ kind: RowWrite.Kind, _ row: Int, _ before: Table, _ after: Table, _ commit: Commit
    ) {
        guard kind != .hardDelete, let topics = tables["pushtopic"], topics.rowCount > 0 else { return }
        for topicRow in 0..<topics.rowCount where !topics.isDeleted(topicRow) {
            guard let topic = PushTopicQuery(topics, topicRow), topic.isNotified(of: kind),
                let plan = topic.plan(in: self, after), plan.table.schema.name == after.schema.name,
                topic.concerns(plan, kind, row, before, after)
            else { continue }
            let data = topic.sobject(plan, row)
            let type =
                ["create": "created", "update": "updated", "delete": "deleted"][kind.rawValue] ?? "undeleted"
            let created = ISO8601.text(instant: commit.now, zone: "Z")
            events.append(.pushTopic(topic.name), committed: commit.now, delay: commit.eventDelay) {
                replayID in
                let event: JSONText = [
                    "createdDate": .string(created), "replayId": .number(replayID), "type": .string(type),
                ]
                return JSONText.object([("event", event), ("sobject", .raw(data))]).encoded
            }
        }
    }
}
