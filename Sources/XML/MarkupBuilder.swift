internal import CXML

/// Builds elements from libxml2's events.
// SAFETY: used by one call of `parse` only. libxml2 holds an unretained pointer to this object until the
// parser is freed at the end of `parse`.
@safe final class MarkupBuilder {
    private(set) var root: MarkupElement?
    private(set) var error: MarkupError?
    private let limits: MarkupLimits
    private var open: [MarkupElement] = []
    private var elements = 0
    private var parser: xmlParserCtxtPtr?

    init(_ limits: MarkupLimits) {
        unsafe parser = nil
        self.limits = limits
    }

    func parse(_ bytes: [UInt8]) {
        var handler = unsafe xmlSAXHandler()
        unsafe handler.initialized = xml_sax2_magic
        unsafe handler.internalSubset = { context, _, _, _ in
            unsafe MarkupBuilder.of(context)?.fail(.documentType)
        }
        unsafe handler.startElementNs = { context, name, _, namespace, _, _, count, _, attributes in
            unsafe MarkupBuilder.of(context)?.begin(name, namespace, Int(count), attributes)
        }
        unsafe handler.endElementNs = { context, _, _, _ in unsafe MarkupBuilder.of(context)?.end() }
        unsafe handler.characters = { context, bytes, count in
            unsafe MarkupBuilder.of(context)?.append(bytes, Int(count))
        }
        unsafe handler.cdataBlock = { context, bytes, count in
            unsafe MarkupBuilder.of(context)?.append(bytes, Int(count))
        }
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        guard let parser = unsafe xmlCreatePushParserCtxt(&handler, user, nil, 0, nil) else {
            error = .malformed
            return
        }
        unsafe self.parser = parser
        _ = unsafe xmlCtxtUseOptions(parser, xml_parse_nonet)
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe xmlParseChunk(
                parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), 1)
        }
        let isWellFormed = unsafe result == 0 && parser.pointee.wellFormed == 1
        if error == nil, !isWellFormed { error = .malformed }
        if error != nil { root = nil }
        unsafe self.parser = nil
        unsafe xmlFreeParserCtxt(parser)
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> MarkupBuilder? {
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<MarkupBuilder>.fromOpaque(context).takeUnretainedValue()
    }

    private func fail(_ failure: MarkupError) {
        if error == nil { error = failure }
        unsafe xmlStopParser(parser)
    }

    private func begin(
        _ name: UnsafePointer<xmlChar>?, _ namespace: UnsafePointer<xmlChar>?, _ count: Int,
        _ attributes: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?
    ) {
        guard error == nil else { return }
        elements += 1
        guard elements <= limits.elements, open.count < limits.depth, count <= limits.attributes else {
            return fail(.tooLarge)
        }
        var element = MarkupElement(
            name: unsafe Self.text(name), namespace: unsafe Self.text(namespace))
        // Five pointers for each: name, prefix, namespace, begin and end of the value.
        for index in 0..<count {
            guard let start = unsafe attributes?[index * 5 + 3], let end = unsafe attributes?[index * 5 + 4]
            else { continue }
            let value = unsafe UnsafeBufferPointer(start: start, count: end - start)
            // Without replaced entities, libxml2 spells each ampersand of a value like this.
            element.attributes[unsafe Self.text(attributes?[index * 5])] =
                unsafe String(decoding: value, as: UTF8.self).replacing("&#38;", with: "&")
        }
        open.append(element)
    }

    private func end() {
        guard error == nil, let element = open.popLast() else { return }
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    private func append(_ bytes: UnsafePointer<xmlChar>?, _ count: Int) {
        guard error == nil, !open.isEmpty else { return }
        let part = unsafe UnsafeBufferPointer(start: bytes, count: count)
        open[open.count - 1].text += unsafe String(decoding: part, as: UTF8.self)
    }

    private static func text(_ bytes: UnsafePointer<xmlChar>?) -> String {
        guard let bytes = unsafe bytes else { return "" }
        return unsafe String(cString: bytes)
    }
}
