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
