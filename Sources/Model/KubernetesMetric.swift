/// A metric in the terms of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2).
public struct KubernetesMetric: Sendable, Hashable {
    /// Which of Kubernetes' APIs answers.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// CPU or memory of the workload's pods.
        case resource = "Resource"
        /// The same of one container of each pod.
        case containerResource = "ContainerResource"
        /// A custom metric that each pod has.
        case pods = "Pods"
        /// A custom metric of another object.
        case object = "Object"
        /// A metric of something outside the cluster.
        case external = "External"
    }

    /// Which of Kubernetes' APIs answers.
    public var kind: Kind
    /// The metric's name there; of a resource `cpu` or `memory`.
    public var name: String
    /// Of a container resource.
    public var container: String?
    /// A label selector such as `queue=orders,tier in (a, b)`.
    public var selector: String?
    /// Of an object's metric: `apiVersion/kind/name`, such as `networking.k8s.io/v1/Ingress/shop`.
    public var object: String?

    public init(_ kind: Kind, name: String, container: String? = nil, selector: String? = nil, object: String? = nil) {
        self.kind = kind
        self.name = name
        self.container = container
        self.selector = selector
        self.object = object
    }
}
