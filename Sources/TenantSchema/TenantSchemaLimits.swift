/// The named maxima of this target.
package enum TenantSchemaLimits {
    /// A mapping file of 1,000 objects with 800 fields each stays below it.
    package static let mappingFileBytes = 32 * 1024 * 1024
    /// Postgres cuts longer names (NAMEDATALEN - 1).
    static let identifierBytes = 63
    /// The largest row that fits into a page of Postgres with everything moved out that TOAST can move
    /// (`MaxHeapTupleSize`).
    static let rowBytes = 8_160
    /// The largest text that always fits into a btree entry: 2,704 bytes less its header.
    static let indexedBytes = 2_600
    /// Problems kept with a mapping. Further ones are dropped.
    static let problems = 200
}
