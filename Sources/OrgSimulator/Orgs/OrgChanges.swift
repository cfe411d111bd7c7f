/// Changes that an administrator of an org could make, for tests.
extension Org {
    /// Grows with every change of rows or of visible objects and fields.
    var revision: Int { changes + tables.values.reduce(0) { $0 + $1.revision } }

    /// Hides an object or one of its fields in describes and queries, or shows it again.
    mutating func hide(_ object: String, field: String?, isHidden: Bool, now: Int) {
        noteSchemaChange(now: now)
        if let field {
            let name = "\(object).\(field)".lowercased()
            if isHidden { hiddenFields.insert(name) } else { hiddenFields.remove(name) }
        } else if isHidden {
            hiddenObjects.insert(object.lowercased())
        } else {
            hiddenObjects.remove(object.lowercased())
        }
    }

    /// Records that visible objects or fields changed.
    mutating func noteSchemaChange(now: Int) {
        changes += 1
        externalIDs = [:]
        describedAt = now
        layouts = [:]
    }

    /// Makes the Bulk API refuse an object (as Salesforce does with AcceptedEventRelation), or accept it
    /// again.
    mutating func setBulkSupport(of object: String, isMissing: Bool) {
        if isMissing {
            bulkUnsupported.insert(object.lowercased())
        } else {
            bulkUnsupported.remove(object.lowercased())
        }
    }

    /// Makes an object need a filter in queries (as Salesforce does with ContentDocumentLink), or ends that.
    mutating func setFilterRule(of object: String, isOn: Bool) {
        if isOn { needsFilter.insert(object.lowercased()) } else { needsFilter.remove(object.lowercased()) }
    }

    /// Gives a right to a user (nil: to all) or takes it away, also in the user's profile and permission set.
    mutating func setRight(_ right: UserRight, of username: String?, isHeld: Bool) {
        for place in users.indices where username == nil || users[place].username == username {
            if isHeld { users[place].rights.insert(right) } else { users[place].rights.remove(right) }
            // Profiles and their permission sets are in the order of users.
            for object in [Catalog.profile, Catalog.permissionSet] {
                guard let field = object.place(of: right.fieldName) else { continue }
                tables[object.name.lowercased()]?.change(place, [field: .boolean(isHeld)])
            }
        }
    }
}
