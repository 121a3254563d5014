/**
 * What processes say to each other: the frame and every message, each declared once as a record
 * with its codec beside it.
 *
 * <p>Must never open a connection or decide anything: it turns values into bytes and back, and
 * refuses bytes that are not a value.
 */
@NullMarked
package io.adhocfs.protocol.wire;

import org.jspecify.annotations.NullMarked;
