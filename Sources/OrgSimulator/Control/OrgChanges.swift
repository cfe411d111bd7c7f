/// What an administrator of an org would change, done by tests.
extension Org {
    /// Grows with every change of rows or of what is visible.
    var revision: Int { changes + tables.values.reduce(0) { $0 + $1.revision } }

    /// Takes an object, or one of its fields, away from describes and queries, or gives it back.
    mutating func hide(_ object: String, field: String?, isHidden: Bool) {
        changes += 1
        if let field {
            let name = "\(object).\(field)".lowercased()
            if isHidden { hiddenFields.insert(name) } else { hiddenFields.remove(name) }
        } else if isHidden {
            hiddenObjects.insert(object.lowercased())
        } else {
            hiddenObjects.remove(object.lowercased())
        }
    }

    /// Takes an object away from the Bulk API, as Salesforce does with AcceptedEventRelation, or gives it back.
    mutating func setBulkSupport(of object: String, isMissing: Bool) {
        if isMissing {
            bulkUnsupported.insert(object.lowercased())
        } else {
            bulkUnsupported.remove(object.lowercased())
        }
    }

    /// Lets nobody read an object without a filter, as Salesforce does with ContentDocumentLink, or ends that.
    mutating func setFilterRule(of object: String, isOn: Bool) {
        if isOn { needsFilter.insert(object.lowercased()) } else { needsFilter.remove(object.lowercased()) }
    }

    /// Gives a right to a user (nil: to all), or takes it, in the user's profile and its permission set too.
    mutating func setRight(_ right: UserRight, of username: String?, isHeld: Bool) {
        for place in users.indices where username == nil || users[place].username == username {
            if isHeld { users[place].rights.insert(right) } else { users[place].rights.remove(right) }
            // Profiles and their sets stand in the order of users.
            for object in [Catalog.profile, Catalog.permissionSet] {
                guard let field = object.place(of: right.fieldName) else { continue }
                tables[object.name.lowercased()]?.change(place, [field: .boolean(isHeld)])
            }
        }
    }
}
