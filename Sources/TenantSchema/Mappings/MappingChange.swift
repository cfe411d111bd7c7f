internal import Encoding

/// The difference between a mapping file and a tenant's mappings. Mappings that the file does not name stay.
package struct MappingChange: Sendable, Equatable {
    /// What the file means for the mapping.
    package enum Kind: Sendable, Equatable {
        case new
        case changed
        case unchanged
    }

    package var entry: MappingFile.Entry
    package var kind: Kind
    /// The differences as short texts for operators: `+Phone`, `-Fax`, `access read_only -> read_write`.
    package var details: [String]

    /// - Parameter existing: the tenant's settings by object name.
    package static func changes(
        from existing: [String: MappingConfiguration], to file: MappingFile
    ) -> [MappingChange] {
        let known = Dictionary(
            existing.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        return file.mappings.map { entry in
            guard let old = known[entry.objectName.lowercased()] else {
                return MappingChange(
                    entry: entry, kind: .new, details: ["\(entry.configuration.fields.count) fields"])
            }
            let details = old.differences(to: entry.configuration)
            return MappingChange(
                entry: entry, kind: details.isEmpty ? .unchanged : .changed, details: details)
        }
    }
}

extension MappingConfiguration {
    /// The settings that differ. Unknown members, such as the export's `revision` and `applied_at`, do not
    /// count.
    func differences(to new: MappingConfiguration) -> [String] {
        let (before, after) = (Set(fields), Set(new.fields))
        var details = after.subtracting(before).sorted().map { "+\($0)" }
        details += before.subtracting(after).sorted().map { "-\($0)" }
        func note(_ name: String, _ old: String, _ new: String) {
            if old != new { details.append("\(name) \(old) -> \(new)") }
        }
        note("access", access.rawValue, new.access.rawValue)
        note("upsert_field", upsertField ?? "none", new.upsertField ?? "none")
        note("sf_notify_enabled", "\(notify)", "\(new.notify)")
        note("sf_polling_seconds", "\(pollingSeconds)", "\(new.pollingSeconds)")
        note(
            "sf_max_daily_api_calls", maximumDailyCalls.map { "\($0)" } ?? "none",
            new.maximumDailyCalls.map { "\($0)" } ?? "none")
        note("filter", filter ?? "none", new.filter ?? "none")
        note("numeric", "\(isNumeric)", "\(new.isNumeric)")
        note("numeric fields", Self.text(numericFields), Self.text(new.numericFields))
        note("read-only fields", Self.text(readOnlyFields), Self.text(new.readOnlyFields))
        note("save_duplicates", "\(savesDuplicates)", "\(new.savesDuplicates)")
        note("indexes", Self.text(indexes), Self.text(new.indexes))
        return details
    }

    /// The fields that are read-only by themselves, by API name.
    package var readOnlyFields: Set<String> { Set(fieldAccess.filter { $0.value == .readOnly }.keys) }

    private static func text(_ names: Set<String>) -> String {
        names.isEmpty ? "none" : names.sorted().joined(separator: ",")
    }

    private static func text(_ flags: [String: Bool]) -> String {
        let parts = flags.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
        return parts.isEmpty ? "none" : parts.joined(separator: ",")
    }
}

extension MappingConfiguration {
    /// Changes with each change of the configuration. A form remembers it, so that a save that is based on
    /// older settings can be refused.
    package var version: String { String(Identifier.fnv1a(json.serialized), radix: 16) }

    /// The effects of new settings that their names do not say.
    package func effects(of new: MappingConfiguration) -> [String] {
        var lines: [String] = []
        if access != new.access {
            lines.append(
                new.access == .readWrite
                    ? "users' later changes of the table are sent to Salesforce"
                    : "users' later changes of the table stay in Postgres")
        }
        if filter != new.filter {
            lines.append("the org checks the filter; all rows are read again, rows outside of it are removed")
        }
        if upsertField != new.upsertField, new.access == .readWrite {
            lines.append(
                new.upsertField.map { "new rows are sent as upserts by \($0)" }
                    ?? "new rows are sent as inserts")
        }
        if new.pollingSeconds < pollingSeconds || new.notify != notify {
            lines.append("each poll costs at least one of the org's API calls")
        }
        return lines
    }
}
