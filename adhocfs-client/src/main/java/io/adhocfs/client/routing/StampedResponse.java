package io.adhocfs.client.routing;

import io.adhocfs.protocol.transport.Response;

/** The answer to a stamped request, and in which session it was done. */
public record StampedResponse(Response response, Session session) {}
