/// The result files of a Bulk job that writes. Documented: the order of rows is not that of the data.
struct IngestResults {
    let job: SimulatedIngestJob
    private let lineEnd: [UInt8]

    init(_ job: SimulatedIngestJob) {
        self.job = job
        lineEnd = job.lineEnding == "CRLF" ? [0x0D, 0x0A] : [0x0A]
    }

    /// Recorded: the header of the data follows the added columns as it was sent.
    var successful: [UInt8] {
        file(["sf__Id", "sf__Created"], failed: false) { outcome in
            [outcome.id?.text18 ?? "", outcome.isCreated ?? (job.operation == "insert") ? "true" : "false"]
        }
    }

    var failed: [UInt8] {
        file(["sf__Id", "sf__Error"], failed: true) { outcome in
            [outcome.id?.text18 ?? "", outcome.error.map(Self.text) ?? ""]
        }
    }

    var unprocessed: [UInt8] {
        var bytes = (job.table?.header ?? []) + lineEnd
        let rows = job.table?.rows ?? []
        for row in shuffled(Array(job.nextRow..<max(job.nextRow, rows.count))) {
            append(rows[row], to: &bytes)
        }
        return bytes
    }

    private func file(
        _ columns: [String], failed: Bool, _ values: (RowOutcome) -> [String]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for column in columns {
            append(quoted: column, to: &bytes)
            bytes.append(job.delimiter)
        }
        bytes += job.table?.header ?? []
        bytes += lineEnd
        guard let table = job.table else { return bytes }
        for place in shuffled(Array(job.results.indices)) {
            let result = job.results[place]
            guard (result.outcome.error != nil) == failed else { continue }
            append(values(result.outcome) + table.rows[result.row], to: &bytes)
        }
        return bytes
    }

    private func append(_ values: [String], to bytes: inout [UInt8]) {
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(job.delimiter) }
            append(quoted: value, to: &bytes)
        }
        bytes += lineEnd
    }

    private func append(quoted text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in text.utf8 {
            if byte == 0x22 { bytes.append(0x22) }
            bytes.append(byte)
        }
        bytes.append(0x22)
    }

    /// `CODE:message:fields --`. Recorded.
    static func text(_ error: APIError) -> String {
        let fields = error.fields ?? []
        let names = fields.isEmpty ? "--" : fields.joined(separator: ", ") + " --"
        return "\(error.code):\(error.message):\(names)"
    }

    /// The same job has the same order each time.
    private func shuffled(_ places: [Int]) -> [Int] {
        var places = places
        var random = Mixer.key(job.id.low, "results")
        for place in places.indices.dropFirst().reversed() {
            random = Mixer.mix(random)
            places.swapAt(place, Int(random % UInt64(place + 1)))
        }
        return places
    }
}
