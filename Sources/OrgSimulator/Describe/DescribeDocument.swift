import Encoding

/// The describe of an object, with the recorded keys.
///
/// `actionOverrides`, `childRelationships` and pick list bitmaps are not simulated in depth.
struct DescribeDocument {
    let org: Org
    let object: ObjectSchema
    /// Such as `66.0`.
    let version: String
    let origin: String

    private var base: String { "/services/data/v\(version)/sobjects/\(object.name)" }

    /// The whole document.
    var document: JSONText {
        let traits = object.traits
        let fields = object.fields.filter { org.isVisible($0, of: object) }.map(FieldDocument.document)
        return [
            "actionOverrides": [], "activateable": false, "associateEntityType": nil,
            "associateParentEntity": nil, "childRelationships": .array(children),
            "compactLayoutable": .bool(traits.isLayoutable), "createable": .bool(traits.isCreateable),
            "custom": .bool(object.isCustom), "customSetting": false, "deepCloneable": false,
            "defaultImplementation": nil, "deletable": .bool(traits.isDeletable),
            "deprecatedAndHidden": false, "extendedBy": nil, "extendsInterfaces": nil,
            "feedEnabled": .bool(traits.isFeedEnabled), "fields": .array(fields), "hasSubtypes": false,
            "implementedBy": nil, "implementsInterfaces": nil, "isInterface": false, "isSubtype": false,
            "keyPrefix": .string(object.keyPrefix), "label": .string(object.label),
            "labelPlural": .string(object.labelPlural), "layoutable": .bool(traits.isLayoutable),
            "listviewable": nil, "lookupLayoutable": nil, "mergeable": .bool(traits.isMergeable),
            "mruEnabled": .bool(traits.isMRUEnabled), "name": .string(object.name), "namedLayoutInfos": [],
            "networkScopeFieldName": nil, "queryable": true,
            "recordTypeInfos": .array(traits.isLayoutable ? [recordType] : []), "replicateable": true,
            "retrieveable": true, "searchLayoutable": .bool(traits.isSearchable),
            "searchable": .bool(traits.isSearchable), "sobjectDescribeOption": "FULL",
            "supportedScopes": .array(traits.isShared ? scopes : []),
            "triggerable": .bool(traits.isTriggerable), "undeletable": .bool(traits.isDeletable),
            "updateable": .bool(traits.isUpdateable), "urls": urls,
        ]
    }

    /// The short form in the global describe and in `/sobjects/X`.
    var summary: JSONText {
        let traits = object.traits
        return [
            "activateable": false, "associateEntityType": nil, "associateParentEntity": nil,
            "createable": .bool(traits.isCreateable), "custom": .bool(object.isCustom),
            "customSetting": false, "deepCloneable": false, "deletable": .bool(traits.isDeletable),
            "deprecatedAndHidden": false, "feedEnabled": .bool(traits.isFeedEnabled), "hasSubtypes": false,
            "isInterface": false, "isSubtype": false, "keyPrefix": .string(object.keyPrefix),
            "label": .string(object.label), "labelPlural": .string(object.labelPlural),
            "layoutable": .bool(traits.isLayoutable), "mergeable": .bool(traits.isMergeable),
            "mruEnabled": .bool(traits.isMRUEnabled), "name": .string(object.name), "queryable": true,
            "replicateable": true, "retrieveable": true, "searchable": .bool(traits.isSearchable),
            "triggerable": .bool(traits.isTriggerable), "undeletable": .bool(traits.isDeletable),
            "updateable": .bool(traits.isUpdateable), "urls": summaryURLs,
        ]
    }

    private var recordType: JSONText {
        let master = "012000000000000AAA"
        return [
            "active": true, "available": true, "defaultRecordTypeMapping": true, "developerName": "Master",
            "master": true, "name": "Master", "recordTypeId": .string(master),
            "urls": ["layout": .string("\(base)/describe/layouts/\(master)")],
        ]
    }

    private var scopes: [JSONText] {
        let plural = object.labelPlural.lowercased()
        return [
            ["label": .string("All \(plural)"), "name": "everything"],
            ["label": .string("My \(plural)"), "name": "mine"],
        ]
    }

    /// The lookups of other objects to this one.
    private var children: [JSONText] {
        Catalog.objects.compactMap { org.table($0.name)?.schema }.flatMap { child in
            child.fields.filter {
                !$0.isRemoved && $0.type == .reference && $0.referenceTo.contains(object.name)
            }.map {
                [
                    "cascadeDelete": false, "childSObject": .string(child.name), "deprecatedAndHidden": false,
                    "field": .string($0.name), "junctionIdListNames": [], "junctionReferenceTo": [],
                    "relationshipName": nil, "restrictedDelete": false,
                ]
            }
        }
    }

    private var summaryURLs: JSONText {
        var members: [(String, JSONText)] = [("rowTemplate", .string("\(base)/{ID}"))]
        if object.traits.isLayoutable {
            members = [
                ("compactLayouts", .string("\(base)/describe/compactLayouts")),
                ("rowTemplate", .string("\(base)/{ID}")),
            ]
            if object.traits.isShared {
                members += [
                    ("approvalLayouts", .string("\(base)/describe/approvalLayouts")),
                    ("listviews", .string("\(base)/listviews")),
                ]
            }
        }
        members.append(("describe", .string("\(base)/describe")))
        if object.traits.isLayoutable {
            members += [
                ("quickActions", .string("\(base)/quickActions")),
                ("layouts", .string("\(base)/describe/layouts")),
            ]
        }
        members.append(("sobject", .string(base)))
        return .object(members)
    }

    private var urls: JSONText {
        guard case .object(var members) = summaryURLs else { return [:] }
        if object.traits.isLayoutable {
            members += [
                ("uiDetailTemplate", .string("\(origin)/{ID}")),
                ("uiEditTemplate", .string("\(origin)/{ID}/e")),
                ("uiNewRecord", .string("\(origin)/\(object.keyPrefix)/e")),
            ]
        }
        return .object(members)
    }
}
