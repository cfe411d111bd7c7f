extension TablePlan.Column {
    /// Whether the mapping has the column's field, under one of the names that it can have in the file.
    func isMapped(by configuration: MappingConfiguration, _ resolver: NameResolver) -> Bool {
        let source = Self.plain(source)
        if TablePlan.mandatoryFields.contains(where: { Self.plain($0) == source }) { return true }
        return (configuration.fields + [configuration.upsertField].compactMap(\.self)).contains {
            isNamed($0, resolver)
        }
    }

    /// Whether a mapping file's name of a field means this column.
    package func isNamed(_ name: String, _ resolver: NameResolver) -> Bool {
        let source = Self.plain(source)
        return resolver.candidates(name).contains { Self.plain($0) == source }
    }

    /// Whether the mapping makes the column's field read-only.
    package func isReadOnly(in configuration: MappingConfiguration, _ resolver: NameResolver) -> Bool {
        configuration.readOnlyFields.contains { isNamed($0, resolver) }
    }

    /// One spelling for `Account__Ext__c`, `Account__r__Ext__c` and `Account.Ext__c`.
    private static func plain(_ name: String) -> String {
        name.lowercased().replacing("__r.", with: "__").replacing("__r__", with: "__")
            .replacing(".", with: "__")
    }
}
