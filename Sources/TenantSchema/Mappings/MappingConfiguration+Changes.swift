package import Encoding

extension MappingConfiguration {
    /// A stored `config` object with the changes of another one, as JSON Merge Patch (RFC 7396) joins them: a
    /// member that the changes do not name stays, and null removes one. So do the entries of `fields` and
    /// `indexes`, whose names match in any case of letters. A removed field also loses its index.
    package static func merged(_ stored: JSONValue, with changes: JSONValue) -> JSONValue {
        guard var members = stored.object, let named = changes.object else { return changes }
        for (name, value) in named {
            if ["fields", "indexes"].contains(name), value.object != nil {
                members[name] = mergedEntries(members[name], with: value)
            } else {
                members[name] = value.isNull ? nil : value
            }
        }
        if let fields = named["fields"]?.object, let indexes = members["indexes"]?.object {
            let removed = Set(fields.filter(\.value.isNull).keys.map { $0.lowercased() })
            members["indexes"] = .object(indexes.filter { !removed.contains($0.key.lowercased()) })
        }
        return .object(members)
    }

    private static func mergedEntries(_ stored: JSONValue?, with changes: JSONValue) -> JSONValue {
        var entries = stored?.object ?? [:]
        for (name, value) in changes.object ?? [:] {
            let key = entries.keys.first { $0.lowercased() == name.lowercased() } ?? name
            if value.isNull {
                entries[key] = nil
            } else if let old = entries[key]?.object, let new = value.object {
                entries[key] = .object(old.merging(new) { $1 }.filter { !$0.value.isNull })
            } else {
                entries[key] = value
            }
        }
        return .object(entries)
    }

    /// Why the unique identifier of these settings is refused: its field is not mapped. Nil if it is mapped,
    /// or if the former settings have the same problem.
    ///
    /// - Parameter old: the former settings; nil for a new mapping.
    package func identifierProblem(replacing old: MappingConfiguration?) -> String? {
        guard let upsertField, !maps(upsertField) else { return nil }
        if let old, old.upsertField == upsertField, !old.maps(upsertField) { return nil }
        return "upsert_field: the field \(upsertField) is not mapped"
    }

    /// The problems that are new with these settings, so that the change can be refused. Problems of former
    /// settings do not prevent other changes.
    ///
    /// - Parameters:
    ///   - problems: those of a plan of these settings.
    ///   - old: the former settings; nil for a new mapping.
    package func refused(_ problems: [MappingProblem], replacing old: MappingConfiguration?)
        -> [MappingProblem]
    {
        problems.filter { problem in
            switch problem.kind {
            case .unknownObject, .notQueryable: old == nil
            case .unknownField: old?.names(problem.name) != true
            case .unsuitableIdentifier: old?.upsertField != upsertField
            default: false
            }
        }
    }

    private func names(_ field: String) -> Bool {
        maps(field) || upsertField?.lowercased() == field.lowercased()
    }

    private func maps(_ field: String) -> Bool {
        fields.contains { $0.lowercased() == field.lowercased() }
    }
}
