/// The description of a field within a describe: exactly the 57 keys that every recorded one has.
enum FieldDocument {
    static func document(_ field: FieldSchema) -> JSONValue {
        let isText = field.type.soapType == "xsd:string"
        // Recorded: three bytes a character, but ids and multi-select picklists count one.
        let byteLength = isText && field.type != .multipicklist ? field.length * 3 : field.length
        return [
            "aggregatable": .boolean(field.isAggregatable), "aiPredictionField": false,
            "autoNumber": .boolean(field.isAutoNumber), "byteLength": .integer(byteLength),
            "calculated": false, "calculatedFormula": nil, "cascadeDelete": false, "caseSensitive": false,
            "compoundFieldName": JSONValue(field.compoundFieldName), "controllerName": nil,
            "createable": .boolean(field.isCreateable), "custom": .boolean(field.isCustom),
            "defaultValue": field.type == .boolean ? false : nil, "defaultValueFormula": nil,
            "defaultedOnCreate": .boolean(field.isDefaultedOnCreate), "dependentPicklist": false,
            "deprecatedAndHidden": false, "digits": .integer(field.digits),
            "displayLocationInDecimal": false, "encrypted": false, "externalId": .boolean(field.isExternalID),
            "extraTypeInfo": JSONValue(field.extraTypeInfo), "filterable": .boolean(field.isFilterable),
            "filteredLookupInfo": nil, "formulaTreatNullNumberAsZero": false,
            "groupable": .boolean(field.isGroupable), "highScaleNumber": false,
            "htmlFormatted": .boolean(field.isHTML), "idLookup": .boolean(field.isIDLookup),
            "inlineHelpText": nil, "label": .string(field.label), "length": .integer(field.length),
            "mask": nil, "maskType": nil, "name": .string(field.name),
            "nameField": .boolean(field.isNameField), "namePointing": false,
            "nillable": .boolean(field.isNillable), "permissionable": .boolean(field.isPermissionable),
            "picklistValues": .array(field.picklist.map(entry)), "polymorphicForeignKey": false,
            "precision": .integer(field.precision), "queryByDistance": .boolean(field.type == .address),
            "referenceTargetField": nil, "referenceTo": .array(field.referenceTo.map(JSONValue.string)),
            "relationshipName": JSONValue(field.relationshipName), "relationshipOrder": nil,
            "restrictedDelete": false, "restrictedPicklist": .boolean(field.isRestrictedPicklist),
            "scale": .integer(field.scale),
            "searchPrefilterable": .boolean(field.type == .reference && field.isPermissionable),
            "soapType": .string(field.type.soapType), "sortable": .boolean(field.isSortable),
            "type": .string(field.type.rawValue), "unique": .boolean(field.isExternalID),
            "updateable": .boolean(field.isUpdateable), "writeRequiresMasterRead": false,
        ]
    }

    private static func entry(_ value: String) -> JSONValue {
        [
            "active": true, "defaultValue": false, "label": .string(value), "validFor": nil,
            "value": .string(value),
        ]
    }
}
