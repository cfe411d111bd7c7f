/// The describe of an object, key for key as recorded.
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
    var document: JSONValue {
        let traits = object.traits
        let fields = object.fields.filter { org.isVisible($0, of: object) }.map(FieldDocument.document)
        return [
            "actionOverrides": [], "activateable": false, "associateEntityType": nil,
            "associateParentEntity": nil, "childRelationships": .array(children),
            "compactLayoutable": .boolean(traits.isLayoutable), "createable": .boolean(traits.isCreateable),
            "custom": .boolean(object.isCustom), "customSetting": false, "deepCloneable": false,
            "defaultImplementation": nil, "deletable": .boolean(traits.isDeletable),
            "deprecatedAndHidden": false, "extendedBy": nil, "extendsInterfaces": nil,
            "feedEnabled": .boolean(traits.isFeedEnabled), "fields": .array(fields), "hasSubtypes": false,
            "implementedBy": nil, "implementsInterfaces": nil, "isInterface": false, "isSubtype": false,
            "keyPrefix": .string(object.keyPrefix), "label": .string(object.label),
            "labelPlural": .string(object.labelPlural), "layoutable": .boolean(traits.isLayoutable),
            "listviewable": nil, "lookupLayoutable": nil, "mergeable": .boolean(traits.isMergeable),
            "mruEnabled": .boolean(traits.isMRUEnabled), "name": .string(object.name), "namedLayoutInfos": [],
            "networkScopeFieldName": nil, "queryable": true,
            "recordTypeInfos": .array(traits.isLayoutable ? [recordType] : []), "replicateable": true,
            "retrieveable": true, "searchLayoutable": .boolean(traits.isSearchable),
            "searchable": .boolean(traits.isSearchable), "sobjectDescribeOption": "FULL",
            "supportedScopes": .array(traits.isShared ? scopes : []),
            "triggerable": .boolean(traits.isTriggerable), "undeletable": .boolean(traits.isDeletable),
            "updateable": .boolean(traits.isUpdateable), "urls": urls,
        ]
    }

    /// The short form that the global describe and `/sobjects/X` give.
    var summary: JSONValue {
        let traits = object.traits
        return [
            "activateable": false, "associateEntityType": nil, "associateParentEntity": nil,
            "createable": .boolean(traits.isCreateable), "custom": .boolean(object.isCustom),
            "customSetting": false, "deepCloneable": false, "deletable": .boolean(traits.isDeletable),
            "deprecatedAndHidden": false, "feedEnabled": .boolean(traits.isFeedEnabled), "hasSubtypes": false,
            "isInterface": false, "isSubtype": false, "keyPrefix": .string(object.keyPrefix),
            "label": .string(object.label), "labelPlural": .string(object.labelPlural),
            "layoutable": .boolean(traits.isLayoutable), "mergeable": .boolean(traits.isMergeable),
            "mruEnabled": .boolean(traits.isMRUEnabled), "name": .string(object.name), "queryable": true,
            "replicateable": true, "retrieveable": true, "searchable": .boolean(traits.isSearchable),
            "triggerable": .boolean(traits.isTriggerable), "undeletable": .boolean(traits.isDeletable),
            "updateable": .boolean(traits.isUpdateable), "urls": summaryURLs,
        ]
    }

    private var recordType: JSONValue {
        let master = "012000000000000AAA"
        return [
            "active": true, "available": true, "defaultRecordTypeMapping": true, "developerName": "Master",
            "master": true, "name": "Master", "recordTypeId": .string(master),
            "urls": ["layout": .string("\(base)/describe/layouts/\(master)")],
        ]
    }

    private var scopes: [JSONValue] {
        let plural = object.labelPlural.lowercased()
        return [
            ["label": .string("All \(plural)"), "name": "everything"],
            ["label": .string("My \(plural)"), "name": "mine"],
        ]
    }

    /// The lookups of other objects that lead here.
    private var children: [JSONValue] {
        Catalog.objects.filter { org.table($0.name) != nil }.flatMap { child in
            child.fields.filter { $0.type == .reference && $0.referenceTo.contains(object.name) }.map {
                [
                    "cascadeDelete": false, "childSObject": .string(child.name), "deprecatedAndHidden": false,
                    "field": .string($0.name), "junctionIdListNames": [], "junctionReferenceTo": [],
                    "relationshipName": nil, "restrictedDelete": false,
                ]
            }
        }
    }

    private var summaryURLs: JSONValue {
        var members = [JSONValue.Member(name: "rowTemplate", value: .string("\(base)/{ID}"))]
        if object.traits.isLayoutable {
            members = [
                .init(name: "compactLayouts", value: .string("\(base)/describe/compactLayouts")),
                .init(name: "rowTemplate", value: .string("\(base)/{ID}")),
            ]
            if object.traits.isShared {
                members += [
                    .init(name: "approvalLayouts", value: .string("\(base)/describe/approvalLayouts")),
                    .init(name: "listviews", value: .string("\(base)/listviews")),
                ]
            }
        }
        members.append(.init(name: "describe", value: .string("\(base)/describe")))
        if object.traits.isLayoutable {
            members += [
                .init(name: "quickActions", value: .string("\(base)/quickActions")),
                .init(name: "layouts", value: .string("\(base)/describe/layouts")),
            ]
        }
        members.append(.init(name: "sobject", value: .string(base)))
        return .object(members)
    }

    private var urls: JSONValue {
        guard case .object(var members) = summaryURLs else { return [:] }
        if object.traits.isLayoutable {
            members += [
                .init(name: "uiDetailTemplate", value: .string("\(origin)/{ID}")),
                .init(name: "uiEditTemplate", value: .string("\(origin)/{ID}/e")),
                .init(name: "uiNewRecord", value: .string("\(origin)/\(object.keyPrefix)/e")),
            ]
        }
        return .object(members)
    }
}
