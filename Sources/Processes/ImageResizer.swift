internal import Encoding
internal import FoundationEssentials
internal import Subprocess

/// The built-in process `resize_image`: `{"image": "<base64>", "width": 128, "height": 128}` becomes the
/// base64 of a PNG that fits into this size.
///
/// ImageMagick runs in a process of its own, with limits of memory, disk, pixels and time. Only PNG, JPEG and
/// GIF are read, and their reader is chosen by us: other readers of ImageMagick run scripts and open URLs.
struct ImageResizer: Sendable {
    enum Format: String, Sendable {
        case png
        case jpeg
        case gif

        /// The format that the first bytes belong to.
        init?(_ image: [UInt8]) {
            if image.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
                self = .png
            } else if image.starts(with: [0xFF, 0xD8, 0xFF]) {
                self = .jpeg
            } else if image.starts(with: "GIF87a".utf8) || image.starts(with: "GIF89a".utf8) {
                self = .gif
            } else {
                return nil
            }
        }
    }

    private static let imageBytes = 8 << 20
    /// A long text area has 131,072 characters.
    private static let resultBytes = 1 << 20
    private static let sides = 1...2_048
    private static let limits = [
        "-limit", "memory", "128MiB", "-limit", "map", "128MiB", "-limit", "disk", "0", "-limit", "area",
        "32MP", "-limit", "width", "16KP", "-limit", "height", "16KP", "-limit", "time", "20", "-limit",
        "thread", "1",
    ]

    let image: [UInt8]
    let format: Format
    let width: Int
    let height: Int

    init(input: JSONValue) throws(ProcessesError) {
        guard let text = input["image"]?.string, let image = Base64.decode(text), !image.isEmpty,
            image.count <= Self.imageBytes
        else { throw ProcessesError(.refused, "image must be an image of at most 8 MB in base64") }
        guard let format = Format(image) else {
            throw ProcessesError(.refused, "image must be a PNG, a JPEG or a GIF")
        }
        guard let width = input["width"]?.int, let height = input["height"]?.int,
            Self.sides.contains(width), Self.sides.contains(height)
        else { throw ProcessesError(.refused, "width and height must be numbers from 1 to 2048") }
        self.image = image
        self.format = format
        self.width = width
        self.height = height
    }

    /// The arguments of `convert`. The first frame only.
    var arguments: [String] {
        Self.limits + [
            "\(format.rawValue):-[0]", "-auto-orient", "-strip", "-thumbnail", "\(width)x\(height)>", "png:-",
        ]
    }

    /// Runs `convert` until the calling task is cancelled. Throws `.refused` if it fails.
    func run() async throws -> String {
        let result: [UInt8]
        do {
            let ended = try await Subprocess.run(
                .name("convert"), arguments: Arguments(arguments), input: .array(image),
                output: .bytes(limit: Self.resultBytes), error: .discarded)
            guard ended.terminationStatus.isSuccess else {
                throw ProcessesError(.refused, "the image cannot be resized")
            }
            result = ended.standardOutput
        } catch let error as SubprocessError {
            throw ProcessesError(.unavailable, "ImageMagick's convert cannot be run: \(error)")
        }
        guard Format(result) == .png else {
            throw ProcessesError(.unavailable, "convert printed no image: is ImageMagick installed?")
        }
        return Base64.encode(result)
    }
}
