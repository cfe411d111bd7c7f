extension TablePlan.Column {
    /// Whether the mapping has the column's field, under one of the names that it can have in the file.
    func isMapped(by configuration: MappingConfiguration, _ resolver: NameResolver) -> Bool {
        let source = Self.plain(source)
        if TablePlan.mandatoryFields.contains(where: { Self.plain($0) == source }) { return true }
        return (configuration.fields + [configuration.upsertField].compactMap(\.self)).contains { name in
            resolver.candidates(name).contains { Self.plain($0) == source }
        }
    }

    /// One spelling for `Account__Ext__c`, `Account__r__Ext__c` and `Account.Ext__c`.
    private static func plain(_ name: String) -> String {
        name.lowercased().replacing("__r.", with: "__").replacing("__r__", with: "__")
            .replacing(".", with: "__")
    }
}
