/// A field of an object: its properties in the describe, and the rule for its values.
///
/// The initialiser sets the properties that follow from the type, as in the recorded describes. The modifiers
/// below set the others.
struct FieldSchema: Sendable {
    let name: String
    let type: FieldKind
    var label: String
    var length = 0
    var precision = 0
    var scale = 0
    var digits = 0
    var picklist: [String] = []
    var isRestrictedPicklist = false
    var referenceTo: [String] = []
    var relationshipName: String?
    var compoundFieldName: String?
    var extraTypeInfo: String?
    var isNillable = true
    var isCreateable = true
    var isUpdateable = true
    var isDefaultedOnCreate = false
    var isExternalID = false
    var isIDLookup = false
    /// An external id whose values several records may have.
    var allowsDuplicates = false
    var isNameField = false
    var isAutoNumber = false
    var isPermissionable = false
    var isHTML = false
    var isFilterable = true
    var isGroupable = true
    var isSortable = true
    var isAggregatable = true
    var recipe = Recipe.nothing
    /// The value of a record that is created without one.
    var initial = FieldValue.null
    /// The rule of a formula field.
    var formula: Formula?
    /// True for formulas and roll-up summaries. Their changes do not touch SystemModstamp.
    var isCalculated = false
    /// True after an administrator removed the field.
    var isRemoved = false
    /// How many of 256 records have no value.
    var nullShare: UInt8 = 0

    var isCustom: Bool { name.hasSuffix("__c") }

    /// True if no two live records may have the same value.
    var isUnique: Bool { isExternalID && !allowsDuplicates }

    init(_ name: String, _ type: FieldKind, length: Int = 0, label: String? = nil) {
        self.name = name
        self.type = type
        self.label = label ?? Self.label(of: name)
        self.length = length
        switch type {
        case .int: digits = 8
        case .double, .currency: precision = 18
        case .percent: precision = 5
        default: break
        }
        switch type {
        case .double, .currency, .percent, .datetime, .combobox: isGroupable = false
        case .boolean:
            isAggregatable = false
            isNillable = false
            isDefaultedOnCreate = true
            initial = .boolean(false)
        case .multipicklist:
            isGroupable = false
            isSortable = false
        case .address:
            isAggregatable = false
            isGroupable = false
            isSortable = false
            isCreateable = false
            isUpdateable = false
        case .textarea where length > 255:
            isAggregatable = false
            isGroupable = false
            isSortable = false
            isFilterable = false
        default: break
        }
    }

    /// `BillingPostalCode` becomes `Billing Postal Code`, `Score__c` becomes `Score`.
    private static func label(of name: String) -> String {
        let stem = name.hasSuffix("__c") ? name.dropLast(3) : name[...]
        var label = ""
        for character in stem {
            if character == "_" {
                label += " "
                continue
            }
            if character.isUppercase, let last = label.last, last.isLowercase { label += " " }
            label.append(character)
        }
        return label
    }
}

extension FieldSchema {
    /// This field, changed.
    func with(_ change: (inout FieldSchema) -> Void) -> FieldSchema {
        var field = self
        change(&field)
        return field
    }

    /// Filled by this recipe. `nulls` of 256 records have no value.
    func filled(_ recipe: Recipe, nulls: UInt8 = 0) -> FieldSchema {
        with {
            $0.recipe = recipe
            $0.nullShare = nulls
        }
    }

    /// A part of the compound field of this name.
    func part(of compound: String) -> FieldSchema { with { $0.compoundFieldName = compound } }

    /// A formula field.
    func calculated(_ formula: Formula) -> FieldSchema {
        system.with {
            $0.formula = formula
            $0.isCalculated = true
        }
    }

    /// A roll-up summary: the number of live rows of `child` whose `field` refers to the row.
    func rollUp(of child: String, by field: String) -> FieldSchema {
        system.with {
            $0.recipe = .rollUp(child: child, field: field)
            $0.isCalculated = true
        }
    }

    /// Set by the system: no caller may write it.
    var system: FieldSchema {
        with {
            $0.isCreateable = false
            $0.isUpdateable = false
        }
    }

    /// Never empty.
    var required: FieldSchema { with { $0.isNillable = false } }

    /// Set by the system when a record is created without it.
    var defaulted: FieldSchema { with { $0.isDefaultedOnCreate = true } }

    /// Subject to field-level security.
    var permissionable: FieldSchema { with { $0.isPermissionable = true } }
}
