/// The flags in describes that differ between the simulated objects.
struct ObjectTraits: Sendable {
    var isCreateable: Bool
    var isDeletable: Bool
    var isUpdateable: Bool
    var isMergeable: Bool
    var isLayoutable: Bool
    var isSearchable: Bool
    var isFeedEnabled: Bool
    var isMRUEnabled: Bool
    var isTriggerable: Bool
    /// True if rows have owners, so that sharing applies.
    var isShared: Bool

    /// Account and Contact. Recorded.
    static let business = ObjectTraits(
        isCreateable: true, isDeletable: true, isUpdateable: true, isMergeable: true, isLayoutable: true,
        isSearchable: true, isFeedEnabled: true, isMRUEnabled: true, isTriggerable: true, isShared: true)

    /// A custom object. Assumed, after the recorded describe of a custom setting.
    static let custom = ObjectTraits(
        isCreateable: true, isDeletable: true, isUpdateable: true, isMergeable: false, isLayoutable: true,
        isSearchable: true, isFeedEnabled: false, isMRUEnabled: true, isTriggerable: true, isShared: true)

    /// User. Recorded.
    static let user = ObjectTraits(
        isCreateable: true, isDeletable: false, isUpdateable: true, isMergeable: false, isLayoutable: true,
        isSearchable: true, isFeedEnabled: true, isMRUEnabled: true, isTriggerable: true, isShared: false)

    /// Organization. Recorded.
    static let organization = ObjectTraits(
        isCreateable: false, isDeletable: false, isUpdateable: true, isMergeable: false, isLayoutable: false,
        isSearchable: false, isFeedEnabled: false, isMRUEnabled: false, isTriggerable: false, isShared: false)

    /// Profile, PermissionSet, PermissionSetAssignment, RecordType. Assumed.
    static let setup = ObjectTraits(
        isCreateable: true, isDeletable: true, isUpdateable: true, isMergeable: false, isLayoutable: false,
        isSearchable: false, isFeedEnabled: false, isMRUEnabled: false, isTriggerable: false, isShared: false)
}
