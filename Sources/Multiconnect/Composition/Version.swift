/// The version of this program, for `--version`, the page of workers and the metrics.
enum Version {
    static let current = "0.1.0"
}
