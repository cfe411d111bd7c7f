import Replication
import Testing

/// How entries are packed into requests and Bulk jobs.
struct WritePackingTests {
    @Test func `a request takes at most the rows of a call, and calls are bounded`() {
        var scene = QueueScene { $0.calls = 3 }
        for row in 1...1_000 { scene.insert("task", row) }
        #expect(scene.sendAll().map(\.count) == [200, 200, 200])
        scene.written(1)
        #expect(scene.send() == nil)
        for id in 2...200 { scene.written(id) }
        #expect(scene.sendAll().map(\.count) == [200])
    }

    @Test func `strict order sends runs of one table and action, one at a time`() {
        var scene = QueueScene { $0.calls = 1 }
        scene.insert("task", 1)
        scene.insert("task", 2)
        scene.update("task", 1)
        scene.insert("task", 3)
        scene.insert("account", 1, ["ext__c": "A"])
        scene.insert("account", 2, ["ext__c": "A"])
        scene.insert("account", 3, ["ext__c": "B"])
        var batches: [[Int]] = []
        while let batch = scene.send() {
            #expect(scene.send() == nil)
            batches.append(batch)
            for id in batch { scene.written(id) }
        }
        #expect(batches == [[1, 2], [3], [4], [5], [6, 7]])
    }

    @Test func `strict order waits for an entry in a pause, not for failed and doubtful ones`() {
        var scene = QueueScene { $0.calls = 1 }
        scene.insert("task", 1)
        scene.update("task", 1)
        scene.insert("task", 2)
        scene.update("task", 2)
        scene.insert("account", 1)
        #expect(scene.sendAll() == [[1]])
        scene.fail(1)
        #expect(scene.sendAll() == [[3]])
        scene.retry(3, after: .seconds(1))
        #expect(scene.send() == nil)
        scene.now += .seconds(1)
        #expect(scene.sendAll() == [[3]])
        scene.doubt(3)
        #expect(scene.sendAll() == [[5]])
    }

    @Test func `a backlog of families fills its requests`() {
        var scene = QueueScene()
        for row in 1...5_000 {
            if row % 5 == 1 {
                scene.insert("account", row, ["ext__c": "\(row / 5)"])
            } else {
                scene.insert("contact", row, ["account__ext__c": "\((row - 1) / 5)"])
            }
        }
        var calls = 0
        var running: [[Int]] = []
        repeat {
            while let batch = scene.send() {
                calls += 1
                running.append(batch)
            }
            for id in running.isEmpty ? [] : running.removeFirst() { scene.written(id) }
        } while !running.isEmpty
        #expect(scene.queue.known.isEmpty)
        #expect(5_000 / calls >= 190)
    }

    @Test func `a fresh entry waits at most for the running calls`() {
        var scene = QueueScene { $0.calls = 4 }
        for row in 1...10_000 { scene.insert("task", row) }
        var running = scene.sendAll()
        #expect(running.count == 4)
        let fresh = scene.insert("account", 1)
        var ended = 0
        while let batch = running.first, batch != [fresh] {
            running.removeFirst()
            ended += 1
            for id in batch { scene.written(id) }
            running += scene.sendAll()
            if running.contains([fresh]) { break }
        }
        #expect(ended <= 4)
        #expect(running.contains([fresh]))
    }

    @Test func `many waiting updates of one table become a Bulk job, inserts never`() throws {
        var scene = QueueScene { $0.bulkThreshold = 500 }
        for row in 1...600 { scene.update("task", row, sfid: QueueScene.sfid(row)) }
        for row in 601...1_200 { scene.insert("task", row) }
        let next = scene.queue.next(now: scene.now)
        let first = try #require(next)
        let batches =
            [first] + [scene.queue.next(now: scene.now), scene.queue.next(now: scene.now)].compactMap(\.self)
        let bulk = try #require(batches.first { $0.method == .bulk })
        #expect(bulk.action == .update)
        #expect(bulk.items.count == 600)
        #expect(batches.filter { $0.method == .collection }.allSatisfy { $0.action == .insert })
    }

    @Test func `a table has one Bulk job at a time, and a small rest goes in requests`() {
        var scene = QueueScene { $0.bulkThreshold = 500 }
        for row in 1...500 { scene.update("task", row, sfid: QueueScene.sfid(row)) }
        #expect(scene.sendAll().map(\.count) == [500])
        for row in 501...700 { scene.update("task", row, sfid: QueueScene.sfid(row)) }
        #expect(scene.sendAll().map(\.count) == [200])
        for row in 701...1_300 { scene.update("task", row, sfid: QueueScene.sfid(row)) }
        #expect(scene.sendAll() == [])
        for id in 1...500 { scene.written(id) }
        #expect(scene.sendAll().map(\.count) == [600])
    }

    @Test func `entries that wait for each other do not make a Bulk job`() {
        var scene = QueueScene { $0.bulkThreshold = 500 }
        for number in 0..<1_000 { scene.update("task", number % 300, sfid: QueueScene.sfid(number % 300)) }
        #expect(scene.sendAll().map(\.count) == [200, 100])
    }
}
