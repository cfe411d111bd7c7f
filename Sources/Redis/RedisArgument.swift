/// An argument of a command: bytes.
package struct RedisArgument: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(_ text: String) { bytes = Array(text.utf8) }
    package init(_ number: Int) { bytes = Array(String(number).utf8) }
    package init(stringLiteral value: String) { self.init(value) }
}

/// Commands in RESP: an array of bulk strings. Not written by hiredis, which would allocate each command and
/// copy it again into the output buffer.
enum RedisWire {
    static func append(_ command: [RedisArgument], to output: inout [UInt8]) {
        append(prefix: 0x2a, count: command.count, to: &output)
        for argument in command {
            append(prefix: 0x24, count: argument.bytes.count, to: &output)
            output.append(contentsOf: argument.bytes)
            output.append(contentsOf: [0x0d, 0x0a])
        }
    }

    private static func append(prefix: UInt8, count: Int, to output: inout [UInt8]) {
        output.append(prefix)
        output.append(contentsOf: String(count).utf8)
        output.append(contentsOf: [0x0d, 0x0a])
    }
}
