extension MappingConfiguration {
    /// A setting by its name in the export format.
    package struct Setting: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    /// The settings that `set` changes, with their values. `none` is an absent one.
    package var settings: [Setting] {
        [
            Setting(name: "access", value: access.rawValue),
            Setting(name: "sf_polling_seconds", value: "\(pollingSeconds)"),
            Setting(name: "sf_notify_enabled", value: "\(notify)"),
            Setting(name: "sf_max_daily_api_calls", value: maximumDailyCalls.map { "\($0)" } ?? Self.none),
            Setting(name: "upsert_field", value: upsertField ?? Self.none),
            Setting(name: "filter", value: filter ?? Self.none),
            Setting(name: "numeric", value: "\(isNumeric)"),
            Setting(name: "save_duplicates", value: "\(savesDuplicates)"),
        ]
    }

    private static let none = "none"

    /// Changes a setting by its name in the export format. Returns why it cannot be changed, or nil.
    package mutating func set(_ name: String, to value: String) -> String? {
        switch name {
        case "access":
            guard let access = Access(rawValue: value) else {
                return "access must be read_only or read_write, not \(value)"
            }
            self.access = access
        case "sf_polling_seconds":
            guard let seconds = Int(value), seconds >= Self.minimumPollingSeconds else {
                return "sf_polling_seconds must be a number from \(Self.minimumPollingSeconds), not \(value)"
            }
            pollingSeconds = seconds
        case "sf_max_daily_api_calls":
            guard value == Self.none || Int(value).map({ $0 > 0 }) == true else {
                return "sf_max_daily_api_calls must be a positive number or none, not \(value)"
            }
            maximumDailyCalls = Int(value)
        case "upsert_field": upsertField = value == Self.none || value.isEmpty ? nil : value
        case "filter":
            let filter = value == Self.none || value.allSatisfy(\.isWhitespace) ? nil : value
            if let filter, let problem = RowFilter.problem(filter) { return "filter \(problem)" }
            self.filter = filter
        case "sf_notify_enabled": return set(\.notify, name, value)
        case "numeric": return set(\.isNumeric, name, value)
        case "save_duplicates": return set(\.savesDuplicates, name, value)
        default:
            let names = settings.map(\.name).joined(separator: ", ")
            return "there is no setting \(name); settings are \(names)"
        }
        return nil
    }

    private mutating func set(
        _ path: WritableKeyPath<MappingConfiguration, Bool>, _ name: String, _ value: String
    ) -> String? {
        guard let flag = ["true": true, "false": false][value] else {
            return "\(name) must be true or false, not \(value)"
        }
        self[keyPath: path] = flag
        return nil
    }
}
