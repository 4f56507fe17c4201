/// What many operations of the contract have in common.
extension OpenAPIDocument {
    /// What every answer of `/v1` carries.
    static let answerHeaders = #"""
                    Muster-Node: {$ref: '#/components/headers/Muster-Node'}
                    Muster-Version: {$ref: '#/components/headers/Muster-Version'}
                    Muster-Epoch: {$ref: '#/components/headers/Muster-Epoch'}
                    Muster-Seq: {$ref: '#/components/headers/Muster-Seq'}
                    Request-Id: {$ref: '#/components/headers/Request-Id'}
        """#

    /// What a read that names no one thing may answer instead.
    static let listErrors = #"""
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
        """#

    /// What a read of one thing may answer instead.
    static let itemErrors = #"""
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
        """#

    /// What a removal may answer instead.
    static let removalErrors = #"""
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '409': {$ref: '#/components/responses/Conflict'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
        """#

    /// What a change with a body may answer instead, where nothing has to be there.
    static let requestErrors = #"""
                '400': {$ref: '#/components/responses/BadRequest'}
                '401': {$ref: '#/components/responses/Unauthenticated'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '408': {$ref: '#/components/responses/Timeout'}
                '409': {$ref: '#/components/responses/Conflict'}
                '413': {$ref: '#/components/responses/TooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '422': {$ref: '#/components/responses/Unprocessable'}
                '429': {$ref: '#/components/responses/RateLimited'}
                '500': {$ref: '#/components/responses/Internal'}
                '503': {$ref: '#/components/responses/Unavailable'}
        """#

    /// What a change with a body may answer instead, where it speaks of something that has to be there.
    static let changeErrors = #"""
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
        """#
}
