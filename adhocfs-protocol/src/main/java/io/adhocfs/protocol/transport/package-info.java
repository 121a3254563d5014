/**
 * How messages travel: connections, the handshake, deadlines, request and reply matching.
 *
 * <p>The only package that knows network channels. Must never know what a message means for the
 * file system.
 */
@NullMarked
package io.adhocfs.protocol.transport;

import org.jspecify.annotations.NullMarked;
