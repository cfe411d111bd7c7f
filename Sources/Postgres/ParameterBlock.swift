import CPostgres

/// Parameters in libpq's form: parallel arrays of types, pointers, lengths and formats.
struct ParameterBlock {
    private let parameters: [PostgresParameter]
    /// All values in sequence, each with a final NUL: libpq takes text as C strings.
    private var bytes: [UInt8] = []
    private var offsets: [Int?] = []

    init(_ parameters: [PostgresParameter]) throws(PostgresError) {
        guard parameters.count <= PostgresLimits.parameters else {
            throw PostgresError(.invalidArgument, "a statement has more than 65535 parameters")
        }
        self.parameters = parameters
        bytes.reserveCapacity(parameters.reduce(0) { $0 + ($1.bytes?.count ?? 0) + 1 })
        offsets.reserveCapacity(parameters.count)
        for parameter in parameters {
            guard let value = parameter.bytes else {
                offsets.append(nil)
                continue
            }
            guard value.count <= Int32.max else {
                throw PostgresError(.invalidArgument, "a parameter is larger than 2 GB")
            }
            // libpq would not notice: the value would end at the NUL.
            guard parameter.isBinary || !value.contains(0) else {
                throw PostgresError(.invalidArgument, "a text parameter contains a NUL byte")
            }
            offsets.append(bytes.count)
            bytes.append(contentsOf: value)
            bytes.append(0)
        }
    }

    typealias Body = (
        _ types: UnsafePointer<Oid>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
        _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
    ) -> Int32

    /// The pointers are valid until `body` returns.
    func withPointers(_ body: Body) -> Int32 {
        let types = parameters.map(\.type)
        let lengths = parameters.map { Int32($0.bytes?.count ?? 0) }
        let formats = parameters.map { $0.isBinary ? Int32(1) : 0 }
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            // SAFETY: the offsets point into this buffer, which outlives the call.
            let start = unsafe UnsafeRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self)
            let values = unsafe offsets.map { offset in
                unsafe offset.flatMap { unsafe start?.advanced(by: $0) }
            }
            return unsafe body(types, values, lengths, formats)
        }
    }
}
