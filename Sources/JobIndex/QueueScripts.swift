package import Redis

extension RedisScript {
    /// A script from the text of a `.lua` file, which can use the functions of `prelude.lua`.
    package init(_ name: String, lua bytes: [UInt8]) {
        self.init(name: name, source: Self.text(PackageResources.prelude_lua) + "\n" + Self.text(bytes))
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

/// The scripts of `Scripts/`. Redis runs each in one step.
enum QueueScripts {
    static let push = RedisScript("push", lua: PackageResources.push_lua)
    static let claim = RedisScript("claim", lua: PackageResources.claim_lua)
    static let acknowledge = RedisScript("acknowledge", lua: PackageResources.acknowledge_lua)
    static let release = RedisScript("release", lua: PackageResources.release_lua)
    static let epoch = RedisScript("epoch", lua: PackageResources.epoch_lua)
    static let takePushed = RedisScript("take_pushed", lua: PackageResources.take_pushed_lua)
    static let setWeights = RedisScript("set_weights", lua: PackageResources.set_weights_lua)
    static let inspect = RedisScript("inspect", lua: PackageResources.inspect_lua)
    static let remove = RedisScript("remove", lua: PackageResources.remove_lua)
}
