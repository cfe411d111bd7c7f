import Encoding

/// A field of a describe: the 57 keys of every recorded field.
enum FieldDocument {
    static func document(_ field: FieldSchema) -> JSONText {
        let isText = field.type.soapType == "xsd:string"
        // Recorded: three bytes per character, but one for ids and multi-select picklists.
        let byteLength = isText && field.type != .multipicklist ? field.length * 3 : field.length
        return [
            "aggregatable": .bool(field.isAggregatable), "aiPredictionField": false,
            "autoNumber": .bool(field.isAutoNumber), "byteLength": .number(byteLength),
            "calculated": .bool(field.isCalculated), "calculatedFormula": .optional(field.formula?.text),
            "cascadeDelete": false, "caseSensitive": false,
            "compoundFieldName": .optional(field.compoundFieldName), "controllerName": nil,
            "createable": .bool(field.isCreateable), "custom": .bool(field.isCustom),
            "defaultValue": field.type == .boolean ? false : nil, "defaultValueFormula": nil,
            "defaultedOnCreate": .bool(field.isDefaultedOnCreate), "dependentPicklist": false,
            "deprecatedAndHidden": false, "digits": .number(field.digits),
            "displayLocationInDecimal": false, "encrypted": false, "externalId": .bool(field.isExternalID),
            "extraTypeInfo": .optional(field.extraTypeInfo), "filterable": .bool(field.isFilterable),
            "filteredLookupInfo": nil, "formulaTreatNullNumberAsZero": false,
            "groupable": .bool(field.isGroupable), "highScaleNumber": false,
            "htmlFormatted": .bool(field.isHTML), "idLookup": .bool(field.isIDLookup),
            "inlineHelpText": nil, "label": .string(field.label), "length": .number(field.length),
            "mask": nil, "maskType": nil, "name": .string(field.name),
            "nameField": .bool(field.isNameField), "namePointing": false,
            "nillable": .bool(field.isNillable), "permissionable": .bool(field.isPermissionable),
            "picklistValues": .array(field.picklist.map(entry)), "polymorphicForeignKey": false,
            "precision": .number(field.precision), "queryByDistance": .bool(field.type == .address),
            "referenceTargetField": nil, "referenceTo": .array(field.referenceTo.map(JSONText.string)),
            "relationshipName": .optional(field.relationshipName), "relationshipOrder": nil,
            "restrictedDelete": false, "restrictedPicklist": .bool(field.isRestrictedPicklist),
            "scale": .number(field.scale),
            "searchPrefilterable": .bool(field.type == .reference && field.isPermissionable),
            "soapType": .string(field.type.soapType), "sortable": .bool(field.isSortable),
            "type": .string(field.type.rawValue), "unique": .bool(field.isUnique),
            "updateable": .bool(field.isUpdateable), "writeRequiresMasterRead": false,
        ]
    }

    private static func entry(_ value: String) -> JSONText {
        [
            "active": true, "defaultValue": false, "label": .string(value), "validFor": nil,
            "value": .string(value),
        ]
    }
}
