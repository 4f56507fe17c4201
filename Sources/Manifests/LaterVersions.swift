/// Words of the manifest language that this version knows and does not do yet. Applying them in silence would promise what does not happen,
/// and calling them unknown would send people looking for a slip of the pen.
enum LaterVersions {
    static let connectionFields = [
        "prometheus", "redis", "rabbitmq", "amqp", "celery", "kafka", "http", "kubernetes", "docker", "nomad", "cloudwatch", "otlp", "statsd",
        "network", "timeout",
    ]
    static let serviceFields = ["demand"]
    static let policyFields = ["forecast"]
    static let metricFields = ["timeout"]
    static let sourceFields = [
        "prometheus", "redis", "celery", "rabbitmq", "amqp", "docker", "http", "push", "otlp", "statsd", "kafka", "cloudwatch",
        "schedule", "exec", "timeout",
    ]
    static let ruleFields = ["demand"]
    static let drivers = [
        "http", "docker", "compose", "swarm", "kubernetes", "nomad", "railway", "render", "heroku", "fly", "ecs", "asg", "systemd", "celery",
    ]
    static let kinds = ["Scenario"]

    /// What a field waits for, where that helps whoever wanted it.
    static let waitsFor = ["forecast": "it comes with back-testing", "demand": "it comes with back-testing"]
}
