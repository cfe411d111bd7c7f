/// One `name: value` line, of a head or of trailers.
enum FieldLine {
    /// Splits a line into name and value, without the blanks around the value.
    ///
    /// - Throws: `.fieldName` or `.fieldValue`.
    static func read(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPWireError) -> Headers.Field {
        var index = line.lowerBound
        while index < line.upperBound, ByteClass.isToken(bytes[index]) { index += 1 }
        // Anything except a colon after the name, especially white space, is used for request smuggling.
        guard index > line.lowerBound, index < line.upperBound, bytes[index] == ByteClass.colon else {
            throw HTTPWireError(.fieldName)
        }
        let nameEnd = index
        var lower = nameEnd + 1
        var upper = line.upperBound
        while lower < upper, ByteClass.isBlank(bytes[lower]) { lower += 1 }
        while lower < upper, ByteClass.isBlank(bytes[upper - 1]) { upper -= 1 }
        for position in lower..<upper where !ByteClass.isFieldValue(bytes[position]) {
            throw HTTPWireError(.fieldValue)
        }
        return Headers.Field(
            name: Int32(line.lowerBound)..<Int32(nameEnd), value: Int32(lower)..<Int32(upper))
    }
}

extension Headers.Field {
    func moved(by offset: Int) -> Headers.Field {
        guard offset != 0 else { return self }
        let by = Int32(offset)
        return Headers.Field(
            name: (name.lowerBound + by)..<(name.upperBound + by),
            value: (value.lowerBound + by)..<(value.upperBound + by))
    }
}
