/// Header fields in order and with repetitions. Names are compared case-insensitively.
///
/// All text is in one array, and a field is four offsets into it. So a request's head costs two allocations
/// for any number of fields. A colon and blanks separate a name from its value, as on the wire.
package struct Headers: Sendable {
    /// The offsets of a field's name and value in `text`.
    struct Field: Sendable {
        var name: Range<Int32>
        var value: Range<Int32>

        var nameRange: Range<Int> { Int(name.lowerBound)..<Int(name.upperBound) }
        var valueRange: Range<Int> { Int(value.lowerBound)..<Int(value.upperBound) }
        /// Name, colon and value.
        var lineRange: Range<Int> { Int(name.lowerBound)..<Int(value.upperBound) }
    }

    private(set) var text: [UInt8]
    private(set) var fields: [Field]
    /// Whether the fields can be written: every name is a token, and no value has CR, LF, NUL or another
    /// control character. Updated when fields are added, so that fields shared by many responses are checked
    /// once.
    private(set) var isWritable = true

    /// No fields.
    package init() {
        text = []
        fields = []
    }

    /// Fields whose offsets point into `text`, which may contain more.
    init(text: [UInt8], fields: [Field]) {
        self.text = text
        self.fields = fields
    }

    /// The number of fields, with repetitions.
    package var count: Int { fields.count }

    /// Whether there are none.
    package var isEmpty: Bool { fields.isEmpty }

    /// The value of the first field with this name. Setting it replaces all of them, nil removes them.
    package subscript(name: String) -> String? {
        get {
            for field in fields where matches(field, name) {
                return string(field.value)
            }
            return nil
        }
        set {
            remove(name)
            if let newValue { add(name, newValue) }
        }
    }

    /// The values of all fields with this name, in order.
    package func values(_ name: String) -> [String] {
        fields.filter { matches($0, name) }.map { string($0.value) }
    }

    /// Whether there is a field with this name.
    package func contains(_ name: String) -> Bool {
        fields.contains { matches($0, name) }
    }

    /// Whether the comma-separated lists under `name` contain `token`, case-insensitively.
    package func contains(_ name: String, token: String) -> Bool {
        for field in fields where matches(field, name) {
            for element in listElements(field) where equals(element, token) {
                return true
            }
        }
        return false
    }

    /// Appends a field. `isWritable` tells whether it can be written.
    package mutating func add(_ name: String, _ value: String) {
        let start = Int32(text.count)
        text.append(text: name)
        let nameEnd = Int32(text.count)
        text.append(text: ": ")
        let valueStart = Int32(text.count)
        text.append(text: value)
        fields.append(Field(name: start..<nameEnd, value: valueStart..<Int32(text.count)))
        isWritable = isWritable && canBeWritten(fields[fields.count - 1])
    }

    private func canBeWritten(_ field: Field) -> Bool {
        !field.name.isEmpty && text.span.extracting(field.nameRange).allAre(ByteClass.isToken)
            && text.span.extracting(field.valueRange).allAre(ByteClass.isFieldValue)
    }

    /// Appends all fields of `others`.
    package mutating func append(contentsOf others: Headers) {
        let offset = text.count
        text.append(contentsOf: others.text)
        isWritable = isWritable && others.isWritable
        fields.reserveCapacity(fields.count + others.fields.count)
        for field in others.fields { fields.append(field.moved(by: offset)) }
    }

    /// Whether the value of the first field with this name begins with the prefix. ASCII case is ignored.
    package func hasValue(_ name: String, beginningWith prefix: String) -> Bool {
        for field in fields where matches(field, name) {
            let length = Int32(prefix.utf8.count)
            return field.value.count >= length
                && equals(field.value.lowerBound..<field.value.lowerBound + length, prefix)
        }
        return false
    }

    /// Removes all fields with this name.
    package mutating func remove(_ name: String) {
        guard contains(name) else { return }
        fields = fields.filter { !matches($0, name) }
        isWritable = fields.allSatisfy(canBeWritten)
    }

    func string(_ range: Range<Int32>) -> String {
        String(decoding: bytes(range), as: UTF8.self)
    }

    func bytes(_ range: Range<Int32>) -> ArraySlice<UInt8> {
        text[Int(range.lowerBound)..<Int(range.upperBound)]
    }

    func matches(_ field: Field, _ name: String) -> Bool {
        equals(field.name, name)
    }

    /// Compares text with `string`, ignoring ASCII case.
    func equals(_ range: Range<Int32>, _ string: String) -> Bool {
        guard range.count == string.utf8.count else { return false }
        var index = Int(range.lowerBound)
        for byte in string.utf8 {
            if ByteClass.lowercased(text[index]) != ByteClass.lowercased(byte) { return false }
            index += 1
        }
        return true
    }

    /// The elements of a comma-separated list without surrounding blanks and empty elements (RFC 9110 section
    /// 5.6.1).
    func listElements(_ field: Field) -> [Range<Int32>] {
        var elements: [Range<Int32>] = []
        var start = field.value.lowerBound
        for end in field.value.lowerBound...field.value.upperBound {
            guard end == field.value.upperBound || text[Int(end)] == ByteClass.comma else { continue }
            let element = trimmed(start..<end)
            if !element.isEmpty { elements.append(element) }
            start = end + 1
        }
        return elements
    }

    private func trimmed(_ range: Range<Int32>) -> Range<Int32> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, ByteClass.isBlank(text[Int(lower)]) { lower += 1 }
        while lower < upper, ByteClass.isBlank(text[Int(upper - 1)]) { upper -= 1 }
        return lower..<upper
    }
}

extension Headers: Sequence {
    package func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var index = 0
        return AnyIterator {
            guard index < fields.count else { return nil }
            defer { index += 1 }
            return (string(fields[index].name), string(fields[index].value))
        }
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { add(name, value) }
    }
}

extension Headers: Equatable {
    /// The same fields in the same order. Names are compared case-insensitively.
    package static func == (left: Headers, right: Headers) -> Bool {
        left.count == right.count
            && zip(left, right).allSatisfy {
                $0.name.lowercased() == $1.name.lowercased() && $0.value == $1.value
            }
    }
}
