// swift-tools-version: 6.2
import PackageDescription

/// Tests may touch raw memory (guard pages, file descriptors) without marking it; all else is as strict.
let strictTests: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// Every Swift target is built with the same strict settings; a warning is an error.
let strict = strictTests + [.strictMemorySafety()]

func target(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
    extra: [SwiftSetting] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict + extra)
}

func tests(
    _ subject: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .testTarget(
        name: "\(subject)Tests", dependencies: [.target(name: subject)] + dependencies,
        exclude: exclude, swiftSettings: strictTests)
}

func library(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
    name: "multiconnect",
    products: [.executable(name: "multiconnect", targets: ["Multiconnect"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // Without its default trait: that one would link all of Foundation.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // C libraries: a module map and a shim header each, no logic.
        .systemLibrary(name: "CLinux"),
        library("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
        // No pkg-config: its -D_FILE_OFFSET_BITS is a flag that SwiftPM warns about.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        library("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        library("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        library("CXML", pkgConfig: "libxml-2.0", apt: "libxml2-dev"),
        library("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),

        // Platform.
        target("Encoding", []),
        target(
            "Reactor", ["Encoding", "CLinux", heap, deque], extra: [.enableExperimentalFeature("Lifetimes")]),
        target("TLS", ["Reactor", "COpenSSL"]),
        target("HTTPWire", ["Encoding"]),
        target("HTTPServer", ["Reactor", "TLS", "HTTPWire", "Compression", "Encoding", log]),
        target("HTTPClient", ["Reactor", "TLS", "HTTPWire", "Encoding", "CCurl"]),
        target("Postgres", ["Reactor", "Encoding", "CPostgres", deque]),
        target("Redis", ["Reactor", "TLS", "CHiredis", deque]),
        target("Cryptography", ["Encoding", "COpenSSL"]),
        target("Metrics", ["Redis"]),
        target("XML", ["CXML"]),
        target("Compression", ["CZlib"]),

        // Domain.
        target("Activity", ["Postgres"]),
        target("Salesforce", ["HTTPClient", "Cryptography", "Reactor", "Encoding", log]),
        target("Jobs", ["Postgres", "Metrics", "Activity", "Encoding", log]),
        target(
            "Feeds",
            [
                "Organizations", "Jobs", "Postgres", "Activity", "Cryptography", "HTTPClient", "Encoding",
                "Reactor", log,
            ]),
        target(
            "JobIndex", ["Jobs", "Postgres", "Redis", "Encoding", log], resources: [.embedInCode("Scripts")]),
        target("JobWorker", ["Jobs", "JobIndex", "Reactor", "Postgres", "Redis", log]),
        target(
            "JobAdmin", ["Jobs", "JobIndex", "Activity", "Reactor", "Postgres", "Redis", "Encoding", log]),
        target(
            "SidekiqBridge",
            ["JobWorker", "Jobs", "JobIndex", "Postgres", "Reactor", "Redis", "Encoding", log],
            resources: [.embedInCode("Scripts")]),
        target(
            "Organizations",
            [
                "Encoding", "Postgres", "Activity", "Jobs", "Salesforce", "Cryptography", "HTTPClient",
                "Reactor",
                log,
            ]),
        target("TenantSchema", ["Salesforce", "Encoding"]),
        target(
            "Replication",
            [
                "TenantSchema", "Feeds", "Postgres", "Activity", "Jobs", "Salesforce", "Organizations",
                "Encoding",
                "Metrics", "Reactor", log, heap,
            ]),
        target(
            "OutboundMessages",
            [
                "XML", "Feeds", "Replication", "Organizations", "Activity", "Salesforce", "Postgres",
                "Cryptography", "Encoding",
            ]),
        target(
            "Processes",
            [
                "Feeds", "TenantSchema", "Replication", "Organizations", "Jobs", "Activity", "Salesforce",
                "Postgres", "HTTPClient", "Cryptography", "Encoding", subprocess,
            ]),
        target(
            "Tweets",
            [
                "Replication", "Organizations", "TenantSchema", "Jobs", "Postgres", "HTTPClient",
                "Cryptography", "Encoding", log,
            ]),
        target(
            "TenantAdmin",
            [
                "Organizations", "Replication", "TenantSchema", "JobAdmin", "Jobs", "Activity", "Salesforce",
                "Postgres", "Reactor", "Cryptography", "Encoding", log,
            ]),

        // Surface.
        target("Pages", ["HTTPServer", "HTTPWire", "Cryptography", "Encoding", log]),
        target(
            "Web",
            [
                "Reactor", "HTTPServer", "HTTPWire", "Pages", "Postgres", "Redis", "Metrics", "Salesforce",
                "Jobs", "JobAdmin", "Organizations", "Replication", "Feeds", "OutboundMessages",
                "Processes", "TenantAdmin", "Cryptography", "Encoding", "HTTPClient", log,
            ]),
        target(
            "Canvas",
            [
                "HTTPServer", "HTTPWire", "Pages", "Salesforce", "Organizations", "TenantAdmin",
                "Replication", "Encoding", log,
            ]),
        target(
            "Dashboard",
            [
                "HTTPServer", "HTTPWire", "Pages", "Postgres", "Salesforce", "Jobs", "JobAdmin",
                "Organizations", "TenantAdmin", "TenantSchema", "Replication", "Feeds", "Activity",
                "Cryptography", "Encoding", "Reactor", log,
            ]),
        target(
            "ConnectAPI",
            [
                "HTTPServer", "HTTPWire", "Pages", "Salesforce", "Organizations", "TenantAdmin",
                "TenantSchema", "Replication", "Activity", "Postgres", "Encoding", "Reactor", log,
            ], resources: [.embedInCode("OpenAPI")]),
        target(
            "OData",
            [
                "HTTPServer", "HTTPWire", "Pages", "Postgres", "Organizations", "TenantAdmin", "XML",
                "Cryptography", "Encoding", log,
            ]),
        target(
            "OrgSimulator",
            ["HTTPServer", "HTTPClient", "HTTPWire", "Reactor", "TLS", "Cryptography", "Encoding", log]),
        .executableTarget(
            name: "Multiconnect",
            dependencies: [
                "Reactor", "TLS", "HTTPServer", "HTTPClient", "Postgres", "Redis", "Cryptography", "Metrics",
                "Activity", "Salesforce", "Jobs", "JobIndex", "JobWorker", "JobAdmin", "SidekiqBridge",
                "Organizations", "TenantSchema", "Replication", "Feeds", "OutboundMessages", "Processes",
                "TenantAdmin", "Pages", "Web", "Dashboard", "Canvas", "ConnectAPI", "OData", "OrgSimulator",
                "Tweets",
                "Encoding", arguments, subprocess, log,
            ], swiftSettings: strict),

        // What `bin/bench jobs` runs; no part of the product.
        .executableTarget(
            name: "JobsBench",
            dependencies: [
                "Jobs", "JobIndex", "JobWorker", "SidekiqBridge", "Postgres", "Redis", "Reactor", arguments,
                log,
            ],
            path: "Benchmarks/JobsBench", swiftSettings: strict),

        // Tests. Support starts real parts: a database per test, the simulator, the built binary.
        .target(
            name: "Support",
            dependencies: ["Reactor", "Encoding", "Postgres", "Redis", subprocess], path: "Tests/Support",
            swiftSettings: strictTests),
        tests("Encoding"),
        tests("XML"),
        tests("Compression", ["Support"]),
        tests("OutboundMessages"),
        tests("Tweets"),
        tests(
            "Processes",
            ["Salesforce", "Encoding", "Postgres", "Cryptography", "Feeds", "Organizations", "Support"]),
        tests("Reactor"),
        tests("TLS", ["Reactor", "Support"]),
        // The wire's rules as bytes, for the parsers' tests and for the fuzzer of `bin/bench fuzz`.
        .target(
            name: "WireVectors", dependencies: ["HTTPWire"], path: "Tests/WireVectors",
            swiftSettings: strictTests),
        .executableTarget(
            name: "WireFuzz", dependencies: ["WireVectors"], path: "Tests/WireFuzz",
            swiftSettings: strictTests),
        tests("HTTPWire", ["WireVectors"]),
        tests("HTTPServer", ["Reactor", "TLS", "Support"]),
        tests("HTTPClient", ["Reactor", "TLS", "HTTPServer", "Support"]),
        tests("Postgres", ["Reactor", "TLS", "Support"]),
        tests("Redis", ["Reactor", "Support"]),
        tests("Cryptography"),
        tests("Metrics", ["Support", "Redis"]),
        tests("Salesforce", ["Reactor", "HTTPServer", "Support", "OrgSimulator"]),
        tests("Activity", ["Postgres", "Support"]),
        tests(
            "Feeds",
            [
                "Organizations", "Postgres", "Cryptography", "HTTPClient", "HTTPServer", "HTTPWire",
                "Encoding", "Reactor", "Support", log,
            ]),
        tests(
            "Jobs",
            [
                "JobIndex", "JobWorker", "JobAdmin", "SidekiqBridge", "Metrics", "Postgres", "Redis",
                "Reactor", "Encoding", "Support", log,
            ]),
        tests(
            "Organizations",
            [
                "Activity", "JobIndex", "JobWorker", "Reactor", "HTTPServer", "HTTPWire", "Support",
                "OrgSimulator",
            ]),
        // Describes of the default mapping's objects, for tests of plans, tables and imports.
        .target(
            name: "SampleDescribes", dependencies: ["TenantSchema", "Salesforce"],
            path: "Tests/SampleDescribes", swiftSettings: strictTests),
        tests("TenantSchema", ["Salesforce", "SampleDescribes"]),
        tests(
            "Replication",
            [
                "Reactor", "Postgres", "Activity", "Jobs", "JobAdmin", "Salesforce", "Organizations",
                "TenantSchema", "HTTPClient", "HTTPServer", "HTTPWire", "Encoding", "Cryptography", "Support",
                "SampleDescribes", "OrgSimulator", log, subprocess,
            ], exclude: ["Golden"]),
        tests(
            "TenantAdmin",
            ["Organizations", "Jobs", "Postgres", "Salesforce", "Encoding", "Support", log]),
        tests(
            "Web",
            [
                "JobAdmin", "JobIndex", "Reactor", "HTTPServer", "HTTPClient", "Pages", "Dashboard", "Canvas",
                "ConnectAPI", "OData", "TenantAdmin", "TenantSchema", "Replication", "XML", "Compression",
                "Support", "OrgSimulator", log,
            ]),
        tests("OData", ["TenantAdmin", "HTTPWire", "Postgres", "Encoding", "XML"]),
        tests("OrgSimulator", ["Reactor", "HTTPClient", "Postgres", "Cryptography", "Support"]),
        .testTarget(name: "TidyTests", swiftSettings: strictTests),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "Support", "Multiconnect", "Jobs", "JobAdmin", "JobIndex", "Postgres", "Redis", "Reactor",
                "Replication", "Salesforce", "SampleDescribes", "HTTPServer", "HTTPWire", "Cryptography",
                "TLS",
                "Encoding", log,
            ],
            swiftSettings: strictTests),
    ],
    swiftLanguageModes: [.v6]
)
