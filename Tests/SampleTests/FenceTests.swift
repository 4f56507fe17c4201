import Testing

@testable import muster_sample

@Suite("Fence") struct FenceTests {
    @Test("an epoch below the highest is refused, an equal or higher one is not")
    func epochs() {
        var fence = Fence()
        #expect(fence.judge(epoch: 5, key: "a", previous: 1, present: 1) == .proceed)
        guard case .refused(let why) = fence.judge(epoch: 4, key: "b", previous: 1, present: 1) else {
            Issue.record("epoch 4 was not refused after 5")
            return
        }
        #expect(why.contains("epoch 4") && why.contains("epoch 5"))
        #expect(fence.judge(epoch: 5, key: "c", previous: 1, present: 1) == .proceed)
        #expect(fence.judge(epoch: 6, key: "d", previous: 1, present: 1) == .proceed)
        #expect(fence.highestEpoch == 6)
    }

    @Test("a person is held back by no epoch")
    func person() {
        var fence = Fence()
        _ = fence.judge(epoch: 5, key: nil, previous: nil, present: 1)
        #expect(fence.judge(epoch: nil, key: nil, previous: nil, present: 1) == .proceed)
    }

    @Test("an order for another count than the present one is refused")
    func previous() {
        var fence = Fence()
        guard case .refused = fence.judge(epoch: 1, key: "a", previous: 2, present: 3) else {
            Issue.record("an order for 2 workers was not refused with 3")
            return
        }
        #expect(fence.judge(epoch: 1, key: "a", previous: 3, present: 3) == .proceed)
    }

    @Test("a key that was carried out is answered with what it left, also when the count has changed since")
    func repeated() {
        var fence = Fence()
        _ = fence.judge(epoch: 1, key: "a", previous: 1, present: 1)
        fence.remember(key: "a", replicas: 4)
        #expect(fence.judge(epoch: 1, key: "a", previous: 1, present: 2) == .repeated(replicas: 4))
        guard case .refused = fence.judge(epoch: 0, key: "a", previous: 1, present: 4) else {
            Issue.record("a repeated order of an old epoch was not refused")
            return
        }
    }

    @Test("keys are forgotten oldest first, and the text brings all of it back")
    func text() throws {
        var fence = Fence()
        _ = fence.judge(epoch: 7, key: nil, previous: nil, present: 0)
        for number in 0..<Fence.rememberedKeys + 3 { fence.remember(key: "key-\(number)", replicas: number) }
        #expect(fence.done.count == Fence.rememberedKeys)
        #expect(fence.done.first?.key == "key-3")
        #expect(try Fence(text: fence.text) == fence)
        #expect(try Fence(text: Fence().text) == Fence())
    }

    @Test("a damaged file is an error, never an empty fence", arguments: ["", "epoch\n", "epoch x\n", "5\n", "epoch 5\nkey\n", "epoch 5\na b c\n"])
    func damaged(text: String) {
        #expect(throws: SampleError.self) { try Fence(text: text) }
    }

    @Test(
        "orders are read from the environment, and nonsense is refused",
        arguments: [
            ["EPOCH": "x"], ["PREVIOUS": "-1"], ["IDEMPOTENCY_KEY": "a b"], ["IDEMPOTENCY_KEY": "a\""], ["EPOCH": "99999999999999999999"],
        ])
    func environment(variables: [String: String]) throws {
        let order = try ScalingOrder(replicas: 3, environment: ["EPOCH": "7", "PREVIOUS": "2", "IDEMPOTENCY_KEY": "k-1"])
        #expect(order.epoch == 7 && order.previous == 2 && order.key == "k-1")
        let error = #expect(throws: SampleError.self) { try ScalingOrder(replicas: 3, environment: variables) }
        #expect(error?.exit == .usage)
        #expect(throws: SampleError.self) { try ScalingOrder(replicas: ScalingOrder.maximumReplicas + 1) }
        #expect(throws: SampleError.self) { try ScalingOrder(replicas: -1) }
    }
}
