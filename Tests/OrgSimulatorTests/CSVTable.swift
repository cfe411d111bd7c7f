/// A simple CSV parser (RFC 4180) for results.
struct CSVTable {
    var header: [String] = []
    var rows: [[String]] = []

    init(_ bytes: [UInt8]) {
        var records: [[String]] = []
        var record: [String] = []
        var value: [UInt8] = []
        var isQuoted = false
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if isQuoted {
                if byte != 0x22 {
                    value.append(byte)
                } else if place < bytes.count, bytes[place] == 0x22 {
                    value.append(0x22)
                    place += 1
                } else {
                    isQuoted = false
                }
                continue
            }
            switch byte {
            case 0x22: isQuoted = true
            case 0x2C, 0x0A:
                record.append(String(decoding: value, as: UTF8.self))
                value = []
                if byte == 0x0A {
                    records.append(record)
                    record = []
                }
            default: value.append(byte)
            }
        }
        header = records.first ?? []
        rows = Array(records.dropFirst())
    }
}
