extension OpenAPIDocument {
    /// What the document is about.
    static let head = #"""
        openapi: 3.1.0
        info:
          title: Muster
          version: '1'
          summary: A highly available autoscaling coordinator.
          license: {name: Apache-2.0, identifier: Apache-2.0}
          description: 'Any node answers. Reads say how new they are (`Muster-Seq`); configuration is committed by the node that was asked; what only the leader
            can do is handed to it.

            Keys are sorted. Times are RFC 3339 in UTC with milliseconds. An absent field is unknown; `null` is known to be none. Clients ignore fields and words
            that they don’t know.

            Every other method of a path is 405 with `Allow`; HEAD works wherever GET does. A body over 1 MiB is 413, headers over 16 KiB are 431, an address over
            8 KiB is 414.

            A token may make 100 requests a second through one node, 200 at once (`RateLimit`, 429). Every error is a problem (RFC 9457) whose `next` says what
            to do.'
        servers:
        - {url: /}
        security:
        - bearer: []
        tags:
        - {name: node, description: This node and this API.}
        - {name: cluster, description: 'The cluster: status, nodes, leadership.'}
        - {name: fleet, description: 'What is scaled, and by which policies.'}
        - {name: manifests, description: 'Check, compare, apply and export manifests.'}
        - {name: scaling, description: Decisions and what became of them.}
        - {name: control, description: 'What people do: switch, pauses, overrides.'}
        - {name: audit, description: The tamper-evident log.}
        - {name: access, description: Tokens.}
        paths:

        """#
}
