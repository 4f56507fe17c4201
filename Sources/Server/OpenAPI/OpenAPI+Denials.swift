extension OpenAPIDocument {
    /// Paths: the deny-list of certificates between nodes.
    static let denials = #"""
          /v1/denials:
            get:
              operationId: listDenials
              tags: [access]
              summary: Certificates that no node accepts from another
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/limit'}
              - {$ref: '#/components/parameters/cursor'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
                    Muster-Node: {$ref: '#/components/headers/Muster-Node'}
                    Muster-Version: {$ref: '#/components/headers/Muster-Version'}
                    Muster-Epoch: {$ref: '#/components/headers/Muster-Epoch'}
                    Muster-Seq: {$ref: '#/components/headers/Muster-Seq'}
                    Request-Id: {$ref: '#/components/headers/Request-Id'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [items, next, asOf]
                        properties:
                          items:
                            type: array
                            items: {$ref: '#/components/schemas/Denial'}
                          next: {$ref: '#/components/schemas/Next'}
                          asOf: {$ref: '#/components/schemas/Time'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
            post:
              operationId: denyCertificate
              tags: [access]
              summary: Let no node accept a certificate, or any of a node
              description: Every node reads the list each second, refuses such certificates, and cuts links that were made with them.
              x-muster-roles: [admin]
              x-muster-audit: certificate.denied
              parameters:
              - {$ref: '#/components/parameters/IdempotencyKey'}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [reason]
                      properties:
                        serial: {type: string, minLength: 1, maxLength: 255, description: 'The serial number of one certificate in hex, with or without colons; this or `node`.'}
                        node: {type: string, minLength: 1, maxLength: 255, description: 'A node’s name, for every certificate that carries it; this or `serial`.'}
                        reason: {type: string, minLength: 3, maxLength: 500, description: Why. It stands in the audit log.}
                      additionalProperties: false
                    example: {serial: 6b8b4567327b23c6, reason: the key of b was copied}
              responses:
                '201':
                  description: It is in force.
                  headers:
                    Muster-Node: {$ref: '#/components/headers/Muster-Node'}
                    Muster-Version: {$ref: '#/components/headers/Muster-Version'}
                    Muster-Epoch: {$ref: '#/components/headers/Muster-Epoch'}
                    Muster-Seq: {$ref: '#/components/headers/Muster-Seq'}
                    Request-Id: {$ref: '#/components/headers/Request-Id'}
                    Location: {$ref: '#/components/headers/Location'}
                    Idempotency-Replayed: {$ref: '#/components/headers/Idempotency-Replayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Denial'}
                      example: {id: 3, serial: 6b8b4567327b23c6, reason: the key of b was copied, by: admin-1, at: '2026-05-28T03:12:04.120Z'}
                  links:
                    denial:
                      operationId: getDenial
                      parameters: {id: $response.body#/id}
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '408': {$ref: '#/components/responses/Timeout'}
                '409': {$ref: '#/components/responses/Conflict'}
                '413': {$ref: '#/components/responses/TooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '422': {$ref: '#/components/responses/Unprocessable'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
          /v1/denials/{id}:
            get:
              operationId: getDenial
              tags: [access]
              summary: One entry of the deny-list
              x-muster-roles: [admin, auditor, operator, viewer]
              parameters:
              - {$ref: '#/components/parameters/id'}
              - {$ref: '#/components/parameters/minSeq'}
              responses:
                '200':
                  description: As asked.
                  headers:
                    Muster-Node: {$ref: '#/components/headers/Muster-Node'}
                    Muster-Version: {$ref: '#/components/headers/Muster-Version'}
                    Muster-Epoch: {$ref: '#/components/headers/Muster-Epoch'}
                    Muster-Seq: {$ref: '#/components/headers/Muster-Seq'}
                    Request-Id: {$ref: '#/components/headers/Request-Id'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Denial'}
                      example: {id: 3, serial: 6b8b4567327b23c6, reason: the key of b was copied, by: admin-1, at: '2026-05-28T03:12:04.120Z'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
            delete:
              operationId: allowCertificate
              tags: [access]
              summary: Take an entry off the deny-list
              x-muster-roles: [admin]
              x-muster-audit: certificate.allowed
              parameters:
              - {$ref: '#/components/parameters/id'}
              responses:
                '200':
                  description: As asked.
                  headers:
                    Muster-Node: {$ref: '#/components/headers/Muster-Node'}
                    Muster-Version: {$ref: '#/components/headers/Muster-Version'}
                    Muster-Epoch: {$ref: '#/components/headers/Muster-Epoch'}
                    Muster-Seq: {$ref: '#/components/headers/Muster-Seq'}
                    Request-Id: {$ref: '#/components/headers/Request-Id'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Denial'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '409': {$ref: '#/components/responses/Conflict'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}

        """#
}
